"""Crops: squares of a frame resampled to a fixed size, sub-pixel exact. The only copy.

Coordinates and conventions are those of `siamfc.geometry`, which is where to import this from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from siamfc.errors import InputError

FloatArray = NDArray[np.float64]
ByteImage = NDArray[np.uint8]

_REDUCED_PIXELS = 1.2
"""Pixels to a crop's pixel that are left, at least, when the frame is averaged over cells first."""
_SMALLEST_SIDE = 1e-6
"""Smallest side of a square that is cropped, frame pixels; anything smaller is a mistake."""
_MEAN_ROWS = 150
"""Rows of a picture, at least, that its mean colour is taken from."""
_LARGEST_CELL = 32
"""Largest cell averaged at once; Pillow's fixed point loses precision with far larger ones."""


def mean_color(image: ByteImage) -> ByteImage:
    """Mean of an image (H, W, 3) per channel, rounded: (3,) uint8. It fills crops beyond the frame.

    Raises:
        InputError: not an image (H, W, 3) of uint8.
    """
    pixels = as_image(image)
    total: FloatArray = pixels.sum(axis=0, dtype=np.uint32).sum(axis=0, dtype=np.float64)
    mean: ByteImage = np.rint(total / (pixels.shape[0] * pixels.shape[1])).astype(np.uint8)
    return mean


def mean_picture_color(picture: Image.Image) -> ByteImage:
    """Mean of one of Pillow's RGB pictures, (3,) uint8: that of `mean_color`, to a level.

    Of a large picture it is the mean of every second, third … pixel of as many rows, which leaves
    tens of thousands.
    """
    step = max(min(picture.size) // _MEAN_ROWS, 1)
    width, height = (-(-length // step) for length in picture.size)
    sample = picture.resize((width, height), Image.Resampling.NEAREST)
    total = np.asarray(sample).sum(axis=0, dtype=np.uint32).sum(axis=0, dtype=np.float64)
    color: ByteImage = np.rint(total / (width * height)).astype(np.uint8)
    return color


def as_image(image: ByteImage) -> ByteImage:
    """Check that an array is an image as every part passes them around, and return it.

    Raises:
        InputError: not an array (H, W, 3) of uint8 with at least one pixel.
    """
    shape = getattr(image, "shape", None)
    kind = getattr(image, "dtype", type(image).__name__)
    if shape is None or len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        came = f"{kind} of shape {shape}" if shape is not None else kind
        raise InputError(f"image: expected RGB uint8 of shape (height, width, 3), got {came}")
    return image


def crop(
    image: ByteImage, center_frame: ArrayLike, side: float, size: int, fill: ArrayLike
) -> ByteImage:
    """Resample one square of a frame to `size` × `size` pixels, sub-pixel exact.

    The one function for exemplars, searches, curation and training. Linear interpolation when the
    crop enlarges; when it shrinks, the filter is as much wider as the crop is smaller, which is
    the low-pass. From 2.4 frame pixels to a crop's pixel on, the frame is first averaged over
    cells of 2, 3, 4 … pixels: that blurs a crop a trifle more, as much as linear interpolation
    blurs one that doesn't shrink at all, shifts nothing, and bounds the cost by the frame's size.

    Args:
        image: (H, W, 3) uint8 RGB; need not be contiguous.
        center_frame: (x, y) of the square's centre, frame pixels; may lie outside the frame.
        side: of the square, frame pixels, above 0.
        size: of the crop, pixels.
        fill: (3,) colour in 0–255 of everything outside the frame; it takes part in the
            interpolation at the frame's border.

    Returns:
        (size, size, 3) uint8, a new array.

    Raises:
        InputError: an image, centre, side or size that is none.
    """
    crops = crop_scales(image, center_frame, [side], size, fill)
    return crops.reshape(crops.shape[1:])


def crop_scales(
    image: ByteImage, center_frame: ArrayLike, sides: ArrayLike, size: int, fill: ArrayLike
) -> ByteImage:
    """Crop squares of several sides about one centre: (S, size, size, 3), as `crop` for each.

    Cheaper than one by one, since the frame's part is converted once; and fairer: all of them are
    low-passed alike, averaged over the cells that suit the smallest.
    """
    pixels = as_image(image)
    center, lengths = _checked_square(center_frame, sides, size)
    color = np.rint(np.asarray(fill, dtype=np.float64)).astype(np.uint8)
    height, width = pixels.shape[:2]
    cell = _cell_size(float(lengths.min()) / size)
    columns = [_span(center[0], length, size, width, cell) for length in lengths]
    rows = [_span(center[1], length, size, height, cell) for length in lengths]
    crops = np.empty((len(lengths), size, size, 3), dtype=np.uint8)
    seen = [bool(x.count and y.count) for x, y in zip(columns, rows, strict=True)]
    if any(seen):
        part, left, top = _part(pixels, columns, rows, cell, color)
    for index, (x, y) in enumerate(zip(columns, rows, strict=True)):
        if not (x.count == y.count == size):
            crops[index] = _plain(size, size, color)
        if seen[index]:
            target = crops[index, y.first : y.first + y.count, x.first : x.first + x.count]
            target[:] = np.asarray(_resized(part, left, top, x, y, cell))
    return crops


def crop_picture(
    picture: Image.Image, center_frame: ArrayLike, side: float, size: int, fill: ArrayLike
) -> Image.Image:
    """Do as `crop` does, from one of Pillow's RGB images to another.

    The same to a level. For whoever decodes with Pillow, cuts squares out and encodes them:
    conversion to arrays and back is spared.

    Raises:
        InputError: a picture of another mode, or a centre, side or size that is none.
    """
    if picture.mode != "RGB":
        raise InputError(f"picture: expected one of Pillow's mode RGB, got {picture.mode}")
    center, _ = _checked_square(center_frame, [side], size)
    color = np.rint(np.asarray(fill, dtype=np.float64)).astype(np.uint8)
    cell = _cell_size(side / size)
    x = _span(center[0], side, size, picture.width, cell)
    y = _span(center[1], side, size, picture.height, cell)
    if not (x.count and y.count):
        return _plain_picture(size, size, color)
    part, left, top = _part(picture, [x], [y], cell, color)
    resized = _resized(part, left, top, x, y, cell)
    if x.count == y.count == size:
        return resized
    whole = _plain_picture(size, size, color)
    whole.paste(resized, (x.first, y.first))
    return whole


@dataclass(frozen=True)
class _Span:
    """The pixels of a crop along one axis that see the frame, and the frame's part they see."""

    first: int
    count: int
    start: float
    """Edges of those pixels, frame pixels."""
    end: float
    low: int
    """Edges of all that their filter touches, cells; may lie outside the frame."""
    high: int


def _span(center: float, side: float, size: int, extent: int, cell: int) -> _Span:
    ratio = side / size
    edge = center - side / 2
    reach = max(ratio, float(cell))  # half the filter's width
    cells = -(-extent // cell)
    # Pixel i has its middle at edge + (i + 0.5) · ratio; those within reach of the frame count.
    before_first = (-reach - edge) / ratio - 0.5
    after_last = (cells * cell + reach - edge) / ratio - 0.5
    first = math.floor(min(max(before_first, -1.0), size)) + 1
    last = math.ceil(min(max(after_last, 0.0), size))
    if first >= last:
        return _Span(first=0, count=0, start=0.0, end=0.0, low=0, high=0)
    return _Span(
        first=first,
        count=last - first,
        start=edge + first * ratio,
        end=edge + last * ratio,
        low=min(math.floor((edge + (first + 0.5) * ratio - reach) / cell), cells - 1),
        high=max(math.ceil((edge + (last - 0.5) * ratio + reach) / cell), 1),
    )


def _cell_size(ratio: float) -> int:
    """Choose cells that leave `_REDUCED_PIXELS` or more to a pixel of the crop."""
    cell = max(int(ratio / _REDUCED_PIXELS), 1)
    return cell if cell <= _LARGEST_CELL else 1 << int(math.log2(cell))


def _resized(part: Image.Image, left: int, top: int, x: _Span, y: _Span, cell: int) -> Image.Image:
    """Resample the pixels of two spans from a part that begins at a left and a top cell."""
    start = (x.start / cell - left, y.start / cell - top)
    end = (x.end / cell - left, y.end / cell - top)
    return part.resize((x.count, y.count), Image.Resampling.BILINEAR, (*start, *end))


def _part(
    source: ByteImage | Image.Image,
    columns: Sequence[_Span],
    rows: Sequence[_Span],
    cell: int,
    fill: ByteImage,
) -> tuple[Image.Image, int, int]:
    """Cut out, in cells, all that the spans touch; return it with its left and top cell."""
    left, right = _union(columns)
    top, bottom = _union(rows)
    x, y = max(left, 0), max(top, 0)
    box = (x * cell, y * cell, right * cell, bottom * cell)
    if isinstance(source, Image.Image):
        width, height = source.size
        if cell == 1 and left >= 0 and top >= 0 and right <= width and bottom <= height:
            return source, 0, 0  # what lies about the part does no harm
        inner = _averaged(source, (*box[:2], min(box[2], width), min(box[3], height)), cell, fill)
    else:
        region = Image.fromarray(source[box[1] : box[3], box[0] : box[2]])
        inner = _averaged(region, (0, 0, *region.size), cell, fill)
    width, height = inner.size
    if (left, top, right, bottom) == (x, y, x + width, y + height):
        return inner, left, top
    padded = _plain_picture(right - left, bottom - top, fill)
    padded.paste(inner, (x - left, y - top))
    return padded, left, top


def _union(spans: Sequence[_Span]) -> tuple[int, int]:
    used = [span for span in spans if span.count]
    return min(span.low for span in used), max(span.high for span in used)


def _averaged(
    picture: Image.Image, box: tuple[int, int, int, int], cell: int, fill: ByteImage
) -> Image.Image:
    """Average over cell × cell pixels of a box (left, top, right, bottom) of a picture.

    What the last row and column of cells lack is fill.
    """
    if cell == 1:
        return picture if box == (0, 0, *picture.size) else picture.crop(box)
    while cell > 1:
        factor = min(cell, _LARGEST_CELL)
        cell //= factor
        lacking = [(-length % factor) / factor for length in (box[2] - box[0], box[3] - box[1])]
        picture = picture.reduce(factor, box)
        if any(lacking):
            pixels = np.array(picture)
            for last, share in ((pixels[:, -1], lacking[0]), (pixels[-1], lacking[1])):
                last[:] = np.rint(last * (1 - share) + fill * share)
            picture = Image.fromarray(pixels)
        box = (0, 0, *picture.size)
    return picture


def _plain_picture(width: int, height: int, color: ByteImage) -> Image.Image:
    red, green, blue = color.tolist()
    return Image.new("RGB", (width, height), (red, green, blue))


def _plain(height: int, width: int, color: ByteImage) -> ByteImage:
    image = np.empty((height, width * 3), dtype=np.uint8)
    image[:] = np.tile(color, width)  # whole rows at once: 20 times as fast as pixel by pixel
    return image.reshape(height, width, 3)


def _checked_square(
    center_frame: ArrayLike, sides: ArrayLike, size: int
) -> tuple[list[float], FloatArray]:
    center = np.asarray(center_frame, dtype=np.float64)
    lengths = np.asarray(sides, dtype=np.float64)
    if center.shape != (2,) or not np.isfinite(center).all():
        raise InputError(f"crop: expected a finite centre (x, y), got {center.tolist()}")
    fine = np.isfinite(lengths) & (lengths >= _SMALLEST_SIDE)
    if lengths.ndim != 1 or not len(lengths) or not fine.all():
        raise InputError(
            f"crop: expected sides of at least {_SMALLEST_SIDE:g} pixels, got {lengths.tolist()}"
        )
    if size < 1:
        raise InputError(f"crop: expected a size of at least 1 pixel, got {size}")
    return center.tolist(), lengths
