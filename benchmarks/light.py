"""Speed of the light network, SiamFC and OpenCV's NanoTrackV2, on one thread each.

    python benchmarks/light.py [FOLDER] [--nano BACKBONE.onnx HEAD.onnx] [--reference FILE.json]
    python benchmarks/light.py [FOLDER] --device cuda

All trackers follow the same frames in one run, fifty at a time in turn, so that whatever else the
machine does slows all of them; on a machine that has much else to do, `--cpu-time` counts the
processor's time alone. FOLDER holds sequences in OTB's layout; without it a synthetic clip
is tracked. What counts is the whole of `Tracker.update`: crop, network and post-processing. Frames
are decoded before, and the first frame, in which a tracker is begun, doesn't count.

NanoTrackV2 needs cv2, which is no dependency, and its two files; where they are not to be had,
`benchmarks/nanotrack_layers.py` makes a network of the same layers, which costs as much and tracks
nothing. `--reference` is a file of a run elsewhere, with `fps` of each sequence under `sequences`;
the ratio to it is no better than the likeness of the machines.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()  # before numpy is imported, as the command line does

import numpy as np
from numpy.typing import NDArray

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import read_sequences
from siamfc.evaluation.runs import SingleTargetTracker
from siamfc.evaluation.trackers.opencv import OpenCV, OpenCVTracker
from siamfc.network import Embedding, load_matcher
from siamfc.network.matcher import BoxMatcher, predicts_boxes
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import Tracker

Clock = Callable[[], float]
"""Gives seconds."""
TURN = 50
"""Frames that a tracker follows before the next one's turn. In the first of them the processor's
caches hold another tracker's network, as they rarely do where only one tracker runs."""
LIGHT, SIAMFC, NANO = "light", "SiamFC, three scales", "NanoTrackV2"


@dataclass(frozen=True)
class Film:
    """Frames and first box to track."""

    name: str
    frames: list[NDArray[np.uint8]]
    box: NDArray[np.float64]


class TimedMatcher:
    """A network whose time counts."""

    def __init__(self, matcher: BoxMatcher, clock: Clock) -> None:
        self.spec, self.calibration, self.seconds = matcher.spec, matcher.calibration, 0.0
        self.exemplars = matcher.exemplars
        self._matcher, self._clock = matcher, clock

    def embed_exemplar(self, crops: NDArray[np.uint8], sizes: NDArray[np.floating]) -> Embedding:
        """Embed exemplars with the matcher."""
        return self._matcher.embed_exemplar(crops, sizes)

    def locate(
        self, exemplars: Embedding, searches: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Locate targets with the matcher, and add the time."""
        start = self._clock()
        found = self._matcher.locate(exemplars, searches)
        self.seconds += self._clock() - start
        return found


@dataclass
class RunningTotals:
    """Seconds and updates by film."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    updates: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def rate(self, name: str | None = None) -> float:
        """Updates a second, in one film or in all."""
        names = [name] if name else list(self.updates)
        return sum(self.updates[n] for n in names) / sum(self.seconds[n] for n in names)


def read_films(folder: Path | None, count: int | None, frames: int) -> Iterator[Film]:
    """Sequences of a folder, or the clip."""
    if folder is None:
        clip = ProceduralClip(ClipSettings(frames=frames, width=480, height=360))
        yield Film("clip", list(clip), clip.boxes[0])
        return
    for sequence in islice(read_sequences(find_format("otb").open(folder)), count):
        images = list(islice(sequence.images(), frames))
        yield Film(sequence.name, images, sequence.boxes[0])


def for_opencv(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same RGB pixels, lying in memory as OpenCV takes them: it shall not pay for turning."""
    return np.ascontiguousarray(image[..., ::-1])[..., ::-1]


def run(
    film: Film,
    trackers: dict[str, SingleTargetTracker],
    totals: dict[str, RunningTotals],
    clock: Clock,
) -> None:
    """Track a film with all of them, in turns."""
    theirs = {name for name, tracker in trackers.items() if isinstance(tracker, OpenCVTracker)}
    turned = [for_opencv(image) for image in film.frames] if theirs else []
    frames = {name: turned if name in theirs else film.frames for name in trackers}
    for name, tracker in trackers.items():
        tracker.init(frames[name][0], film.box)
    for first in range(1, len(film.frames), TURN):
        for name, tracker in trackers.items():
            tally = totals[name]
            start = clock()
            for image in frames[name][first : first + TURN]:
                tracker.update(image)
                tally.updates[film.name] += 1
            tally.seconds[film.name] += clock() - start


def make_trackers(
    options: argparse.Namespace, clock: Clock
) -> tuple[dict[str, SingleTargetTracker], TimedMatcher]:
    """Return the compared trackers by name, and the light network of the first."""
    light = load_matcher(options.weights, device=options.device, threads=1)
    if not predicts_boxes(light):
        raise SystemExit(f"--weights {options.weights}: expected those of the light network")
    timed = TimedMatcher(light, clock)
    trackers: dict[str, SingleTargetTracker] = {
        LIGHT: Tracker(timed),
        SIAMFC: Tracker(load_matcher(options.siamfc, device=options.device, threads=1)),
    }
    if options.nano is not None:
        import cv2

        cv2.setNumThreads(1)
        backbone, head = options.nano
        trackers[NANO] = OpenCV(
            name="Nano", parameters=(("backbone", backbone), ("neckhead", head))
        )()
    return trackers, timed


def reference_ratio(path: Path, tally: RunningTotals) -> tuple[str, float]:
    """The reference's name, and how many times as fast the light network is on the same films."""
    reference = json.loads(path.read_text(encoding="utf-8"))
    rates = {name: one["fps"] for name, one in reference["sequences"].items()}
    names = [name for name in tally.updates if name in rates]
    if not names:
        raise SystemExit(f"--reference {path}: it has none of {', '.join(tally.updates)}")
    updates = sum(tally.updates[name] for name in names)
    theirs = updates / sum(tally.updates[name] / rates[name] for name in names)
    ours = updates / sum(tally.seconds[name] for name in names)
    return str(reference.get("tracker", path.stem)), ours / theirs


def summarise(
    totals: dict[str, RunningTotals], timed: TimedMatcher, options: argparse.Namespace
) -> dict[str, Any]:
    """Rates and ratios."""
    light = totals[LIGHT]
    updates, seconds = sum(light.updates.values()), sum(light.seconds.values())
    ratios = {name: light.rate() / one.rate() for name, one in totals.items() if name != LIGHT}
    if options.reference is not None:
        name, ratio = reference_ratio(options.reference, light)
        ratios[f"{name}, elsewhere"] = ratio
    films = list(light.updates)
    medians = {
        name: float(np.median([light.rate(film) / one.rate(film) for film in films]))
        for name, one in totals.items()
        if name != LIGHT
    }
    return {
        "updates_per_second": {name: one.rate() for name, one in totals.items()},
        "ratio": ratios,
        "median_ratio": medians,
        "network_milliseconds": 1000 * timed.seconds / updates,
        "other_milliseconds": 1000 * (seconds - timed.seconds) / updates,
        "sequences": {
            film: {name: one.rate(film) for name, one in totals.items()} for film in light.updates
        },
    }


def print_table(summary: dict[str, Any], names: Iterable[str]) -> None:
    """Updates a second by film, and the ratios."""
    print(f"{'updates/s':16}" + "".join(f"{name:>22}" for name in names))
    rows = {**summary["sequences"], "all": summary["updates_per_second"]}
    for film, rates in rows.items():
        print(f"{film:16}" + "".join(f"{rates[name]:22.1f}" for name in names))
    for name, ratio in summary["ratio"].items():
        median = summary["median_ratio"].get(name)
        shown = "" if median is None else f", in the median sequence {median:.2f}"
        print(f"light over {name}: {ratio:.2f} in all{shown}")
    print(
        f"of light's update the network takes {summary['network_milliseconds']:.2f} ms, "
        f"crop and post-processing {summary['other_milliseconds']:.2f} ms"
    )


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--weights", default="light")
    parser.add_argument("--siamfc", default="siamfc", help="weights of SiamFC")
    parser.add_argument("--device", default="cpu", help="of both networks; crops are the CPU's")
    parser.add_argument("--nano", nargs=2, metavar=("BACKBONE", "HEAD"))
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--sequences", type=int, help="only the first so many")
    parser.add_argument("--frames", type=int, default=100, help="of each sequence at most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    clock = time.process_time if options.cpu_time else time.perf_counter
    trackers, timed = make_trackers(options, clock)
    totals: dict[str, RunningTotals] = {name: RunningTotals() for name in trackers}
    for film in read_films(options.folder, options.sequences, options.frames):
        for _ in range(options.rounds):
            run(film, trackers, totals, clock)
    summary = summarise(totals, timed, options)
    if options.json:
        print(json.dumps({**summary, "machine": machine(), "commit": commit()}))
    else:
        print_table(summary, trackers)


if __name__ == "__main__":
    main()
