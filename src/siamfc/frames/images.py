"""Conversion of image files and arrays to RGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from siamfc.cropping.arrays import image_hint
from siamfc.errors import InputError, SourceError
from siamfc.frames.frame import Image
from siamfc.frames.grey import GreyRange, find_range, to_bytes, warn_of_range
from siamfc.frames.paths import require_file

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga"}
    | {".tif", ".tiff", ".webp"}
)
"""Suffixes of image files in lower case; files may have them in any case."""

_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "JPEG2000", "TGA", "AVIF")
"""Pillow's names of the formats that are read, independent of the suffix. Pillow supports many
more, some of which are unmaintained or start other programs (PostScript)."""

_EXIF_ORIENTATION = 0x0112

_TIFF_KIND, _TIFF_IS_REDUCED = 254, 1
"""TIFF's tag NewSubfileType and its bit for a reduced copy of another page."""

_FULL_RANGE = GreyRange(0, 65535)

# Images above twice that number of pixels are refused; below, users cannot act on Pillow's
# warning.
warnings.filterwarnings("ignore", category=PillowImage.DecompressionBombWarning)


def read_image(path: str | Path, *, grey: GreyRange | None = None) -> Image:
    """Read the image file at `path` as (H, W, 3) uint8 RGB, upright.

    - The camera's orientation (EXIF) is applied.
    - Grey is repeated over the three channels; palettes and other colour spaces are converted.
    - 16-bit images are scaled by their type's range (0–65535 → 0–255), never by their content, so
      that a given grey is the same in all frames.
    - Transparent pixels are composited over black.

    Args:
        path: The file. Its content determines the format, not its suffix.
        grey: Values of 16-bit images that become black and white; None: 0 and 65535.

    Raises:
        SourceError: No such file, no image that can be decoded completely, or several images.
    """
    with open_image(path) as image:
        count = len(frame_pages(image))
        if count > 1:
            raise SourceError(
                f"{path} holds {count} pictures where one is expected: name it alone to follow "
                "an object through them, or save each as a file"
            )
        return to_rgb(image, grey)


@contextmanager
def open_image(source: str | Path | bytes) -> Iterator[PillowImage.Image]:
    """Open an image file, or its content, with Pillow; errors inside the block name the file.

    Raises:
        SourceError: No such file, or an image that cannot be decoded.
    """
    file: io.BytesIO | Path
    if isinstance(source, bytes):
        name, file = "the image", io.BytesIO(source)
    else:
        name, file = str(source), Path(source)
        require_file(file)
    try:
        with PillowImage.open(file, formats=_known_formats()) as image:
            yield image
            return
    except SourceError:
        raise
    except UnidentifiedImageError:
        reason = "it is not an image of a known format"
    except PillowImage.DecompressionBombError:
        reason = f"it has more than {_most_pixels() / 1e6:.0f} million pixels; reduce its size"
    except Exception as error:  # decoders raise whatever they like on damaged files
        reason = str(error) or type(error).__name__
    raise SourceError(f"{name} cannot be read as an image ({reason}): replace or remove the file")


def frame_pages(image: PillowImage.Image) -> list[int]:
    """Return the indices of pictures that are frames, not previews or smaller copies."""
    count: int = getattr(image, "n_frames", 1)
    if count == 1 or image.format == "MPO":
        return [0]
    if image.format == "PNG" and getattr(image, "default_image", False):
        return list(range(1, count))
    if image.format != "TIFF":
        return list(range(count))
    pages = []
    for page in range(count):
        image.seek(page)
        tags: Any = getattr(image, "tag_v2", {})
        if not tags.get(_TIFF_KIND, 0) & _TIFF_IS_REDUCED:
            pages.append(page)
    image.seek(0)
    return pages or [0]


def to_rgb(image: PillowImage.Image, grey: GreyRange | None = None) -> Image:
    """Convert a Pillow image to (H, W, 3) uint8 RGB, upright, as `read_image` describes.

    Raises:
        ValueError: Pixels that cannot be converted.
    """
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return grey_to_rgb(to_bytes(deep_grey(image), grey or _FULL_RANGE))
    if image.mode == "F":
        raise ValueError("it holds floating-point pixels; convert it to 8 or 16 bits")
    if image.has_transparency_data:
        return _over_black(image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def deep_grey(image: PillowImage.Image) -> NDArray[np.int64]:
    """Return the values of a 16-bit grey image.

    Raises:
        ValueError: The image has more bits.
    """
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > _FULL_RANGE.high:
        raise ValueError("it holds 32-bit pixels; convert it to 8 or 16 bits")
    return values


def check_image(value: ArrayLike, *, what: str = "a frame") -> Image:
    """Check an array passed as a picture; grey becomes RGB, otherwise it is returned unchanged.

    Args:
        value: (H, W, 3) uint8 RGB, (H, W) uint8 grey, or a Pillow image of any mode.
        what: Name of the array in messages.

    Returns:
        (H, W, 3) uint8. It shares memory with an RGB `value`.

    Raises:
        InputError: Another type or shape, or no pixels.

    >>> check_image(np.zeros((2, 4), np.uint8)).shape
    (2, 4, 3)
    """
    if isinstance(value, PillowImage.Image):  # as an array, palette indices would look like grey
        try:
            return to_rgb(value)
        except ValueError as error:
            raise InputError(f"{what}: {error}") from None
    if isinstance(value, str | bytes | Path):
        raise InputError(
            f"{what} must be a picture, got the name {value!r}: give a list of names as the "
            "source, or read it with read_image"
        )
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists, tensors on a GPU
        raise InputError(
            f"{what} must be a (H, W, 3) RGB or (H, W) grey array of uint8; got {error}"
        ) from None
    if array.dtype != np.uint8 or array.size == 0 or not _is_picture(array.shape):
        raise InputError(
            f"{what} must be a (H, W, 3) RGB or (H, W) grey array of uint8 with at least one "
            f"pixel; got shape {array.shape} of {array.dtype}{image_hint(array)}"
        )
    return grey_to_rgb(array) if array.ndim == 2 else array


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)


def grey_to_rgb(grey: NDArray[np.uint8]) -> Image:
    """Repeat grey (H, W) over three channels."""
    return np.repeat(grey[:, :, None], 3, axis=2)


def _over_black(image: PillowImage.Image) -> Image:
    with_alpha = image.convert("RGBA")
    black = PillowImage.new("RGBA", image.size, (0, 0, 0, 255))
    return np.array(PillowImage.alpha_composite(black, with_alpha).convert("RGB"))


def find_grey_range(images: Iterable[PillowImage.Image], *, name: str) -> GreyRange | None:
    """Return the range of values that 16-bit grey images use, with a warning if it is narrow.

    None if it is a large part of the possible range.
    """
    found = find_range((deep_grey(image) for image in images), _FULL_RANGE.high)
    if found is not None:
        warn_of_range(name, found)
    return found


@cache
def _known_formats() -> tuple[str, ...]:
    """Return the formats of `_FORMATS` that this Pillow supports."""
    return tuple(
        name for name in _FORMATS if name != "AVIF" or find_spec("PIL.AvifImagePlugin") is not None
    )


def _most_pixels() -> int:
    return 2 * (PillowImage.MAX_IMAGE_PIXELS or 0)
