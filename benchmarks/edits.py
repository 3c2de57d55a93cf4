"""Redact and reframe against decoding and encoding alone, and what they cover and keep in view.

    python benchmarks/edits.py speed [--frames 200] [--repeat 5]
    SIAMFC_SEQUENCES=FOLDER:FOLDER python benchmarks/edits.py quality

`speed` makes a 1080p video of noise that moves, with an object that takes up a sixth of its height,
and takes turns: copy, redact, reframe, copy … Each edit's speed is that of copying divided by its
time over copying's in the same round; the median of the rounds is printed, with its range.

`quality` tracks each sequence from its first box, and once more from three: true boxes at the
start of each third. Redaction by the one box: fraction of frames, mean over sequences, in which any
of the visible true box is left uncovered, for each choice where the target is lost. Reframing to
9:16: the fraction of frames with the target in the picture in which the centre of the true box is
in the cut, the same of the frames in which the tracked box overlaps the true one, and the fraction
in which as much of the true box is in the cut as fits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import siamfc
from siamfc.annotations import VideoAnnotation
from siamfc.array_types import BoolArray, ByteImage, FloatArray
from siamfc.boxes import iou
from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import FrameFiles, read_sequences
from siamfc.edits import (
    Cover,
    CoverSettings,
    RedactSettings,
    ReframeSettings,
    cut_window,
    plan_cover,
    plan_reframe,
    redact_frame,
    render,
)
from siamfc.edits.camera import second_difference
from siamfc.frames import ImageFiles, open_source, open_writer
from siamfc.tracking import to_annotation

_SIZE = (1920, 1080)
_RATE = 30.0


def _make_video(path: Path, frames: int) -> VideoAnnotation:
    width, height = _SIZE
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (height // 20 + 20, width // 20 + 40, 3), np.uint8)
    texture = coarse.repeat(20, axis=0).repeat(20, axis=1)
    boxes = []
    with open_writer(path, frame_rate=_RATE) as writer:
        for frame in range(frames):
            left, top = 2 * frame % 400, frame % 200
            writer.write(texture[top : top + height, left : left + width])
            x = width / 2 + 0.3 * width * np.sin(frame / 40)
            boxes.append([x, 0.4 * height, height / 8, height / 6])
    return VideoAnnotation(frames=np.arange(frames), boxes=np.array(boxes)[:, None])


def _speed(frames: int, repeat: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.mp4"
        annotation = _make_video(path, frames)
        cover = plan_cover(annotation, frames)
        begun = time.perf_counter()
        windows = plan_reframe(annotation, frames, _SIZE, _RATE, ReframeSettings())
        planning = time.perf_counter() - begun

        def redact(style: str) -> Callable[[ByteImage, int], ByteImage]:
            settings = RedactSettings(style=style)  # type: ignore[arg-type]
            return lambda image, index: redact_frame(image, cover, index, settings)

        edits: dict[str, Callable[[ByteImage, int], ByteImage]] = {
            "copy": lambda image, _: image,
            "redact, blur": redact("blur"),
            "redact, pixelate": redact("pixelate"),
            "redact, all but": lambda image, index: redact_frame(
                image, cover, index, RedactSettings(outside=True)
            ),
            "reframe 9:16": lambda image, index: cut_window(
                image, windows.boxes[index], windows.size
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in edits}
        for _ in range(repeat):
            for name, edit in edits.items():
                begun = time.perf_counter()
                with open_source(path) as source:
                    render(source, edit, Path(folder) / "out.mp4", overwrite=True)
                seconds[name].append(time.perf_counter() - begun)
    print(f"{frames} frames of {_SIZE[0]}×{_SIZE[1]}; planning the cut took {planning:.2f} s")
    for name, taken in seconds.items():
        shares = [copy / own for copy, own in zip(seconds["copy"], taken, strict=True)]
        rate = frames / statistics.median(taken)
        print(
            f"{name:18} {rate:6.1f} frames/s, {statistics.median(shares):.2f} of copying "
            f"({min(shares):.2f} to {max(shares):.2f})"
        )


def _quality(roots: list[Path]) -> None:
    matcher = siamfc.load_matcher("default")
    rows: dict[str, list[float]] = {}
    videos = [video for root in roots for video in find_format("otb").open(root)]
    for sequence in read_sequences(videos):
        assert isinstance(sequence.frames, FrameFiles)
        truth, count = sequence.boxes, len(sequence)
        source = ImageFiles(list(sequence.frames), name=sequence.name, frame_rate=_RATE)
        given = _boxes_at_thirds(truth)
        by_one = to_annotation(list(siamfc.track(source, box=truth[0], matcher=matcher)))
        by_three = to_annotation(list(siamfc.track(source, given, matcher=matcher)))
        true = VideoAnnotation(frames=np.arange(count), boxes=truth[:, None])
        _redact(rows, by_one, truth, source.size)
        for name, boxes in (("one box", by_one), ("three boxes", by_three), ("true boxes", true)):
            _reframe(rows, f"reframe by {name}", boxes, truth, source.size)
    print(f"{max(map(len, rows.values()))} sequences")
    for name, values in rows.items():
        figure = max(values) if "largest" in name else statistics.mean(values)
        print(f"{name:55} {figure:.4f}")


def _boxes_at_thirds(truth: FloatArray) -> dict[int, FloatArray]:
    """The true box at the start of each third of a sequence, or the first one after it."""
    known = np.flatnonzero((truth[:, 2:] > 0).all(axis=1))
    starts = [round(part * len(truth) / 3) for part in range(3)]
    frames = {int(known[known >= start][0]) for start in starts if (known >= start).any()}
    return {frame: truth[frame] for frame in sorted(frames)}


def _redact(
    rows: dict[str, list[float]],
    tracked: VideoAnnotation,
    truth: FloatArray,
    size: tuple[int, int],
) -> None:
    low, high = _visible(truth, size)
    seen = (high > low).all(axis=1)
    for when_lost in ("grow", "frame"):
        settings = CoverSettings(when_lost=when_lost)  # type: ignore[arg-type]
        cover = plan_cover(tracked, len(truth), settings)
        for shape in ("ellipse", "box"):
            open_ = ~_covered(cover, low, high, shape)[seen]
            _add(rows, f"redact {when_lost:5} {shape:7}: any uncovered", open_.mean())
        _add(rows, f"redact {when_lost:5}: frames bridged", cover.bridged.mean())


def _reframe(
    rows: dict[str, list[float]],
    title: str,
    annotation: VideoAnnotation,
    truth: FloatArray,
    size: tuple[int, int],
) -> None:
    low, high = _visible(truth, size)
    seen = (high > low).all(axis=1)
    windows = plan_reframe(annotation, len(truth), size, _RATE, ReframeSettings()).boxes
    center = (low + high) / 2
    edges = windows[:, :2], windows[:, :2] + windows[:, 2:]
    inside = ((center >= edges[0]) & (center <= edges[1])).all(axis=1)
    shown = np.clip(np.minimum(high, edges[1]) - np.maximum(low, edges[0]), 0, None)
    fits = np.minimum(high - low, windows[:, 2:])
    whole = shown.prod(axis=1) >= 0.999 * fits.prod(axis=1)
    followed = seen & (iou(annotation.boxes[:, 0], truth) > 0)
    _add(rows, f"{title}: centre in the cut", inside[seen].mean())
    _add(rows, f"{title}: likewise, where the tracker is on it", inside[followed].mean())
    _add(rows, f"{title}: all that fits is", whole[seen].mean())
    limit = ReframeSettings().acceleration * windows[0, 2] / _RATE**2
    bend = np.abs(second_difference((edges[0] + edges[1]) / 2)).max() / limit
    _add(rows, f"{title}: largest acceleration / limit", float(bend))


def _add(rows: dict[str, list[float]], name: str, value: float) -> None:
    rows.setdefault(name, []).append(value)


def _visible(boxes: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Corners of the part of each box that is in the frame; NaN where there is no box."""
    return np.clip(boxes[:, :2], 0, size), np.clip(boxes[:, :2] + boxes[:, 2:], 0, size)


def _covered(cover: Cover, low: FloatArray, high: FloatArray, shape: str) -> BoolArray:
    """Return True where all of a ground truth box is covered."""
    boxes = cover.boxes[:, 0]
    center, half = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / 2
    reach = np.maximum(np.abs(low - center), np.abs(high - center)) / half
    inside = (reach**2).sum(axis=1) <= 2 if shape == "ellipse" else (reach <= 1).all(axis=1)
    return np.asarray(inside | cover.whole)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    if given.what == "speed":
        _speed(given.frames, given.repeat)
        return
    _quality([Path(root) for root in os.environ["SIAMFC_SEQUENCES"].split(os.pathsep)])


if __name__ == "__main__":
    main()
