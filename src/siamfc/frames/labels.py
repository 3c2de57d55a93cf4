"""Short texts on a coloured ground, ready to be laid over a picture."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from siamfc.frames.frame import Image

Color = tuple[int, int, int]

_CACHED_LABELS = 1024
"""Several targets times a hundred different scores; a label takes some 6 kB at 720 lines."""


@lru_cache(_CACHED_LABELS)
def label_image(text: str, size: int, ground: Color) -> Image:
    """A line of text, black or white, on a plain ground with a little room around it.

    Args:
        text: One line.
        size: Height of the type in pixels.
        ground: RGB; the type is the one of black and white that differs more.

    Returns:
        (H, W, 3) uint8, not to be altered; H depends on `size` alone.
    """
    font = _font(size)
    ascent, descent = font.getmetrics()
    room = max(2, round(size / 4))
    width = round(font.getlength(text)) + 2 * room
    image = PillowImage.new("RGB", (width, ascent + descent + room // 2), ground)
    ink = "white" if _is_dark(ground) else "black"
    ImageDraw.Draw(image).text((room, room // 4), text, fill=ink, font=font)
    label = np.array(image)
    label.flags.writeable = False
    return label


def _is_dark(color: Color) -> bool:
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128


@lru_cache(16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))  # given a size, it is one
