"""Draw boxes with their numbers and scores on a picture, for films and pages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.errors import InputError
from siamfc.frames.frame import Image
from siamfc.frames.images import check_image
from siamfc.frames.labels import Color, label_image

Box = tuple[float, float, float, float]
"""x, y, w, h in frame pixels."""

PALETTE: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)
"""Orange, sky blue, green, yellow, vermilion, purple and blue: the colours of Okabe and Ito that
people with any common colour vision tell apart (https://jfly.uni-koeln.de/color/)."""

_EDGE_OPACITY = 0.55
"""Of the dark line on either side of a box's line, which shows it on any ground."""

T = TypeVar("T")


def draw_boxes(
    image: Image,
    boxes: ArrayLike,
    *,
    scores: Iterable[float] | None = None,
    lost: Iterable[bool] | None = None,
    labels: Iterable[str] | None = None,
    colors: Iterable[Color] | None = None,
    line_width: float | None = None,
) -> Image:
    """Return a copy of a picture with boxes drawn on it.

    Lines lie on the boxes' continuous edges and are anti-aliased, so that a box can be seen to
    move by less than a pixel. Line and type grow with the picture. Several targets get different
    colours; the label over each box says its number, when there are several, and its score. The
    box of a lost target is dashed and says so.

    Args:
        image: (H, W, 3) uint8 RGB; it is not altered.
        boxes: (N, 4) or (4,): x, y, w, h in frame pixels, 0-based, continuous edges. Rows with a
            NaN (absent) are not drawn; parts outside of the picture are cut off.
        scores: (N,), each 0 to 1; NaN: no score is written.
        lost: (N,), whether the tracker has lost each target.
        labels: (N,), texts instead of number and score; an empty one leaves the label out.
        colors: (N,), RGB instead of `PALETTE`.
        line_width: pixels; None: in proportion to the picture.

    Raises:
        InputError: An array of another shape, or of another length than `boxes`.

    >>> picture = np.zeros((48, 64, 3), np.uint8)
    >>> bool(draw_boxes(picture, [16, 16, 24, 20]).any()), bool(picture.any())
    (True, False)
    """
    rows = np.atleast_2d(np.asarray(boxes, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise InputError(f"boxes must be (N, 4): x, y, w, h; got shape {np.shape(boxes)}")
    count = len(rows)
    flags = _per_box("lost", lost, count, [False] * count)
    texts = _per_box("labels", labels, count, [""] * count)
    shades = _per_box("colors", colors, count, [PALETTE[i % len(PALETTE)] for i in range(count)])
    points = _per_box("scores", scores, count, [math.nan] * count)
    if labels is None:
        texts = [_label(i, count, points[i], flags[i]) for i in range(count)]
    canvas = check_image(image, what="the picture to draw on").copy()
    line = _line_width(canvas) if line_width is None else line_width
    for row, color, text, is_lost in zip(rows, shades, texts, flags, strict=True):
        if np.isfinite(row).all() and (row[2:] > 0).all():
            x, y, w, h = row.tolist()
            _draw_outline(canvas, (x, y, w, h), color, line, dashed=is_lost)
            if text:
                _draw_label(canvas, (x, y, w, h), color, text)
    return canvas


def _per_box(name: str, values: Iterable[T] | None, count: int, default: list[T]) -> list[T]:
    given = default if values is None else list(values)
    if len(given) != count:
        raise InputError(
            f"{name} must have one element for each of {count} boxes; got {len(given)}"
        )
    return given


def _label(index: int, count: int, score: float, lost: bool) -> str:
    number = str(index + 1) if count > 1 else ""
    state = "lost" if lost else "" if math.isnan(score) else f"{score:.2f}"
    return " · ".join(part for part in (number, state) if part)


def _line_width(canvas: Image) -> float:
    """3 pixels at 720 lines, in proportion elsewhere, never too thin to be seen."""
    return max(1.5, float(min(canvas.shape[:2])) / 240)


def _draw_outline(canvas: Image, box: Box, color: Color, line: float, *, dashed: bool) -> None:
    """Blend a line along the box's edges, and a darker, wider one beneath it, into the canvas.

    Only the four strips of pixels that the lines touch are read and written.
    """
    height, width, _ = canvas.shape
    reach = line / 2 + max(0.75, line / 4)
    x, y, w, h = box
    top, inner_top, inner_bottom, bottom = _strips(y, h, reach, height)
    left, inner_left, inner_right, right = _strips(x, w, reach, width)
    dash = 4 * line if dashed else None
    dark = _Ring((top, bottom), (left, right), box, reach, dash)
    paint = _Ring((top, bottom), (left, right), box, line / 2, dash)
    # As (H, 3 W): far faster than with an innermost axis of three.
    samples = canvas.reshape(height, 3 * width)[top:bottom, 3 * left : 3 * right]
    shade = np.tile(np.array(color, np.float32), right - left)
    for row, column in (
        (slice(0, inner_top - top), slice(None)),
        (slice(inner_bottom - top, None), slice(None)),
        (slice(inner_top - top, inner_bottom - top), slice(0, 3 * (inner_left - left))),
        (slice(inner_top - top, inner_bottom - top), slice(3 * (inner_right - left), None)),
    ):
        alpha = paint[row, column]
        ground = samples[row, column] * (1 - _EDGE_OPACITY * dark[row, column])
        samples[row, column] = ground + alpha * (shade[column] - ground) + 0.5


def _strips(start: float, length: float, reach: float, limit: int) -> tuple[int, int, int, int]:
    """Along one axis, the pixels that the lines of both edges touch: [a, b) and [c, d).

    They are cut off at 0 and `limit` and do not overlap: a ≤ b ≤ c ≤ d.
    """
    first = min(max(math.floor(start - reach), 0), limit)
    last = min(max(math.ceil(start + length + reach), first), limit)
    first_end = min(max(math.ceil(start + reach), first), last)
    second_start = min(max(math.floor(start + length - reach), first_end), last)
    return first, first_end, second_start, last


class _Ring:
    """The share of each sample that lies within `reach` of a box's outline, region by region.

    It is an outer box less an inner one, each the product of its coverage along the two axes.

    Args:
        rows: What is asked for, pixels from and to.
        columns: The same across; there are three samples to each.
        box: x, y, w, h.
        reach: Pixels.
        dash: Length in pixels of the dashes and gaps; None: a full line.
    """

    def __init__(
        self,
        rows: tuple[int, int],
        columns: tuple[int, int],
        box: Box,
        reach: float,
        dash: float | None,
    ) -> None:
        x, y, w, h = box
        on_rows = 1.0 if dash is None else _dashes(rows, y, h, dash)
        on_columns = 1.0 if dash is None else _dashes(columns, x, w, dash)
        self._outer_rows = (on_rows * _coverage(rows, y - reach, y + h + reach))[:, None]
        self._inner_rows = (on_rows * _coverage(rows, y + reach, y + h - reach))[:, None]
        self._outer_columns = np.repeat(
            on_columns * _coverage(columns, x - reach, x + w + reach), 3
        )
        self._inner_columns = np.repeat(
            on_columns * _coverage(columns, x + reach, x + w - reach), 3
        )

    def __getitem__(self, region: tuple[slice, slice]) -> NDArray[np.float32]:
        rows, columns = region
        outer = self._outer_rows[rows] * self._outer_columns[columns]
        share: NDArray[np.float32] = outer - self._inner_rows[rows] * self._inner_columns[columns]
        return share


def _coverage(pixels: tuple[int, int], start: float, end: float) -> NDArray[np.float32]:
    """The share of each pixel [i, i + 1) that lies in [start, end); none if that is empty."""
    index = np.arange(*pixels, dtype=np.float32)
    inside: NDArray[np.float32] = np.minimum(index + 1, end) - np.maximum(index, start)
    return np.maximum(inside, 0, out=inside)


def _dashes(
    pixels: tuple[int, int], start: float, length: float, dash: float
) -> NDArray[np.float32]:
    """1 for pixels along an edge that are drawn: every other one of an odd number of pieces.

    The first and last piece and what lies beyond are drawn, so that corners are whole.
    """
    pieces = max(3, 2 * round(length / (2 * dash)) + 1)
    place = np.floor((np.arange(*pixels) + 0.5 - start) / length * pieces)
    return np.asarray(np.clip(place, 0, pieces - 1) % 2 == 0, np.float32)


def _draw_label(canvas: Image, box: Box, color: Color, text: str) -> None:
    """Lay a label above the box, or below or inside it where there is no room."""
    height, width, _ = canvas.shape
    x, y, w, h = box
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        return
    label = label_image(text, max(10, round(min(height, width) / 34)), color)[:height, :width]
    rows, columns, _ = label.shape
    reach = _line_width(canvas) / 2
    left = round(min(max(x - reach, 0), width - columns))
    above, below = math.floor(y - reach) - rows, math.ceil(y + h + reach)
    inside = round(min(max(y + reach, 0), height - rows))
    top = above if above >= 0 else below if below + rows <= height else inside
    canvas[top : top + rows, left : left + columns] = label
