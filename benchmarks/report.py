"""Write the page of the documentation on performance, out of one run.

    pip install opencv-contrib-python-headless  # for OpenCV's trackers, which no extra installs
    python benchmarks/report.py

measures for four minutes or more and writes docs/performance.md and docs/pictures/performance.svg.
Trackers take turns of fifty frames, so that other work on the machine slows all of them; on one
thread the processor's time is counted, which other work hardly changes. Without cv2 its trackers
are left out.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from siamfc.system import limit_blas_threads

limit_blas_threads()

import latency
import light
import loop
import targets
from performance_page import (
    DOCS,
    FRAMES,
    MIDDLE,
    NANO,
    ROUNDS,
    SIZES,
    TARGET,
    TURNS,
    Figures,
    Rates,
    draw_picture,
    render_page,
)

from siamfc.evaluation.runs import SingleTargetTracker
from siamfc.evaluation.trackers.opencv import OpenCV
from siamfc.network import load_matcher
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import Tracker

HEIGHTS = (720, 2160, 4320)


# --- Measuring ------------------------------------------------------------------------------------


def make_trackers(folder: Path) -> dict[str, SingleTargetTracker]:
    """All trackers, on one thread each."""
    trackers: dict[str, SingleTargetTracker] = {
        name: Tracker(load_matcher(name, device="cpu", threads=1)) for name in ("light", "siamfc")
    }
    try:
        import cv2
    except ImportError:
        return trackers
    import nanotrack_layers  # which imports torch

    cv2.setNumThreads(1)
    backbone, head = map(str, nanotrack_layers.write(folder))
    files = (("backbone", backbone), ("neckhead", head))
    trackers[NANO] = OpenCV(name="Nano", parameters=files)()
    return trackers | {name: OpenCV(name=name)() for name in ("KCF", "CSRT", "MIL")}


def video_of(size: tuple[int, int], frames: int) -> light.Film:
    """A synthetic video whose target has the same size in pixels whatever the video's."""
    clip = ProceduralClip(
        ClipSettings(frames=frames, width=size[0], height=size[1], target=TARGET, seed=1)
    )
    return light.Film("clip", list(clip), clip.boxes[0])


def run_rounds(
    video: light.Film,
    trackers: dict[str, SingleTargetTracker],
    clock: Callable[[], float],
    rounds: int = ROUNDS,
) -> Rates:
    """Track a video with all, in turns, several times."""
    rates: Rates = {name: [] for name in trackers}
    for _ in range(rounds):
        totals = {name: light.RunningTotals() for name in trackers}
        light.run(video, trackers, totals, clock)
        for name, total in totals.items():
            rates[name].append(total.rate())
    return rates


def measure_threads() -> dict[int, float]:
    """Updates a second of the clock on 1, 2, 4 … threads, in the best of many turns."""
    cores = os.cpu_count() or 1
    counts = [2**power for power in range(int(math.log2(cores)) + 1)]
    trackers: dict[str, SingleTargetTracker] = {
        str(count): Tracker(load_matcher("light", device="cpu", threads=count)) for count in counts
    }
    rates = run_rounds(video_of(MIDDLE, FRAMES), trackers, time.perf_counter, TURNS)
    return {count: max(rates[str(count)]) for count in counts}


def measure_targets() -> dict[int, dict[str, float]]:
    """Milliseconds and memory by number of targets, each in a process of its own."""
    command = [sys.executable, targets.__file__, "--count"]
    return {
        count: json.loads(subprocess.check_output([*command, str(count)], text=True))
        for count in targets.COUNTS
    }


def measure_latency(seconds: float) -> dict[int, dict[str, float]]:
    """Age of a camera's pictures by number of targets."""
    with latency.running_camera(rate=30.0) as (url, sent):
        return {count: latency.measure(url, sent, count, "light", seconds) for count in (1, 4, 16)}


def measure_start(arguments: Sequence[str], runs: int = 7) -> tuple[float, float]:
    """Seconds of the processor and of the clock that the command takes: medians."""
    found = []
    for _ in range(runs):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "siamfc", *arguments], check=True, stdout=subprocess.DEVNULL
        )
        after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((used, elapsed))
    return median(used for used, _ in found), median(elapsed for _, elapsed in found)


def measure_starts(folder: Path) -> dict[str, tuple[float, float]]:
    """Processor and clock of the command line's help, and of a track to its first box."""
    video = folder / "start.mp4"
    x, y, w, h = loop.render(video, 720, 10).tolist()
    first = ["track", str(video), "--box", f"{x},{y},{w},{h}", "--end", "1"]
    return {
        "`siamfc --help`": measure_start(["--help"]),
        "`siamfc track` to the first box, and its end": measure_start(first),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder to write to")
    options = parser.parse_args()
    began = time.perf_counter()

    def note(text: str) -> None:
        print(f"{time.perf_counter() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    note("targets")
    many = measure_targets()  # first: a process's peak includes that of the one that started it
    with tempfile.TemporaryDirectory() as folder:
        note("start")
        starts = measure_starts(Path(folder))
        note("live sources")
        ages = measure_latency(seconds=6.0)
        note("threads")
        threads = measure_threads()
        note("image sizes")
        trackers = make_trackers(Path(folder))
        sizes = {
            size: run_rounds(video_of(size, FRAMES), trackers, time.process_time) for size in SIZES
        }
    note("whole videos")
    costs = loop.measure_heights(list(HEIGHTS), frames=48, rounds=2, weights="light")
    figures = Figures(
        sizes=sizes,
        many=many,
        threads=threads,
        videos=dict(zip(HEIGHTS, costs, strict=True)),
        ages=ages,
        starts=starts,
    )
    (options.docs / "pictures").mkdir(parents=True, exist_ok=True)
    picture = options.docs / "pictures" / "performance.svg"
    picture.write_text(draw_picture(figures), encoding="utf-8")
    (options.docs / "performance.md").write_text(render_page(figures), encoding="utf-8")
    note("written")


if __name__ == "__main__":
    main()
