"""Image files and arrays of every common kind as RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from siamfc.errors import InputError, SourceError
from siamfc.frames.frame import Image
from siamfc.frames.paths import require_file

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga"}
    | {".tif", ".tiff", ".webp"}
)
"""Endings of files that are taken for images, in lower case; a file may write them in any case."""

_EXIF_ORIENTATION = 0x0112


def read_image(path: str | Path) -> Image:
    """Read the image file at `path` as (H, W, 3) uint8 RGB, upright.

    - The orientation that a camera noted (EXIF) is applied.
    - Grey is repeated over the three channels; palettes and CMYK are converted.
    - 16-bit images are scaled by their type's range (0–65535 → 0–255), never by their content,
      so that one grey stays the same grey from frame to frame.
    - Transparent pixels are laid over black.

    Raises:
        SourceError: No such file, or no image that can be decoded in full.
    """
    path = Path(path)
    require_file(path)
    try:
        with PillowImage.open(path) as image:
            if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
                return _to_rgb(ImageOps.exif_transpose(image))
            return _to_rgb(image)
    except UnidentifiedImageError:
        reason = "it is not an image of a known format"
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        PillowImage.DecompressionBombError,
    ) as error:
        reason = str(error) or type(error).__name__  # Pillow raises all of these on damaged files
    raise SourceError(f"{path} cannot be read as an image ({reason}): replace or remove the file")


def check_image(value: ArrayLike, *, what: str = "a frame") -> Image:
    """Check an array that a caller gives as a picture; grey becomes RGB, nothing else changes.

    Args:
        value: (H, W, 3) uint8 RGB or (H, W) uint8 grey.
        what: The array's name for the message.

    Returns:
        (H, W, 3) uint8. It shares memory with an RGB `value`.

    Raises:
        InputError: Another type or shape, or no pixels.

    >>> check_image(np.zeros((2, 4), np.uint8)).shape
    (2, 4, 3)
    """
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged lists
        raise InputError(
            f"{what} must be a (H, W, 3) RGB or (H, W) grey array of uint8; got {error}"
        ) from None
    if array.dtype != np.uint8 or array.size == 0 or not _is_picture(array.shape):
        raise InputError(
            f"{what} must be a (H, W, 3) RGB or (H, W) grey array of uint8 with at least one "
            f"pixel; got shape {array.shape} of {array.dtype}{_hint(array)}"
        )
    return _grey_to_rgb(array) if array.ndim == 2 else array


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)


def _hint(array: NDArray[np.generic]) -> str:
    if array.ndim == 3 and array.shape[2] == 4:
        return ": leave out the alpha channel, image[:, :, :3]"
    if array.ndim == 3 and array.shape[2] == 1:
        return ": leave out the last axis, image[:, :, 0]"
    if array.ndim == 3 and array.shape[0] == 3:
        return ": put the channels last, image.transpose(1, 2, 0)"
    if _is_picture(array.shape) and array.dtype != np.uint8:
        return ": scale to 0–255 and convert, image.astype(numpy.uint8)"
    return ""


def _grey_to_rgb(grey: NDArray[np.uint8]) -> Image:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _to_rgb(image: PillowImage.Image) -> Image:
    if image.mode.startswith("I"):
        return _grey_to_rgb(_from_16_bit(image))
    if image.mode == "F":
        raise ValueError("it holds floating-point pixels; convert it to 8 or 16 bits")
    if image.has_transparency_data:
        return _over_black(image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _over_black(image: PillowImage.Image) -> Image:
    with_alpha = image.convert("RGBA")
    black = PillowImage.new("RGBA", image.size, (0, 0, 0, 255))
    return np.array(PillowImage.alpha_composite(black, with_alpha).convert("RGB"))


def _from_16_bit(image: PillowImage.Image) -> NDArray[np.uint8]:
    """Scale 16-bit grey, which Pillow would clip at 255, to 8 bits: 257 steps are one."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise ValueError("it holds 32-bit pixels; convert it to 8 or 16 bits")
    return ((values + 128) // 257).astype(np.uint8)
