"""Drawing of boxes with names and scores, and of legends, on pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ImageColor

from siamfc.checks import check_number, shown
from siamfc.errors import InputError
from siamfc.frames.frame import Image
from siamfc.frames.images import check_image
from siamfc.frames.labels import Color, chip_image, label_image

Box = tuple[float, float, float, float]
"""Box x, y, w, h in frame pixels."""

PALETTE: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)
"""Orange, sky blue, green, yellow, vermilion, purple and blue: the colours by Okabe and Ito, which
people with any common form of colour vision can tell apart (https://jfly.uni-koeln.de/color/)."""

_EDGE_OPACITY = 0.55
"""Opacity of the dark border of a box's line, which makes it visible on any background."""

_THINNEST = 0.1
"""Least width of a line in pixels."""

T = TypeVar("T")


def draw_boxes(
    image: Image,
    boxes: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    scores: Iterable[float] | None = None,
    lost: Iterable[bool] | None = None,
    labels: Iterable[str] | None = None,
    colors: Iterable[Color | str] | None = None,
    line_width: float | None = None,
) -> Image:
    """Return a copy of a picture with boxes drawn on it.

    The lines lie on the boxes' continuous edges and are anti-aliased, so that movements by less
    than a pixel are visible. Lines and text scale with the picture. Several targets get different
    colours; the label over each box shows its name, or its number if there are several, and its
    score. The box of a lost target is dashed and labelled as lost.

    Args:
        image: (H, W, 3) uint8 RGB; it is not modified.
        boxes: (N, 4) or (4,): x, y, w, h in frame pixels, 0-based, continuous edges. Rows with a
            NaN (absent) are not drawn; parts outside the picture are cut off.
        names: (N,), one line each.
        scores: (N,), each 0 to 1; NaN: no score is shown.
        lost: (N,), True for targets that the tracker has lost.
        labels: (N,), texts in place of name and score; empty: no label.
        colors: (N,), each RGB, a name or `#rrggbb`, in place of `PALETTE`.
        line_width: Width in pixels; None: in proportion to the picture.

    Raises:
        InputError: An array of another shape, a length that differs from `boxes`, no colour, or a
            line of less than 0.1 pixels.

    >>> picture = np.zeros((48, 64, 3), np.uint8)
    >>> bool(draw_boxes(picture, [16, 16, 24, 20]).any()), bool(picture.any())
    (True, False)
    """
    rows = as_rows(boxes)
    count = len(rows)
    flags = per_box("lost", lost, count, [False] * count)
    numbers = [str(i + 1) if count > 1 else "" for i in range(count)]
    titles = per_box("names", names, count, numbers)
    points = per_box("scores", scores, count, [math.nan] * count)
    states = [_state(score, is_lost) for score, is_lost in zip(points, flags, strict=True)]
    if labels is not None:
        titles, states = per_box("labels", labels, count, []), [""] * count
    shades = [as_color(color) for color in per_box("colors", colors, count, palette(count))]
    canvas = check_image(image, what="the picture to draw on").copy()
    line = width_of_lines(canvas) if line_width is None else line_width
    check_number("line width", line, _THINNEST)
    for row, color, title, state, is_lost in zip(rows, shades, titles, states, flags, strict=True):
        if np.isfinite(row).all() and (row[2:] > 0).all():
            x, y, w, h = row.tolist()
            _draw_outline(canvas, (x, y, w, h), color, line, dashed=is_lost)
            if title or state:
                size = max(11, round(min(canvas.shape[:2]) / 32))
                chip = chip_image(" ".join(title.split()), state, size, color, faint=is_lost)
                _draw_chip(canvas, (x, y, w, h), chip, line)
    return canvas


def draw_legend(image: Image, names: Sequence[str]) -> Image:
    """Return a copy of a picture with names in its upper left corner, one below the other.

    Each name has the colour that `draw_boxes` uses for the box with the same index. Names that do
    not fit into the picture are cut off.

    Args:
        image: (H, W, 3) uint8 RGB; it is not modified.
        names: (N,), one line each.
    """
    canvas = check_image(image, what="the picture to draw on").copy()
    height, width, _ = canvas.shape
    size = max(10, round(min(height, width) / 34))
    gap = top = left = max(2, size // 3)
    for name, color in zip(names, palette(len(names)), strict=True):
        label = label_image(name, size, color)[: max(height - top, 0), : max(width - left, 0)]
        rows, columns, _ = label.shape
        canvas[top : top + rows, left : left + columns] = label
        top += rows + gap // 2
    return canvas


def as_rows(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return boxes (N, 4), one box (4,) or an empty list as (N, 4).

    Raises:
        InputError: Anything else.
    """
    try:
        rows = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):  # ragged lists, texts
        raise InputError(f"boxes must be (N, 4): x, y, w, h; got {shown(boxes)}") from None
    if rows.shape in ((0,), (4,)):
        return rows.reshape(-1, 4)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise InputError(f"boxes must be (N, 4): x, y, w, h; got shape {rows.shape}")
    return rows


def palette(count: int) -> list[Color]:
    """Return colours for `count` targets, repeating from the eighth on."""
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def as_color(color: Color | str) -> Color:
    """Convert a colour to RGB from RGB, an HTML name or `#rrggbb`.

    Raises:
        InputError: It is none of these.

    >>> as_color("orange"), as_color("#0072b2")
    ((255, 165, 0), (0, 114, 178))
    """
    try:
        red, green, blue, *rest = ImageColor.getrgb(color) if isinstance(color, str) else color
        is_long = bool(rest) and not isinstance(color, str)
        if is_long or min(red, green, blue) < 0 or max(red, green, blue) > 255:
            raise ValueError(color)
    except (ValueError, TypeError):
        raise InputError(
            f"color: expected a name, #rrggbb or (r, g, b) from 0 to 255, got {color!r}"
        ) from None
    return int(red), int(green), int(blue)


def per_box(name: str, values: Iterable[T] | None, count: int, default: Sequence[T]) -> list[T]:
    """Return the values as a list, or the default; InputError unless there are `count`."""
    if values is not None and not isinstance(values, Iterable):
        raise InputError(f"{name} must have one element for each of {count} boxes; got {values!r}")
    given = list(default if values is None else values)
    if len(given) != count:
        raise InputError(
            f"{name} must have one element for each of {count} boxes; got {len(given)}"
        )
    return given


def _state(score: float, lost: bool) -> str:
    return "lost" if lost else "" if math.isnan(score) else f"{score:.2f}"


def width_of_lines(canvas: Image) -> float:
    """Return the line width: 3.3 pixels at 720 lines, proportional elsewhere, at least 2."""
    return max(2.0, float(min(canvas.shape[:2])) / 216)


def _draw_outline(canvas: Image, box: Box, color: Color, line: float, *, dashed: bool) -> None:
    """Blend a line along the box's edges, over a darker and wider one, into the canvas.

    The darker line is never dashed, so the whole box is visible on any background. Only the four
    strips of pixels that the lines touch are read and written.
    """
    height, width, _ = canvas.shape
    reach = line / 2 + max(0.75, line / 4)
    x, y, w, h = box
    top, inner_top, inner_bottom, bottom = _strips(y, h, reach, height)
    left, inner_left, inner_right, right = _strips(x, w, reach, width)
    dash = 4 * line if dashed else None
    dark = _Ring((top, bottom), (left, right), box, reach, None)
    paint = _Ring((top, bottom), (left, right), box, line / 2, dash)
    # (H, 3 W) is much faster than an innermost axis of three.
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
    """Return the pixels on one axis that the lines of both edges touch: [a, b) and [c, d).

    They are clipped to 0 … `limit` and do not overlap: a ≤ b ≤ c ≤ d.
    """
    first = min(max(math.floor(start - reach), 0), limit)
    last = min(max(math.ceil(start + length + reach), first), limit)
    first_end = min(max(math.ceil(start + reach), first), last)
    second_start = min(max(math.floor(start + length - reach), first_end), last)
    return first, first_end, second_start, last


class _Ring:
    """Fraction of each sample within `reach` of a box's outline, computed region by region.

    It is an outer box minus an inner one, each the product of its coverage along the two axes.

    Args:
        rows: First and last row of pixels, half-open.
        columns: First and last column, half-open; there are three samples to each.
        box: x, y, w, h.
        reach: Half the line width, pixels.
        dash: Length of dashes and gaps in pixels; None: a solid line.
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
        fraction: NDArray[np.float32] = (
            outer - self._inner_rows[rows] * self._inner_columns[columns]
        )
        return fraction


def _coverage(pixels: tuple[int, int], start: float, end: float) -> NDArray[np.float32]:
    """Return the fraction of each pixel [i, i + 1) inside [start, end); 0 if that is empty."""
    index = np.arange(*pixels, dtype=np.float32)
    inside: NDArray[np.float32] = np.minimum(index + 1, end) - np.maximum(index, start)
    return np.maximum(inside, 0, out=inside)


def _dashes(
    pixels: tuple[int, int], start: float, length: float, dash: float
) -> NDArray[np.float32]:
    """Return 1 for drawn pixels along an edge: every other one of an odd number of pieces.

    The first and last piece, and everything beyond them, are drawn, so that corners are complete.
    """
    pieces = max(3, 2 * round(length / (2 * dash)) + 1)
    place = np.floor((np.arange(*pixels) + 0.5 - start) / length * pieces)
    return np.asarray(np.clip(place, 0, pieces - 1) % 2 == 0, np.float32)


def _draw_chip(canvas: Image, box: Box, chip: Image, line: float) -> None:
    """Draw a label above the box, or below or inside it if there is no space."""
    height, width, _ = canvas.shape
    x, y, w, h = box
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        return
    chip = chip[:height, :width]
    rows, columns, _ = chip.shape
    reach = line / 2 + max(0.75, line / 4)
    left = round(min(max(x - reach, 0), width - columns))
    above, below = math.floor(y - reach) - rows, math.ceil(y + h + reach)
    inside = round(min(max(y + reach, 0), height - rows))
    top = above if above >= 0 else below if below + rows <= height else inside
    ground = canvas[top : top + rows, left : left + columns]
    opacity = chip[:, :, 3:].astype(np.uint16)
    ground[:] = (chip[:, :, :3] * opacity + ground * (255 - opacity) + 127) // 255
