"""Write the page of the documentation on performance, out of one run.

    pip install opencv-contrib-python-headless  # for OpenCV's trackers, which no extra installs
    python benchmarks/report.py

measures for two minutes or more and writes docs/performance.md and docs/pictures/performance.svg.
Trackers take turns of ten frames, so that other work on the machine slows all of them; on one
thread the processor's time is counted, which other work hardly changes. Without cv2 its trackers
are left out.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()

import latency
import light
import loop
import targets
from markdown.extensions.toc import slugify

from siamfc.charts.chart import Chart, stack
from siamfc.evaluation.runs import SingleTargetTracker
from siamfc.evaluation.trackers.opencv import OpenCV
from siamfc.network import load_matcher
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import Tracker

DOCS = Path(__file__).parents[1] / "docs"
SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))
MIDDLE = SIZES[1]
FRAMES, ROUNDS, TARGET = 21, 3, 80
TURNS = 60
"""Of ten frames, of which the best tells the speed on several threads."""
HEIGHTS = (720, 2160, 4320)
NANO = "NanoTrackV2's layers"
Rates = dict[str, list[float]]
"""Updates a second by tracker, one of each round."""


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
    """Track a video with all, in turns of ten frames, several times."""
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
    one_turn = video_of(MIDDLE, 1 + light.TURN)
    rates = run_rounds(one_turn, trackers, time.perf_counter, TURNS)
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


# --- Writing --------------------------------------------------------------------------------------


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def with_spread(values: Sequence[float]) -> str:
    """Median, with minimum and maximum."""
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def size_table(sizes: dict[tuple[int, int], Rates]) -> str:
    """Updates a second by tracker and image size, and how many times as fast `light` is."""
    names = list(sizes[MIDDLE])
    rows = []
    for name in names:
        rates = sizes[MIDDLE]
        ratios = [our / their for our, their in zip(rates["light"], rates[name], strict=True)]
        times = "" if name == "light" else with_spread(ratios)
        rows.append([name, *(with_spread(one[name]) for one in sizes.values()), times])
    header = [
        "updates/s",
        *(f"{w}×{h}" for w, h in sizes),
        f"`light` is faster by, {MIDDLE[0]}×{MIDDLE[1]}",
    ]
    return table(header, rows)


def chart(
    title: str,
    positions: Sequence[float],
    labels: Sequence[str],
    series: Sequence[Sequence[float]],
    axis: str,
) -> Chart:
    """Updates a second, on a logarithmic axis, over something."""
    logs = [[math.log10(value) for value in one] for one in series]
    low = math.floor(min(map(min, logs)) * 2) / 2
    high = math.ceil(max(map(max, logs)) * 2) / 2
    margin = 0.08 * (positions[-1] - positions[0])
    across = positions[0] - margin, positions[-1] + margin
    drawn = Chart(title, across, (low, high), width=480, left=52)
    drawn.y_axis(
        [(math.log10(value), number(value)) for value in (1, 3, 10, 30, 100, 300, 1000, 3000)
         if low <= math.log10(value) <= high],
        "updates/s",
    )  # fmt: skip
    drawn.x_axis(list(zip(positions, labels, strict=True)), axis)
    for index, values in enumerate(logs):
        drawn.line(positions, values, index)
    return drawn


def picture(
    sizes: dict[tuple[int, int], Rates],
    many: dict[int, dict[str, float]],
    threads: dict[int, float],
) -> str:
    """The three charts as SVG."""
    names = list(sizes[MIDDLE])
    of_sizes = chart(
        "Updates a second by image size",
        range(len(sizes)),
        [f"{w}×{h}" for w, h in sizes],
        [[median(rates[name]) for rates in sizes.values()] for name in names],
        "image size, one target, one thread",
    )
    alone = [[median(sizes[MIDDLE][name])] * len(many) for name in names[1:]]
    of_targets = chart(
        "Updates a second by number of targets",
        [math.log10(count) for count in many],
        [f"{count:,}" for count in many],
        [[1000 / found["milliseconds"] for found in many.values()], *alone],
        "targets at once, one thread (all but light: one after the other)",
    )
    of_threads = chart(
        "Updates a second by threads",
        [math.log2(count) for count in threads],
        [str(count) for count in threads],
        [list(threads.values())],
        "threads, one target",
    )
    return stack([(of_sizes, names), (of_targets, []), (of_threads, [])])


def measured_elsewhere() -> Iterator[list[str]]:
    """Page and section, programs and commits of every other measurement in the documentation."""
    root = DOCS.parent
    for page in [root / "README.md", *sorted(DOCS.rglob("*.md"))]:
        if page.name == "performance.md":
            continue
        text = page.read_text(encoding="utf-8")
        title = re.search(r"^# (.+)$", text, re.M)
        fences = re.compile(r"^```.*?^```$", re.M | re.S)
        plain = fences.sub(lambda found: found[0].replace("\n#", "\n "), text)
        for section in re.split(r"^(?=#{1,3} )", plain, flags=re.M):
            programs = sorted(set(re.findall(r"\bbenchmarks[/.]\w+", section)))
            commits = sorted(set(re.findall(r"\bcommit ([0-9a-f]{7})\b", section)))
            if not programs or not commits:
                continue
            heading = section.partition("\n")[0].lstrip("# ")
            name = heading if title is None or heading == title[1] else f"{title[1]}: {heading}"
            link = f"{page.relative_to(DOCS)}#{slugify(heading, '-')}"
            yield [
                f"[{name}]({link})",
                ", ".join(f"`{program}`" for program in programs),
                ", ".join(commits),
            ]


SIZES_TEXT = f"""\
Updates a second of processor time on one thread: crop, network and box, or what other trackers do
in their place. A synthetic target of {TARGET} pixels, {FRAMES - 1} updates, trackers taking turns
of ten frames; median of {ROUNDS} rounds, with minimum and maximum. `light` is the default network;
`siamfc` searches three scales. *{NANO}* is a network of the layers of NanoTrackV2 without
its weights, which costs as much and tracks nothing (`benchmarks/nanotrack_layers.py`).
"""
PICTURE_TEXT = (
    "Three charts of updates a second on logarithmic axes. Image size: light stays as it is, and "
    "all others lie below. Targets: light alone gains from tracking many at once. Threads: light"
)
TARGETS_TEXT = """\
`light` on one thread, processor time; boxes strewn over a frame of 1280×720 pixels
(`benchmarks/targets.py`).
"""
THREADS_TEXT = f"""\
`light`, one target, seconds of the clock, the best of {TURNS} turns of {light.TURN} frames: other
work on the machine lowers these.
"""
VIDEOS_TEXT = """\
Milliseconds of processor time a frame, H.264 of 16:9 with a target as high as a sixth of the frame
(`benchmarks/loop.py`). *Tracking* is the crop, of pixels that are converted to RGB where it looks,
the choice of the box and all else of the tracking thread; it grows with the target. *Reading* is
what the decoding thread does beside decoding: fresh memory, and the first picture's conversion.
"""
AGES_TEXT = """\
Milliseconds from a picture's leaving the camera to its boxes (`benchmarks/latency.py`): 30 a second
of 1280×720 pixels, as JPEG over HTTP. A new picture replaces the one that waits, so the age is at
most an interval of the camera, decoding and two updates. Other work on the machine adds to it.
"""


def page(
    sizes: dict[tuple[int, int], Rates],
    many: dict[int, dict[str, float]],
    threads: dict[int, float],
    videos: dict[int, loop.Cost],
    ages: dict[int, dict[str, float]],
    starts: dict[str, tuple[float, float]],
) -> str:
    """The page in Markdown."""
    facts = machine()
    load = f"; mean load {os.getloadavg()[2]:.0f}" if hasattr(os, "getloadavg") else ""
    theirs = f", OpenCV {opencv_version()}" if "CSRT" in sizes[MIDDLE] else ""
    of_targets = [
        [
            f"{count:,}",
            number(1000 / found["milliseconds"]),
            f"{found['milliseconds']:.2f}",
            f"{found['megabytes']:.0f}",
        ]
        for count, found in many.items()
    ]
    of_videos = [
        [
            str(height),
            *(f"{one:.1f}" for one in (cost.decoding, cost.network, cost.tracking, cost.reading)),
            f"{cost.whole:.1f}",
            f"{cost.beside:.0%}",
        ]
        for height, cost in videos.items()
    ]
    of_ages = [
        [
            str(count),
            *(f"{age[name]:.0f}" for name in ("median", "99th", "maximum")),
            f"{age['tracked']:.0%}",
        ]
        for count, age in ages.items()
    ]
    of_starts = [
        [name, f"{used:.2f}", f"{elapsed:.2f}"] for name, (used, elapsed) in starts.items()
    ]
    costs = ["decoding", "network", "tracking", "reading", "whole", "beside decoding and network"]
    return f"""\
# Performance

Written by `python benchmarks/report.py` in one run: {facts["cores"]} cores of an
{facts["processor"]}, Python {facts["python"]}{theirs}, commit {(commit() or "unknown")[:7]}{load}.
Repeat it on your own machine:
```sh
pip install opencv-contrib-python-headless
python benchmarks/report.py
```

## Beside OpenCV's trackers
{SIZES_TEXT}
{size_table(sizes)}

![{PICTURE_TEXT}](pictures/performance.svg){{ style="max-width: 40rem" }}

## Many targets
{TARGETS_TEXT}
{table(["targets", "updates/s", "ms each", "memory, MB"], of_targets)}

## Threads
{THREADS_TEXT}
{table(["threads", "updates/s"], [[str(count), number(one)] for count, one in threads.items()])}

## Whole videos
{VIDEOS_TEXT}
{table(["height", *costs], of_videos)}

## Live sources
{AGES_TEXT}
{table(["targets", "median", "99th percentile", "maximum", "pictures tracked"], of_ages)}

## Start
Medians of whole processes.

{table(["", "processor, s", "clock, s"], of_starts)}

## Measured elsewhere
These figures stand beside what they explain, with machine and command.

{table(["figures", "program", "commit"], measured_elsewhere())}
"""


def opencv_version() -> str:
    """OpenCV's version."""
    import cv2

    return str(cv2.__version__)


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
    costs = loop.measure_heights(list(HEIGHTS), frames=24, rounds=2, weights="light")
    videos = dict(zip(HEIGHTS, costs, strict=True))
    (options.docs / "pictures").mkdir(parents=True, exist_ok=True)
    drawn = picture(sizes, many, threads)
    written = page(sizes, many, threads, videos, ages, starts)
    (options.docs / "pictures" / "performance.svg").write_text(drawn, encoding="utf-8")
    (options.docs / "performance.md").write_text(written, encoding="utf-8")
    note("written")


if __name__ == "__main__":
    main()
