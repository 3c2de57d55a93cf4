"""Text files of benchmarks: one line `x,y,w,h` per frame of one target."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siamfc.annotations.annotation import VideoAnnotation
from siamfc.array_types import FloatArray
from siamfc.boxes import is_absent
from siamfc.datasets.readers.text import frame_lines, read_table
from siamfc.errors import DatasetError
from siamfc.parsers import parse_numbers


def box_lines(boxes: FloatArray, *, index_base: int, decimals: int = 4) -> str:
    """Return one line `x,y,w,h` per frame; a missing box is a line of zeros."""
    rows = boxes + np.array([index_base, index_base, 0, 0])
    rows[np.isnan(boxes).any(axis=1)] = 0
    return "".join(",".join(f"{value:.{decimals}f}" for value in row) + "\n" for row in rows)


def vot_lines(boxes: FloatArray, *, first_code: bool, decimals: int = 4) -> str:
    """Return the lines of a VOT trajectory: x,y,w,h, 1-based; 0 where there is no box.

    With `first_code` the first box is written as the code 1, which marks the initial frame.
    """
    present = ~is_absent(boxes)
    first = int(np.argmax(present))
    lines = [
        "0"
        if not known
        else "1"
        if first_code and frame == first
        else ",".join(f"{value:.{decimals}f}" for value in box + np.array([1, 1, 0, 0]))
        for frame, (box, known) in enumerate(zip(boxes, present, strict=True))
    ]
    return "\n".join(lines) + "\n"


def read_box_table(path: Path, *, index_base: int) -> VideoAnnotation:
    """Read a file of `x, y, w, h` lines; a row without area is a missing box.

    Raises:
        DatasetError: a line of another form.
    """
    boxes = read_table(path, 4)
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    boxes = boxes - np.array([index_base, index_base, 0, 0])
    boxes[~usable] = np.nan
    return one_target(path, boxes)


def read_vot(path: Path) -> VideoAnnotation:
    """Read a VOT trajectory of rectangles; a line of one number is a code, without a box.

    Raises:
        DatasetError: a line of another form.
    """
    rows = []
    for number, line in enumerate(frame_lines(path, "x,y,w,h or a code"), 1):
        try:
            values = parse_numbers(line)
        except ValueError:
            values = []
        if len(values) not in (1, 4):
            raise DatasetError(
                f"{path}, line {number}: expected x,y,w,h or a code, got {line[:60]!r}"
            )
        rows.append(np.array(values) - [1, 1, 0, 0] if len(values) == 4 else np.full(4, np.nan))
    return one_target(path, np.array(rows, dtype=np.float64).reshape(-1, 4))


def one_target(path: Path, boxes: FloatArray) -> VideoAnnotation:
    """Return an annotation of one target with a row in every frame, (F, 4)."""
    return VideoAnnotation(
        frames=np.arange(len(boxes)), boxes=boxes[:, None], video=f"{path.stem}.mp4"
    )
