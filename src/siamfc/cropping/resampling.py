"""Resampling of squares: spans of a crop's pixels, cells of averaged pixels, and Pillow.

These are the building blocks of `arrays` and `pictures`, which document their purpose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError

PixelBox = tuple[int, int, int, int]
"""Box as left, top, right, bottom."""

_SMALLEST_SIDE = 1e-6
"""Smallest side of a square that is cropped, frame pixels; anything smaller is a mistake."""
LARGEST_FACTOR = 32
"""Largest cell averaged at once; Pillow's fixed point loses precision with far larger ones."""


def cell_size(ratio: float) -> int:
    """Return the side, frame pixels, of the cells over which a frame is averaged first.

    It is the largest power of two that leaves at least one cell per pixel of the crop. With powers
    of two, crops of different scales share cells, and JPEG files can be decoded to them.

    Args:
        ratio: frame pixels per pixel of the crop.

    >>> [cell_size(ratio) for ratio in (0.3, 1.9, 2, 3.9, 4)]
    [1, 1, 2, 2, 4]
    """
    return 1 << (math.frexp(max(ratio, 1.0))[1] - 1)


@dataclass(frozen=True)
class Span:
    """A crop's pixels along one axis that see the frame, and the part that they see."""

    first: int
    count: int
    start: float
    """Start of those pixels, frame pixels."""
    end: float
    low: int
    """First cell that their filter touches; may lie outside the frame."""
    high: int


def span(center: float, side: float, size: int, extent: int, cell: int) -> Span:
    """Find the pixels of a crop that see a frame of `extent` pixels, along one axis."""
    ratio = side / size
    edge = center - side / 2
    reach = max(ratio, float(cell))  # half the filter's width
    cells = -(-extent // cell)
    # Pixel i is centred at edge + (i + 0.5) · ratio; pixels within reach of the frame count.
    before_first = (-reach - edge) / ratio - 0.5
    after_last = (cells * cell + reach - edge) / ratio - 0.5
    first = math.floor(min(max(before_first, -1.0), size)) + 1
    last = math.ceil(min(max(after_last, 0.0), size))
    if first >= last:
        return Span(first=0, count=0, start=0.0, end=0.0, low=0, high=0)
    return Span(
        first=first,
        count=last - first,
        start=edge + first * ratio,
        end=edge + last * ratio,
        low=min(math.floor((edge + (first + 0.5) * ratio - reach) / cell), cells - 1),
        high=max(math.ceil((edge + (last - 0.5) * ratio + reach) / cell), 1),
    )


def touched(columns: Sequence[Span], rows: Sequence[Span]) -> PixelBox:
    """Return the cells that spans touch together; spans that see nothing are ignored."""
    x = [span for span in columns if span.count]
    y = [span for span in rows if span.count]
    return (
        min(span.low for span in x), min(span.low for span in y),
        max(span.high for span in x), max(span.high for span in y),
    )  # fmt: skip


def resized(part: Image.Image, left: int, top: int, x: Span, y: Span, cell: int) -> Image.Image:
    """Resample the pixels of two spans from a part that begins at cells `left` and `top`."""
    start = (x.start / cell - left, y.start / cell - top)
    end = (x.end / cell - left, y.end / cell - top)
    return part.resize((x.count, y.count), Image.Resampling.BILINEAR, (*start, *end))


def placed(picture: Image.Image, x: Span, y: Span, size: int, fill: ByteImage) -> Image.Image:
    """Paste the pixels of two spans at their position in the crop; the rest shows the fill."""
    if x.count == y.count == size:
        return picture
    whole = plain_picture(size, size, fill)
    whole.paste(picture, (x.first, y.first))
    return whole


def surrounded(picture: Image.Image, box: PixelBox, fill: ByteImage) -> Image.Image:
    """Cut a box out of a picture; parts of the box outside it show the fill."""
    left, top, right, bottom = box
    whole = plain_picture(right - left, bottom - top, fill)
    whole.paste(picture, (-left, -top))
    return whole


def averaged(picture: Image.Image, cell: int, fill: ByteImage) -> Image.Image:
    """Average over cell × cell pixels; missing parts of the last row and column count as fill.

    Args:
        picture: RGB picture.
        cell: a power of two.
        fill: (3,) uint8.
    """
    while cell > 1:
        factor = min(cell, LARGEST_FACTOR)
        cell //= factor
        size = picture.size
        picture = with_partial_cells(picture.reduce(factor), size, factor, fill)
    return picture


def with_partial_cells(
    picture: Image.Image, size: tuple[int, int], cell: int, fill: ByteImage
) -> Image.Image:
    """Mix fill into the last row and column of cells, by the fraction that lies beyond the edge.

    Args:
        picture: means over cells; the last ones over fewer pixels.
        size: (width, height) in pixels of the averaged picture.
        cell: pixels per cell.
        fill: (3,) uint8.
    """
    lacking = [(-length % cell) / cell for length in size]
    if not any(lacking):
        return picture
    pixels = np.array(picture)
    for last, fraction in ((pixels[:, -1], lacking[0]), (pixels[-1], lacking[1])):
        last[:] = np.rint(last * (1 - fraction) + fill * fraction)
    return Image.fromarray(pixels)


def plain_picture(width: int, height: int, color: ByteImage) -> Image.Image:
    """Create a picture of one colour."""
    red, green, blue = color.tolist()
    return Image.new("RGB", (width, height), (red, green, blue))


def as_color(fill: ArrayLike) -> ByteImage:
    """Round a colour in 0–255 to (3,) uint8.

    Raises:
        InputError: not three numbers from 0 to 255.
    """
    if isinstance(fill, np.ndarray) and fill.dtype == np.uint8 and fill.shape == (3,):
        return fill
    color: FloatArray = np.asarray(fill, dtype=np.float64)
    if color.shape != (3,) or not ((color >= 0) & (color <= 255)).all():
        raise InputError(f"fill: expected a colour, three numbers from 0 to 255, got {fill!r}")
    return np.rint(color).astype(np.uint8)


def checked_square(
    center_frame: ArrayLike, sides: ArrayLike, size: int
) -> tuple[list[float], list[float]]:
    """Check and return the centre and the sides (S,) of squares.

    Raises:
        InputError: an invalid centre, sides or size.
    """
    center = np.asarray(center_frame, dtype=np.float64)
    x_and_y = center.tolist()
    if center.shape != (2,) or not all(map(math.isfinite, x_and_y)):
        raise InputError(f"crop: expected a finite centre (x, y), got {x_and_y}")
    rows = np.asarray(sides, dtype=np.float64)
    lengths = rows.tolist()
    if rows.ndim != 1 or not lengths or not all(_SMALLEST_SIDE <= x < math.inf for x in lengths):
        raise InputError(
            f"crop: expected sides of at least {_SMALLEST_SIDE:g} pixels, got {lengths}"
        )
    if size < 1:
        raise InputError(f"crop: expected a size of at least 1 pixel, got {size}")
    return x_and_y, lengths
