"""The programs of docs/deploy.md: how long they are, how far from the package, and how fast.

    python benchmarks/deploy.py FOLDER [--frames 60] [--sequences 24]

FOLDER holds sequences in OTB's layout. Every program tracks the first frames of each of them, as
raw frames, and so does the package; one thread each, in turn. A program whose tool chain is missing
is left out: C++ needs c++ and, in SIAMFC_ONNXRUNTIME_INCLUDE, ONNX Runtime's headers; Rust needs
rustc.

Speeds are updates per second of the processor's time, which other work on the machine hardly
changes; the time to start, that of a run of one frame, is taken off. The package reads its frames
from memory, the programs from a file.

A tracker feeds its last box back into the next crop, so the smallest difference grows. How much of
it is of this kind the last row says: the package against itself, its first box moved by a millionth
of a pixel.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # for the programs as well
    os.environ[name] = "1"

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import read_sequences
from siamfc.network import export_weights, load_checkpoint
from siamfc.system import commit, machine
from siamfc.tracking import Tracker

PAGE = Path(__file__).parents[1] / "docs" / "deploy.md"
TOLERANCE = 0.1
"""Pixels."""
NUDGE = 1e-6
"""Pixels."""


@dataclass
class Program:
    """One program, and what it did so far."""

    language: str
    lines: int
    words: list[str]
    seconds: float = 0.0
    distances: list[NDArray[np.float64]] = field(default_factory=list)
    """Largest difference from the package's box in each frame of a sequence, pixels: (F − 1,)."""
    lost_alike: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(
        self,
        boxes: NDArray[np.float64],
        lost: NDArray[np.bool_],
        found: NDArray[np.float64],
        found_lost: NDArray[np.bool_],
        seconds: float,
    ) -> None:
        """Compare a sequence's boxes (F − 1, 4) and lost flags (F − 1,) with what was found."""
        self.distances.append(np.abs(found - boxes).max(1))
        self.lost_alike.append(found_lost == lost)
        self.seconds += seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--sequences", type=int, default=24)
    arguments = parser.parse_args()
    sequences = read_sequences(find_format("otb").open(arguments.folder))
    package = Program("siamfc", 0, [])
    nudged = Program(f"siamfc, moved by {NUDGE:g} px", 0, [])
    lost = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_weights(load_checkpoint("light"), folder / "weights")
        programs = build(folder)
        for sequence in islice(sequences, arguments.sequences):
            frames = np.stack(list(islice(sequence.images(), arguments.frames)))
            frames.tofile(folder / "frames.rgb")
            frames[:1].tofile(folder / "first.rgb")
            boxes, lost_here, spent = track(frames, sequence.boxes[0])
            lost.append(lost_here)
            package.add(boxes, lost_here, boxes, lost_here, spent)
            nudge = np.array([NUDGE, 0, 0, 0])
            nudged.add(boxes, lost_here, *track(frames, sequence.boxes[0] + nudge))
            for program in programs:
                size = (str(frames.shape[2]), str(frames.shape[1]))
                rest = [*size, *map(repr, sequence.boxes[0].tolist())]
                rows, spent = run([*program.words, "weights", "frames.rgb", *rest], folder)
                _, start = run([*program.words, "weights", "first.rgb", *rest], folder)
                found = rows[:, 1:5], rows[:, 6].astype(bool)
                program.add(boxes, lost_here, *found, spent - start)
            largest = {one.language: one.distances[-1].max().round(3) for one in programs}
            print(sequence.name, largest, flush=True)
    report([*programs, package, nudged], np.concatenate(lost))


def build(folder: Path) -> list[Program]:
    """Write the programs of the page into a folder, and make of them what can be run."""
    text = PAGE.read_text(encoding="utf-8")
    sources = dict(re.findall(r'^```\w+ title="([\w.]+)"\n(.*?)^```$', text, re.M | re.S))
    for file, source in sources.items():
        (folder / file).write_text(source, encoding="utf-8")
    lines = {file: source.count("\n") for file, source in sources.items()}
    python = [sys.executable, "track_onnx.py"]
    programs = [Program("Python", lines["track_onnx.py"], python)]
    (library,) = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")
    for name in ("libonnxruntime.so.1", "libonnxruntime.so"):
        (folder / name).symlink_to(library)
    run_path = f"-Wl,-rpath,{folder}"
    compiler, include = shutil.which("c++"), os.environ.get("SIAMFC_ONNXRUNTIME_INCLUDE")
    if compiler and include:
        source = ["track.cpp", "-isystem", include, "libonnxruntime.so.1", run_path]
        words = [compiler, "-std=c++17", "-O2", *source, "-o", "track_cpp"]
        subprocess.run(words, cwd=folder, check=True)
        programs.append(Program("C++", lines["track.cpp"], ["./track_cpp"]))
    compiler = shutil.which("rustc")
    if compiler:
        source = ["track.rs", "-L", ".", "-C", f"link-arg={run_path}"]
        words = [compiler, "--edition", "2021", "-O", *source, "-o", "track_rust"]
        subprocess.run(words, cwd=folder, check=True)
        programs.append(Program("Rust", lines["track.rs"], ["./track_rust"]))
    return programs


def track(
    frames: NDArray[np.uint8], box: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
    """Boxes and lost flags of the package after the first frame, and the processor's seconds."""
    tracker = Tracker.from_pretrained("light", device="cpu", threads=1)
    tracker.init(frames[0], box)
    boxes, lost = [], []
    start = time.process_time()
    for frame in frames[1:]:
        boxes.append(tracker.update(frame))
        lost.append(bool(tracker.state.targets.lost[0]))
    return np.array(boxes), np.array(lost), time.process_time() - start


def run(words: list[str], folder: Path) -> tuple[NDArray[np.float64], float]:
    """Run a program; the rows that it prints, and the processor's seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return np.array([line.split() for line in answer.stdout.splitlines()], dtype=float), spent


def report(programs: list[Program], lost: NDArray[np.bool_]) -> None:
    """Print a row for each program; boxes are compared where the package's target is not lost."""
    print(f"\n{len(lost)} updates, {lost.sum()} of lost targets; {machine()}, commit {commit()}\n")
    print("| | lines | first update, px | median, px | within 0.1 px | lost alike | updates/s |")
    print("|---|---|---|---|---|---|---|")
    for one in programs:
        distances, alike = np.concatenate(one.distances), np.concatenate(one.lost_alike)
        first = max(each[0] for each in one.distances)
        print(
            f"| {one.language} | {one.lines} | {first:.4f} | {np.median(distances[~lost]):.4f} "
            f"| {np.mean(distances[~lost] <= TOLERANCE):.1%} | {alike.mean():.2%} "
            f"| {len(lost) / one.seconds:.0f} |"
        )


if __name__ == "__main__":
    main()
