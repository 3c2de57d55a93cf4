"""Crops of a Pillow image, for code that decodes, crops and encodes with Pillow."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from siamfc.array_types import ByteImage
from siamfc.cropping.resampling import (
    as_color,
    averaged,
    cell_size,
    checked_square,
    placed,
    plain_picture,
    resized,
    span,
    surrounded,
    touched,
    with_partial_cells,
)
from siamfc.errors import InputError

_MEAN_ROWS = 150
"""Minimum number of rows of a picture from which its mean colour is computed."""
_BLACK = np.zeros(3, dtype=np.uint8)


class PictureCropper:
    """Crops squares of one picture like `crop`, within one level, and shares work between them.

    The frame is averaged only once for all crops of similar scale, and not at all if it was decoded
    to averages: JPEG's reduced decoding gives the means of 2 × 2, 4 × 4 or 8 × 8 pixels.

    Args:
        picture: the frame, RGB, or the means over its cells; it is never modified.
        cell: frame pixels per pixel of the picture, per axis: a power of two.
        frame_size: (width, height) of the frame; None: that of the picture.
        fill: (3,) colour in 0–255 outside the frame; None: the picture's mean, computed when it is
            first needed.

    Raises:
        InputError: a picture of another mode, one that does not consist of such cells, or a fill
            that is not a colour.
    """

    def __init__(
        self,
        picture: Image.Image,
        *,
        cell: int = 1,
        frame_size: tuple[int, int] | None = None,
        fill: ArrayLike | None = None,
    ) -> None:
        if picture.mode != "RGB":
            raise InputError(f"picture: expected one of Pillow's mode RGB, got {picture.mode}")
        self.frame_size = frame_size or picture.size
        cells = tuple(-(-length // cell) for length in self.frame_size)
        if picture.size != cells:
            raise InputError(
                f"picture: expected {cells} cells of {cell} pixels for a frame of "
                f"{self.frame_size}, got {picture.size}"
            )
        self._picture = picture
        self._cell = cell
        self._color = None if fill is None else as_color(fill)
        self._levels: dict[int, Image.Image] = {}

    def crop(self, center_frame: ArrayLike, side: float, size: int) -> Image.Image:
        """Resample one square of the frame to `size` × `size` pixels.

        Args:
            center_frame: (x, y) of the square's centre, frame pixels.
            side: side of the square, frame pixels.
            size: side of the crop, pixels.

        Raises:
            InputError: an invalid centre, side or size, or a square that is too small for the
                picture's cells.
        """
        center, _ = checked_square(center_frame, [side], size)
        cell = cell_size(side / size)
        if cell < self._cell:
            raise InputError(
                f"crop: expected at least {self._cell} frame pixels per pixel of the crop, as "
                f"the picture has, got {side / size:.4g}"
            )
        x = span(center[0], side, size, self.frame_size[0], cell)
        y = span(center[1], side, size, self.frame_size[1], cell)
        if not (x.count and y.count):
            return plain_picture(size, size, self._fill())
        level = self._level(cell)
        left, top, right, bottom = box = touched([x], [y])
        if left >= 0 and top >= 0 and right <= level.width and bottom <= level.height:
            shown = resized(level, 0, 0, x, y, cell)
        else:
            shown = resized(surrounded(level, box, self._fill()), left, top, x, y, cell)
        return placed(shown, x, y, size, self._fill())

    def _level(self, cell: int) -> Image.Image:
        """Return the frame's means over cells of a size, computed from the next finer level."""
        if cell not in self._levels:
            whole = all(length % cell == 0 for length in self.frame_size)
            fill = _BLACK if whole else self._fill()  # unused without partial cells
            if cell > self._cell:
                self._levels[cell] = averaged(self._level(cell // 2), 2, fill)
            else:
                size = self.frame_size
                self._levels[cell] = with_partial_cells(self._picture, size, cell, fill)
        return self._levels[cell]

    def _fill(self) -> ByteImage:
        if self._color is None:
            self._color = mean_picture_color(self._picture)
        return self._color


def mean_picture_color(picture: Image.Image) -> ByteImage:
    """Return the mean of an RGB Pillow picture, (3,) uint8, within one level of `mean_color`.

    For a large picture it is the mean of every second, third … pixel of every second, third … row,
    which leaves tens of thousands of pixels.
    """
    step = max(min(picture.size) // _MEAN_ROWS, 1)
    width, height = (-(-length // step) for length in picture.size)
    sample = picture.resize((width, height), Image.Resampling.NEAREST)
    counts = np.array(sample.histogram()).reshape(3, 256)
    return as_color(counts @ np.arange(256) / (width * height))
