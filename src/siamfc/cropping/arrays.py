"""Crops of a frame given as an array, the form used throughout the project."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from siamfc.array_types import ByteImage, FloatArray
from siamfc.cropping.planes import Planes
from siamfc.cropping.resampling import (
    PixelBox,
    as_color,
    averaged,
    cell_size,
    checked_square,
    placed,
    plain_picture,
    resized,
    span,
    touched,
)
from siamfc.errors import InputError

_PIXELS_AT_ONCE = 2**20
"""Number of a frame's pixels that are read at once: more would need fresh memory each time."""


def mean_color(image: ByteImage) -> ByteImage:
    """Return an image's mean per channel, rounded, (3,) uint8: the fill of crops beyond the frame.

    Raises:
        InputError: not an image (H, W, 3) of uint8.
    """
    pixels = as_image(image)
    height, width = pixels.shape[:2]
    step = max(_PIXELS_AT_ONCE // width, 1)
    total: FloatArray = np.zeros(3)
    for row in range(0, height, step):
        total += pixels[row : row + step, :].sum(axis=0, dtype=np.uint32).sum(axis=0)
    mean: ByteImage = np.rint(total / (height * width)).astype(np.uint8)
    return mean


def as_image(image: ByteImage) -> ByteImage:
    """Check that an array is an RGB image, and return it unchanged.

    Raises:
        InputError: not an array (H, W, 3) of uint8 with at least one pixel.
    """
    shape = getattr(image, "shape", None)
    kind = getattr(image, "dtype", type(image).__name__)
    if shape is None or len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        came = f"{kind} of shape {shape}" if shape is not None else kind
        raise InputError(
            f"image: expected RGB uint8 of shape (height, width, 3), got {came}{image_hint(image)}"
        )
    return image


def image_hint(image: Any) -> str:
    """Return how to make an RGB image of a value, to end an error message; empty if unknown."""
    if isinstance(image, Image.Image):
        return ": convert it, numpy.asarray(image.convert('RGB'))"
    if not isinstance(image, np.ndarray):
        return ": convert it, numpy.asarray(image)" if hasattr(image, "__array__") else ""
    if image.ndim == 3 and image.shape[2] == 4:
        return ": leave out the alpha channel, image[:, :, :3]"
    if image.ndim == 3 and image.shape[0] == 3:
        return ": put the channels last, image.transpose(1, 2, 0)"
    if image.dtype != np.uint8 and (image.ndim == 2 or image.shape[2:] in ((1,), (3,))):
        return ": scale to 0–255 and convert, image.astype(numpy.uint8)"
    is_grey = image.ndim == 2 or image.shape[2:] == (1,)
    return ": repeat the grey, numpy.dstack([image] * 3)" if is_grey else ""


def crop(
    image: ByteImage, center_frame: ArrayLike, side: float, size: int, fill: ArrayLike
) -> ByteImage:
    """Resample one square of a frame to `size` × `size` pixels, sub-pixel exact.

    This function serves exemplars, searches, curation and training alike. The interpolation is
    linear when the crop enlarges; when it shrinks, the filter is widened by the same factor and
    acts as the low-pass. From 2, 4, 8 … frame pixels per crop pixel on, the frame is first averaged
    over cells of that many pixels. This blurs a crop slightly more, at most as much as linear
    interpolation blurs one that is not shrunk, shifts nothing, and bounds the cost by the frame's
    size.

    Args:
        image: (H, W, 3) uint8 RGB; need not be contiguous.
        center_frame: (x, y) of the square's centre, frame pixels; may lie outside the frame.
        side: side of the square, frame pixels, above 0.
        size: side of the crop, pixels.
        fill: (3,) colour in 0–255 of everything outside the frame; it takes part in the
            interpolation at the frame's border.

    Returns:
        (size, size, 3) uint8, a new array.

    Raises:
        InputError: an invalid image, centre, side, size or fill.
    """
    crops = crop_scales(image, center_frame, [side], size, fill)
    return crops.reshape(crops.shape[1:])


def crop_scales(
    image: ByteImage, center_frame: ArrayLike, sides: ArrayLike, size: int, fill: ArrayLike
) -> ByteImage:
    """Crop squares of several sides about one centre: (S, size, size, 3), as `crop` for each.

    This is cheaper than separate calls, since the frame's part is converted once. It is also
    fairer: all crops get the same low-pass, averaged over the cells that suit the smallest.
    """
    pixels = as_image(image)
    center, lengths = checked_square(center_frame, sides, size)
    color = as_color(fill)
    height, width = pixels.shape[:2]
    cell = cell_size(min(lengths) / size)
    columns = [span(center[0], length, size, width, cell) for length in lengths]
    rows = [span(center[1], length, size, height, cell) for length in lengths]
    crops = np.empty((len(lengths), size, size, 3), dtype=np.uint8)
    seen = [bool(x.count and y.count) for x, y in zip(columns, rows, strict=True)]
    if any(seen):
        box = touched(columns, rows)
        part = _part(pixels, box, cell, color)
    for index, (x, y) in enumerate(zip(columns, rows, strict=True)):
        if seen[index]:
            shown = resized(part, box[0], box[1], x, y, cell)
            crops[index] = np.asarray(placed(shown, x, y, size, color))
        else:
            crops[index] = np.asarray(plain_picture(size, size, color))
    return crops


def _part(pixels: ByteImage, box: PixelBox, cell: int, fill: ByteImage) -> Image.Image:
    """Average the cells of a box that may extend beyond the frame."""
    left, top, right, bottom = box
    x, y = max(left, 0), max(top, 0)
    inside = x, y, right, min(bottom, -(-pixels.shape[0] // cell))
    # A frame of a video comes with the planes that it was decoded to. Averaging those is cheaper;
    # without averaging they save nothing.
    planes: Planes | None = getattr(pixels, "planes", None) if cell > 1 else None
    if planes is not None:
        strips = [planes.averaged(inside, cell, fill)]
    else:
        strips = _strips(pixels, inside, cell, fill)
    if len(strips) == 1 and strips[0].size == (right - left, bottom - top):
        return strips[0]
    whole = plain_picture(right - left, bottom - top, fill)
    for strip in strips:
        whole.paste(strip, (x - left, y - top))
        y += strip.height
    return whole


def _strips(pixels: ByteImage, box: PixelBox, cell: int, fill: ByteImage) -> list[Image.Image]:
    """Average cells a few rows at a time."""
    left, top, right, bottom = box
    step = max(_PIXELS_AT_ONCE // ((right - left) * cell**2), 1)
    return [
        averaged(_region(pixels, (left, row, right, min(row + step, bottom)), cell), cell, fill)
        for row in range(top, bottom, step)
    ]


def _region(pixels: ByteImage, box: PixelBox, cell: int) -> Image.Image:
    left, top, right, bottom = (edge * cell for edge in box)
    return Image.fromarray(pixels[top:bottom, left:right])
