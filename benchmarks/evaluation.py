"""Scaling of evaluation: the same sequences by one process and by several, a thread each.

    python benchmarks/evaluation.py [--processes 2] [--sequences 8] [--frames 150] [--rounds 3]

Each round runs both, one after the other, on synthetic sequences of 320×240 pixels; the time is
that of the evaluation as a whole, after the processes have loaded their network once. Prints a
line for each round and the best ratio: other work on the machine can only lower it. The processor's
time, of all processes together, hardly depends on other work: how many times less of it one process
needs is what the spreading itself costs. A process's start is counted separately.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.evaluation import PretrainedTracker, evaluate
from siamfc.system import machine
from siamfc.workers import Workers

SIZE = (320, 240)
TARGET = 40


def main() -> None:
    """Run the rounds and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    print(f"machine: {machine()}")
    tracker = PretrainedTracker(weights=arguments.weights, device="cpu", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        sequences = [
            make_sequence(Path(folder), number, arguments.frames)
            for number in range(arguments.sequences)
        ]
        frames = arguments.sequences * arguments.frames
        ratios, costs, starts = [], [], []
        for number in range(1, arguments.rounds + 1):
            one = measure(tracker, sequences, 1)
            several = measure(tracker, sequences, arguments.processes)
            ratios.append(one.elapsed / several.elapsed)
            costs.append(one.used / several.used)
            starts.append(several.start / arguments.processes)
            print(
                f"round {number}: one process {one.elapsed:.2f} s ({frames / one.elapsed:.1f} "
                f"frames/s), {arguments.processes} processes {several.elapsed:.2f} s "
                f"({frames / several.elapsed:.1f} frames/s): {ratios[-1]:.2f} times; "
                f"processor {one.used:.2f} s and {several.used:.2f} s: {costs[-1]:.2f}"
            )
    print(f"best: {max(ratios):.2f} times")
    print(f"processor's time of one process by that of {arguments.processes}: {median(costs):.2f}")
    print(f"a process starts and loads its network in {median(starts):.2f} s of the processor")


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    elapsed: float
    """Of the clock, for all sequences; the processes are warm."""
    used: float
    """Of the processor likewise, in all processes together."""
    start: float
    """Of the processor, until the processes are warm."""


def make_sequence(folder: Path, number: int, count: int) -> Sequence:
    """A dark square on noise that wanders about."""
    random = np.random.Generator(np.random.PCG64(number))
    background = random.integers(90, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    steps = random.integers(-3, 4, (count, 2)).cumsum(axis=0) + np.array(SIZE) // 2
    corners = np.clip(steps, 0, np.array(SIZE) - TARGET)
    (folder / str(number)).mkdir()
    names = [f"{frame:04d}.jpg" for frame in range(count)]
    for name, (x, y) in zip(names, corners, strict=True):
        image = background.copy()
        image[y : y + TARGET, x : x + TARGET] //= 3
        Image.fromarray(image).save(folder / str(number) / name)
    boxes = np.concatenate([corners, np.full((count, 2), TARGET)], axis=1).astype(np.float64)
    files = FrameFiles(folder / str(number), names)
    return Sequence(name=str(number), frames=files, boxes=boxes, size=SIZE)


def measure(tracker: PretrainedTracker, sequences: list[Sequence], processes: int) -> Cost:
    """Evaluate all sequences, in processes that are warm.

    A process's use of the processor is known once it has ended, so others are only warmed.
    """
    warm = [make_short(one) for one in sequences[: 3 * processes]]
    _, start = run(tracker, warm, warm[:0], processes)
    elapsed, used = run(tracker, warm, sequences, processes)
    return Cost(elapsed, used - start, start)


def run(
    tracker: PretrainedTracker, warm: list[Sequence], sequences: list[Sequence], processes: int
) -> tuple[float, float]:
    """Warm processes, then evaluate: seconds of the clock for that, of the processor for all."""
    before = processor_seconds()
    with Workers(processes) as workers:
        spread = workers if processes > 1 else None
        evaluate(tracker, warm, workers=spread)
        start = time.perf_counter()
        evaluation = evaluate(tracker, sequences, workers=spread)
        elapsed = time.perf_counter() - start
    if evaluation.failures:
        raise SystemExit(f"failed: {dict(evaluation.failures)}")
    return elapsed, processor_seconds() - before


def processor_seconds() -> float:
    """Seconds of the processor that this process and those that it has started and ended took."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def make_short(sequence: Sequence) -> Sequence:
    """The first frames of a sequence, to load the network by."""
    return Sequence(
        name=sequence.name,
        frames=FrameFiles(sequence.frames.folder, sequence.frames.names[:5]),
        boxes=sequence.boxes[:5],
        size=sequence.size,
    )


if __name__ == "__main__":
    main()
