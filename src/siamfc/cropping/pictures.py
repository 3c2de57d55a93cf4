"""Many crops of one Pillow image, for code that decodes, crops and encodes with Pillow."""

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
"""Rows of a picture, at least, that its mean colour is taken from."""
_BLACK = np.zeros(3, dtype=np.uint8)


class PictureCropper:
    """Cuts squares out of one picture as `crop` does, to a level, and shares work among them.

    The frame is averaged once for all crops of like scale, and not at all if it was decoded to
    averages: JPEG's reduced decoding gives the means of 2 × 2, 4 × 4 or 8 × 8 pixels.

    Args:
        picture: the frame, RGB, or the means over its cells; it is never changed.
        cell: frame pixels to a pixel of the picture, per axis: a power of two.
        frame_size: (width, height) of the frame; that of the picture by default.
        fill: (3,) colour in 0–255 outside the frame; the picture's mean by default, which is
            computed when a crop needs it.

    Raises:
        InputError: a picture of another mode, or that is not made of such cells.
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
            side: of the square, frame pixels.
            size: of the crop, pixels.

        Raises:
            InputError: a centre, side or size that is none, or a square that is too small for
                the picture's cells.
        """
        center, _ = checked_square(center_frame, [side], size)
        cell = cell_size(side / size)
        if cell < self._cell:
            raise InputError(
                f"crop: expected at least {self._cell} frame pixels to a pixel of the crop, as "
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
        """Give the frame's means over cells of a size, each level made from the one below."""
        if cell not in self._levels:
            whole = all(length % cell == 0 for length in self.frame_size)
            fill = _BLACK if whole else self._fill()  # of no cell, then, anything is lacking
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
    """Mean of one of Pillow's RGB pictures, (3,) uint8: that of `mean_color`, to a level.

    Of a large picture it is the mean of every second, third … pixel of as many rows, which leaves
    tens of thousands.
    """
    step = max(min(picture.size) // _MEAN_ROWS, 1)
    width, height = (-(-length // step) for length in picture.size)
    sample = picture.resize((width, height), Image.Resampling.NEAREST)
    counts = np.array(sample.histogram()).reshape(3, 256)
    return as_color(counts @ np.arange(256) / (width * height))
