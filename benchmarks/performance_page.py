"""The documentation's page on performance: its texts, tables and charts.

`report` measures the figures.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import light
import loop
from markdown.extensions.toc import slugify

from siamfc.charts.chart import Chart, stack
from siamfc.system import commit, machine

DOCS = Path(__file__).parents[1] / "docs"
SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))
MIDDLE = SIZES[1]
FRAMES, ROUNDS, TARGET = 1 + light.TURN, 3, 80
TURNS = 20
"""Number of turns, of which the best gives the speed on several threads."""
NANO = "NanoTrackV2's layers"
Rates = dict[str, list[float]]
"""Updates a second in each round, by tracker."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The measurements of one run."""

    sizes: dict[tuple[int, int], Rates]
    """Updates a second by image size."""
    many: dict[int, dict[str, float]]
    """`milliseconds` for each target and `megabytes`, by number of targets."""
    threads: dict[int, float]
    """Updates a second by number of threads."""
    videos: dict[int, loop.Cost]
    """Costs of a frame by the video's height."""
    ages: dict[int, dict[str, float]]
    """`median`, `99th` and `maximum` in milliseconds, and the fraction `tracked`, by number of
    targets."""
    starts: dict[str, tuple[float, float]]
    """Seconds of the processor and of the clock by command."""


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


def target_table(many: dict[int, dict[str, float]]) -> str:
    """Return updates a second and memory by number of targets."""
    rows = [
        [
            f"{count:,}",
            number(1000 / found["milliseconds"]),
            f"{found['milliseconds']:.2f}",
            f"{found['megabytes']:.0f}",
        ]
        for count, found in many.items()
    ]
    return table(["targets", "updates/s", "ms each", "memory, MB"], rows)


def thread_table(threads: dict[int, float]) -> str:
    """Return updates a second by number of threads."""
    rows = [[str(count), number(one)] for count, one in threads.items()]
    return table(["threads", "updates/s"], rows)


def video_table(videos: dict[int, loop.Cost]) -> str:
    """Return the costs of a frame by the video's height."""
    costs = ["decoding", "network", "tracking", "reading", "whole", "beside decoding and network"]
    rows = [
        [
            str(height),
            *(f"{one:.1f}" for one in (cost.decoding, cost.network, cost.tracking, cost.reading)),
            f"{cost.whole:.1f}",
            f"{cost.beside:.0%}",
        ]
        for height, cost in videos.items()
    ]
    return table(["height", *costs], rows)


def age_table(ages: dict[int, dict[str, float]]) -> str:
    """Return the age of a camera's pictures by number of targets."""
    rows = [
        [
            str(count),
            *(f"{age[name]:.0f}" for name in ("median", "99th", "maximum")),
            f"{age['tracked']:.0%}",
        ]
        for count, age in ages.items()
    ]
    return table(["targets", "median", "99th percentile", "maximum", "pictures tracked"], rows)


def start_table(starts: dict[str, tuple[float, float]]) -> str:
    """Return the seconds of whole processes."""
    rows = [[name, f"{used:.2f}", f"{elapsed:.2f}"] for name, (used, elapsed) in starts.items()]
    return table(["", "processor, s", "clock, s"], rows)


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


def draw_picture(figures: Figures) -> str:
    """Return the three charts as SVG text."""
    sizes, many, threads = figures.sizes, figures.many, figures.threads
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
of {light.TURN} frames; median of {ROUNDS} rounds, with minimum and maximum. `light` is the default
network; `siamfc` searches three scales. *{NANO}* is a network of the layers of
NanoTrackV2 without its weights, which costs as much and tracks nothing
(`benchmarks/nanotrack_layers.py`).
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
(`benchmarks/loop.py`). *Tracking* is the crop, the choice of the box, opening the file and all else
of the tracking thread. It grows with the target: the part of a picture that the search window
shows, 1,450 by 1,450 pixels at a height of 2160, is averaged as it was decoded, brightness and
colour apart; what is left is converted to RGB and resampled by Pillow. A window of fewer than 510
by 510 pixels is not averaged, but converted as it is. *Reading* is what the decoding threads do
beside decoding: they take fresh memory for pictures that wait, which weighs less in a longer video,
and share the processor's caches with tracking.
"""
AGES_TEXT = """\
Milliseconds from a picture's leaving the camera to its boxes (`benchmarks/latency.py`): 30 a second
of 1280×720 pixels, as JPEG over HTTP. A new picture replaces the one that waits, so the age is at
most an interval of the camera, decoding and two updates. Other work on the machine adds to it.
"""


def render_page(figures: Figures) -> str:
    """Return the page in Markdown."""
    facts = machine()
    load = f"; mean load {os.getloadavg()[2]:.0f}" if hasattr(os, "getloadavg") else ""
    theirs = f", OpenCV {opencv_version()}" if "CSRT" in figures.sizes[MIDDLE] else ""
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
{size_table(figures.sizes)}

![{PICTURE_TEXT}](pictures/performance.svg){{ style="max-width: 40rem" }}

## Many targets
{TARGETS_TEXT}
{target_table(figures.many)}

## Threads
{THREADS_TEXT}
{thread_table(figures.threads)}

## Whole videos
{VIDEOS_TEXT}
{video_table(figures.videos)}

## Live sources
{AGES_TEXT}
{age_table(figures.ages)}

## Start
Medians of whole processes.

{start_table(figures.starts)}

## Measured elsewhere
These figures stand beside what they explain, with machine and command.

{table(["figures", "program", "commit"], measured_elsewhere())}
"""


def opencv_version() -> str:
    """OpenCV's version."""
    import cv2

    return str(cv2.__version__)
