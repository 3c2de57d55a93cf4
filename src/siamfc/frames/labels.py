"""Labels: short texts on a coloured background, to be drawn over a picture."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from siamfc.frames.frame import Image

Color = tuple[int, int, int]

_CACHED_LABELS = 1024
"""Several targets times a hundred different scores; a label takes about 6 kB at 720 lines."""
_LONGEST_NAME = 24
_DARK: Color = (24, 26, 30)
_SMOOTH = 4
"""Factor by which rounded corners are supersampled."""


@lru_cache(_CACHED_LABELS)
def label_image(text: str, size: int, ground: Color) -> Image:
    """Return a line of text, black or white, on a plain background with a small margin.

    Args:
        text: One line.
        size: Font size in pixels.
        ground: Background colour, RGB; the text is black or white, whichever contrasts more.

    Returns:
        (H, W, 3) uint8, read-only; H depends only on `size`.
    """
    font = _font(size)
    ascent, descent = font.getmetrics()
    margin = max(2, round(size / 4))
    width = round(font.getlength(text)) + 2 * margin
    image = PillowImage.new("RGB", (width, ascent + descent + margin // 2), ground)
    ink = "white" if _is_dark(ground) else "black"
    ImageDraw.Draw(image).text((margin, margin // 4), text, fill=ink, font=font)
    label = np.array(image)
    label.flags.writeable = False
    return label


@lru_cache(_CACHED_LABELS)
def chip_image(name: str, state: str, size: int, color: Color, *, faint: bool = False) -> Image:
    """Return a name on its target's colour and, beside it on dark, its state; rounded corners.

    Args:
        name: One line, truncated after about two dozen letters; "": only the state.
        state: One line, such as a score; "": only the name.
        size: Font size in pixels.
        color: RGB.
        faint: Use a dark background for a state without a name too.

    Returns:
        (H, W, 4) uint8 RGB and opacity, read-only; H depends only on `size`.
    """
    font = _font(size)
    ascent, descent = font.getmetrics()
    margin = max(3, round(size / 3))
    height = ascent + descent + margin // 2
    name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    parts = [(name, color)] if name else []
    if state:
        parts.append((state, _DARK if name or faint else color))
    widths = [round(font.getlength(text)) + 2 * margin for text, _ in parts]
    chip = PillowImage.new("RGB", (sum(widths), height))
    pen = ImageDraw.Draw(chip)
    left = 0
    for (text, ground), width in zip(parts, widths, strict=True):
        ink = "white" if _is_dark(ground) else "black"
        pen.rectangle((left, 0, left + width, height), fill=ground)
        if faint and ground == _DARK:
            ink = "#{:02x}{:02x}{:02x}".format(*color)
        pen.text((left + margin, margin // 4), text, fill=ink, font=font)
        left += width
    opacity = PillowImage.new("L", (_SMOOTH * chip.width, _SMOOTH * height))
    ImageDraw.Draw(opacity).rounded_rectangle(
        (0, 0, opacity.width - 1, opacity.height - 1), radius=_SMOOTH * size / 5, fill=255
    )
    chip.putalpha(opacity.reduce(_SMOOTH))
    image = np.array(chip)
    image.flags.writeable = False
    return image


def _is_dark(color: Color) -> bool:
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128


@lru_cache(16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))  # a FreeType font
