"""Frames as planes, the form in which video is decoded: averaged first, then converted to RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from siamfc.array_types import ByteImage
from siamfc.cropping.resampling import (
    LARGEST_FACTOR,
    PixelBox,
    averaged,
    with_partial_cells,
)

_RED_AND_BLUE = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, of 625 lines
    6: (0.299, 0.114),  # BT.601, of 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
"""Weights of red and blue in brightness, by the matrix's number in H.273."""


@dataclass(frozen=True, kw_only=True)
class Planes:
    """A frame of even width and height as brightness Y and, for every 2 × 2 pixels, colour U, V."""

    pictures: Sequence[Image.Image]
    """Y, U and V, of Pillow's mode L."""
    to_rgb: tuple[float, ...]
    """Rows of R, G, B, each of factors of Y, U, V and an offset; see `rgb_matrix`."""

    def averaged(self, box: PixelBox, cell: int, fill: ByteImage) -> Image.Image:
        """Return the means over cells in RGB; as `averaged` of the frame's pixels, but cheaper.

        Conversion and averaging are linear, so only rounding, and values beyond 0–255 that are cut
        off after the averaging, tell the two apart.

        Args:
            box: part of the frame, in cells; the last ones may extend beyond the frame.
            cell: a power of two, from 2 on.
            fill: (3,) uint8.
        """
        factor = min(cell, LARGEST_FACTOR)
        y, u, v = self.pictures
        left, top = box[0] * cell, box[1] * cell
        right, bottom = min(box[2] * cell, y.width), min(box[3] * cell, y.height)
        means = [y.reduce(factor, (left, top, right, bottom))]
        half = left // 2, top // 2, right // 2, bottom // 2
        means += [one.reduce(factor // 2, half) for one in (u, v)]
        rgb = Image.merge("RGB", means).convert("RGB", self.to_rgb)
        whole = with_partial_cells(rgb, (right - left, bottom - top), factor, fill)
        return averaged(whole, cell // factor, fill)


def rgb_matrix(number: int, *, full_range: bool) -> tuple[float, ...] | None:
    """Return the linear map from Y, U, V in 0–255 to R, G, B in 0–255; see `Planes.to_rgb`.

    Args:
        number: number of the matrix in H.273; None is returned for an unknown one.
        full_range: True if values range from 0 to 255; False: Y from 16 to 235, U and V from 16 to
            240.
    """
    if number not in _RED_AND_BLUE:
        return None
    red, blue = _RED_AND_BLUE[number]
    green = 1 - red - blue
    u, v = 2 * (1 - blue), 2 * (1 - red)
    factors = np.array([[1, 0, v], [1, -u * blue / green, -v * red / green], [1, u, 0]])
    black = np.array([0 if full_range else 16, 128, 128])
    if not full_range:
        factors *= 255 / np.array([219, 224, 224])
    return tuple(np.column_stack([factors, -factors @ black]).ravel().tolist())
