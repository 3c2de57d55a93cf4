"""Trails: fading lines through the targets' positions in earlier frames."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from siamfc.errors import InputError
from siamfc.frames.draw import as_color, as_rows, palette, per_box, width_of_lines
from siamfc.frames.frame import Image
from siamfc.frames.images import check_image
from siamfc.frames.labels import Color

_SMOOTH = 2
"""Factor by which lines are supersampled."""
_OPACITY = 0.85


class Trail:
    """Remembers the centres of boxes and draws the paths behind them.

    Args:
        frames: Number of frames to remember.
    """

    def __init__(self, frames: int) -> None:
        self._centers: deque[NDArray[np.float64]] = deque(maxlen=max(2, frames))

    def draw(
        self, image: Image, boxes: ArrayLike, *, colors: Iterable[Color | str] | None = None
    ) -> Image:
        """Remember the next boxes; return a copy of their picture with the trails drawn in.

        Args:
            image: (H, W, 3) uint8 RGB; it is not modified.
            boxes: (N, 4), the same targets in every call; a row with NaN interrupts its trail.
            colors: (N,), as for `draw_boxes`.

        Raises:
            InputError: Another number of boxes than before, or as for `draw_boxes`.
        """
        rows = as_rows(boxes)
        if self._centers and len(self._centers[-1]) != len(rows):
            raise InputError(
                f"boxes must be of the same {len(self._centers[-1])} targets in every frame of a "
                f"trail; got {len(rows)}"
            )
        canvas = check_image(image, what="the picture to draw on").copy()
        shades = per_box("colors", colors, len(rows), palette(len(rows)))
        self._centers.append(rows[:, :2] + rows[:, 2:] / 2)
        for target, color in enumerate(shades):
            points = np.array([centers[target] for centers in self._centers])
            _draw_line(canvas, points, as_color(color))
        return canvas


def _draw_line(canvas: Image, points: NDArray[np.float64], color: Color) -> None:
    """Blend a line through points, oldest first, into the canvas; older parts are fainter."""
    height, width, _ = canvas.shape
    seen = points[np.isfinite(points).all(axis=1)]
    if len(seen) < 2:
        return
    line = width_of_lines(canvas)
    low = np.floor(np.clip(seen.min(axis=0) - line, 0, (width, height))).astype(int)
    high = np.ceil(np.clip(seen.max(axis=0) + line, 0, (width, height))).astype(int)
    if (high <= low).any():
        return
    size = tuple(int(_SMOOTH * length) for length in high - low)
    mask = PillowImage.new("L", (size[0], size[1]))
    pen = ImageDraw.Draw(mask)
    for index in range(1, len(points)):
        pair = (points[index - 1 : index + 1] - low) * _SMOOTH
        if np.isfinite(pair).all():
            fill = round(255 * _OPACITY * index / (len(points) - 1))
            ends = [(float(x), float(y)) for x, y in pair]
            pen.line(ends, fill=fill, width=math.ceil(_SMOOTH * line))
            radius = _SMOOTH * line / 2
            x, y = ends[1]
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    opacity = np.asarray(mask.reduce(_SMOOTH)).astype(np.uint16)[:, :, None]
    ground = canvas[low[1] : high[1], low[0] : high[0]]
    shade = np.array(color, np.uint16)
    ground[:] = (shade * opacity + ground * (255 - opacity) + 127) // 255
