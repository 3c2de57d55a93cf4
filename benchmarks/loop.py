"""What the whole loop costs: `python benchmarks/loop.py` prints frames/s and each stage's share.

Renders a 1280×720 mp4 and tracks its target as `siamfc track` does, on two CPUs by default: read,
crop, network, advance (upsampling, window, peak), draw, write. Decoding and encoding run in
threads of their own, so the loop only waits for them, while they take processor time from the
network. The honest measure is therefore the last line: how much longer the loop takes than the
network alone, which is timed in turn with it on as many threads.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeVar
from unittest.mock import patch

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()  # before numpy is imported, as the command line does

import numpy as np
from numpy.typing import NDArray

from siamfc import geometry
from siamfc.frames import draw_boxes, open_source, open_writer
from siamfc.network import Embedding, Matcher, load_matcher
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import follow, settings_for

WIDTH, HEIGHT, TARGET, RATE = 1280, 720, 120, 30.0
STAGES = ("decode", "crop", "network", "advance", "draw", "encode")
"""`encode` is the wait for a place in the encoder's queue, and for its end."""

Value = TypeVar("Value")


@dataclass
class Clock:
    """Seconds by stage."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def time(self, stage: str, function: Callable[..., Value], *arguments: Any) -> Value:
        """Call and count the time."""
        start = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def timed(self, stage: str, function: Callable[..., Value]) -> Callable[..., Value]:
        """The function, whose time counts."""
        return lambda *arguments: self.time(stage, function, *arguments)

    def iterate(self, stage: str, values: Iterable[Value]) -> Iterator[Value]:
        """The values, the wait for which counts."""
        iterator = iter(values)
        end = object()
        while (value := self.time(stage, next, iterator, end)) is not end:
            yield value


class TimedMatcher:
    """A matcher whose time counts, and which keeps what it was last asked."""

    def __init__(self, matcher: Matcher, clock: Clock) -> None:
        self.spec = matcher.spec
        self._matcher, self._clock = matcher, clock
        self.asked: tuple[Embedding, NDArray[np.uint8]] | None = None

    def embed_exemplar(self, crops: NDArray[np.uint8]) -> Embedding:
        """As the matcher."""
        return self._clock.time("network", self._matcher.embed_exemplar, crops)

    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As the matcher."""
        self.asked = exemplars, searches
        return self._clock.time("network", self._matcher.respond, exemplars, searches)


def render(path: Path, frames: int) -> NDArray[np.float64]:
    """Write the video; returns the target's box in its first frame."""
    settings = ClipSettings(frames=frames, width=WIDTH, height=HEIGHT, target=TARGET)
    clip = ProceduralClip(settings)
    with open_writer(path, frame_rate=RATE) as writer:
        for index, image in enumerate(clip):
            writer.write(image, index / RATE)
    first: NDArray[np.float64] = clip.boxes[0]
    return first


@dataclass(frozen=True, kw_only=True)
class Round:
    """One run of the loop, and the network alone as often as it was asked there."""

    stages: dict[str, float]
    """Seconds a frame."""
    loop: float
    """Seconds a frame."""
    network: float
    """Seconds a frame, alone."""


def run_round(video: Path, box: NDArray[np.float64], matcher: Matcher, scales: int) -> Round:
    """Track the video and write the film, then ask the network the same again."""
    clock = Clock()
    timed = TimedMatcher(matcher, clock)
    count = 0
    start = time.perf_counter()
    with (
        patch.object(geometry, "crop_scales", clock.timed("crop", geometry.crop_scales)),
        open_source(video) as source,
    ):
        writer = open_writer(video.with_name("film.mp4"), frame_rate=RATE, overwrite=True)
        frames = clock.iterate("decode", source)
        tracked = follow(frames, box, timed, settings_for(scales))
        for frame, result in clock.iterate("step", tracked):
            count += 1
            drawn = clock.time("draw", draw_boxes, frame.image, result.boxes)
            clock.time("encode", writer.write, drawn, frame.time)
        clock.time("encode", writer.close)
    loop = time.perf_counter() - start
    seconds = clock.seconds
    seconds["advance"] = seconds["step"] - sum(seconds[s] for s in ("decode", "crop", "network"))
    assert timed.asked is not None
    start = time.perf_counter()
    for _ in range(count - 1):  # the first frame has no search images
        matcher.respond(*timed.asked)
    alone = time.perf_counter() - start
    stages = {stage: seconds[stage] / count for stage in STAGES}
    return Round(stages=stages, loop=loop / count, network=alone / count)


def summarise(rounds: list[Round]) -> dict[str, Any]:
    """Medians over the rounds."""
    loop = median(one.loop for one in rounds)
    stages = {stage: median(one.stages[stage] for one in rounds) for stage in STAGES}
    return {
        "fps": 1 / loop,
        "network_alone_fps": 1 / median(one.network for one in rounds),
        "beside_network": median(1 - one.network / one.loop for one in rounds),
        "stages": {
            stage: {"milliseconds": 1000 * seconds, "share": seconds / loop}
            for stage, seconds in stages.items()
        },
    }


def print_table(summary: dict[str, Any]) -> None:
    """One line a stage."""
    print(f"{'stage':10}{'ms/frame':>10}{'share':>8}")
    for stage, row in summary["stages"].items():
        print(f"{stage:10}{row['milliseconds']:10.2f}{row['share']:8.1%}")
    print(f"\nwhole loop     {summary['fps']:6.1f} frames/s")
    print(f"network alone  {summary['network_alone_fps']:6.1f} frames/s")
    print(f"all but the network takes {summary['beside_network']:.1%} of the loop")


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scales", type=int, default=3)
    parser.add_argument("--weights", default="siamfc")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    matcher = load_matcher(options.weights, device="cpu", threads=options.threads)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        box = render(video, options.frames)
        rounds = [run_round(video, box, matcher, options.scales) for _ in range(options.rounds)]
    summary = summarise(rounds)
    if options.json:
        run = {key: value for key, value in vars(options).items() if key != "json"}
        print(json.dumps({**run, **summary, "machine": machine(), "commit": commit()}))
    else:
        print_table(summary)


if __name__ == "__main__":
    main()
