"""Cost of a whole video: processor time a frame for decoding, network and everything else.

    python benchmarks/loop.py [--heights 720 2160] [--frames 48] [--rounds 3] [--weights light]

Renders a video of each height and tracks its target as `siamfc track --results` does. The network
runs on one thread, the one that tracks, so that each thread's own clock tells its part apart;
decoding alone is timed in turn with it. What remains of the reading thread takes fresh memory and
hands the pictures over. Processor time hardly depends on what else the machine does.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()

import numpy as np
from light import TimedMatcher
from numpy.typing import NDArray

from siamfc.frames import open_source, open_writer
from siamfc.frames.container import VideoAddress
from siamfc.frames.decoder import VideoDecoder
from siamfc.network import load_matcher
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import follow

RATE = 30.0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Milliseconds of processor time a frame."""

    decoding: float
    reading: float
    """The decoding threads, without decoding."""
    network: float
    tracking: float
    """Crop, choice of the box and everything else of the tracking thread."""

    @property
    def whole(self) -> float:
        """All of it."""
        return self.decoding + self.reading + self.network + self.tracking

    @property
    def beside(self) -> float:
        """Fraction that is neither decoding nor network."""
        return (self.reading + self.tracking) / self.whole


def render(path: Path, height: int, frames: int) -> NDArray[np.float64]:
    """Write a video of 16:9; return the target's box in its first frame."""
    size = {"width": height * 16 // 9, "height": height, "target": height // 6}
    clip = ProceduralClip(ClipSettings(frames=frames, **size))
    with open_writer(path, frame_rate=RATE) as writer:
        for index, image in enumerate(clip):
            writer.write(image, index / RATE)
    first: NDArray[np.float64] = clip.boxes[0]
    return first


def measure(video: Path, box: NDArray[np.float64], weights: str) -> Cost:
    """Decode the video, then track it."""
    timed = TimedMatcher(load_matcher(weights, device="cpu", threads=1), time.thread_time)
    start = time.process_time()
    with VideoDecoder(VideoAddress(url=str(video), name=video.name), threads=None) as decoder:
        frames = sum(1 for _ in decoder.pictures())
    decoding = time.process_time() - start
    start, start_here = time.process_time(), time.thread_time()
    with open_source(video, lazy=True) as source:
        for _ in follow(source, box, timed):
            pass
    here, both = time.thread_time() - start_here, time.process_time() - start
    seconds = decoding, both - here - decoding, timed.seconds, here - timed.seconds
    names = ("decoding", "reading", "network", "tracking")
    return Cost(**{name: 1000 * one / frames for name, one in zip(names, seconds, strict=True)})


def measure_heights(heights: list[int], frames: int, rounds: int, weights: str) -> list[Cost]:
    """The median round of each height, by its sum."""
    with tempfile.TemporaryDirectory() as folder:
        videos = [Path(folder) / f"{height}.mp4" for height in heights]
        boxes = [render(*pair, frames) for pair in zip(videos, heights, strict=True)]
        costs: list[list[Cost]] = [[] for _ in heights]
        for _ in range(rounds):
            for found, video, box in zip(costs, videos, boxes, strict=True):
                found.append(measure(video, box, weights))
    return [sorted(found, key=lambda one: one.whole)[len(found) // 2] for found in costs]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heights", type=int, nargs="+", default=[720, 2160])
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="light", help="of a network that predicts boxes")
    options = parser.parse_args()
    costs = measure_heights(options.heights, options.frames, options.rounds, options.weights)
    print("height  decoding  network  tracking  reading  whole ms  beside decoding and network")
    for height, cost in zip(options.heights, costs, strict=True):
        print(
            f"{height:6}{cost.decoding:10.2f}{cost.network:9.2f}{cost.tracking:10.2f}"
            f"{cost.reading:9.2f}{cost.whole:10.2f}{cost.beside:9.0%}"
        )
    print(f"{machine()['processor']}, commit {commit()}")


if __name__ == "__main__":
    main()
