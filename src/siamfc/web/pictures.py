"""Frames as JPEG and PNG, for the browser."""

import io
import os
import sys
from typing import BinaryIO

import numpy as np
from PIL import Image as PillowImage

from siamfc.errors import InputError
from siamfc.frames import Image

_SHOWN_SIDE = 1280
"""Longest side in pixels of a picture that is watched rather than examined."""


def encode_jpeg(image: Image, *, quality: int = 80, longest: int | None = None) -> bytes:
    """Encode a picture (H, W, 3); one longer than `longest` is reduced by a whole number."""
    picture = PillowImage.fromarray(image)
    if longest is not None and max(picture.size) > longest:
        picture = picture.reduce(-(-max(picture.size) // longest))
    with _memory_file() as stream:
        picture.save(stream, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
        stream.seek(0)
        return stream.read()


def encode_shown(image: Image) -> bytes:
    """Encode a picture to be watched while the tracker needs the processor."""
    return encode_jpeg(image, quality=75, longest=_SHOWN_SIDE)


def _memory_file() -> BinaryIO:
    """Return a file in memory, or on systems without such files an object like it.

    Pillow lets other threads run while it encodes into a file of the system, and not otherwise.
    """
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("picture"), "w+b")
    return io.BytesIO()


def encode_png(image: Image) -> bytes:
    """Encode a picture (H, W, 3) without loss."""
    stream = io.BytesIO()
    PillowImage.fromarray(image).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def decode_jpeg(data: bytes, *, pixels: int) -> Image:
    """Decode a JPEG that a browser sent.

    Args:
        data: the file.
        pixels: maximum number of pixels.

    Raises:
        InputError: not a JPEG, a damaged one, or too large a one.
    """
    try:
        with PillowImage.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            width, height = picture.size
            if width * height > pixels:
                raise InputError(f"a picture of {width}×{height} is too large")
            return np.array(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("expected a picture as JPEG") from None
