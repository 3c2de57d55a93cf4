"""A colour for each tracker: those of written videos, adapted to light and dark pages."""

from siamfc.frames.draw import PALETTE
from siamfc.frames.labels import Color

LIGHT, DARK = (255, 255, 255), (22, 24, 28)
"""Page backgrounds."""
_CONTRAST = 3.0
"""Minimum contrast of lines and marks with their background: WCAG 2.2, 1.4.11."""
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2", "1 2")


def dash_index(index: int) -> int:
    """Return the dash pattern of the tracker at `index`: unique with its colour among 49.

    >>> [dash_index(index) for index in (0, 1, 6, 7, 13)]
    [0, 1, 6, 1, 0]
    """
    return (index + index // len(PALETTE)) % len(_DASHES)


def dashes(index: int) -> str:
    """Return lengths of dashes and gaps, to tell lines apart without colour; empty: solid."""
    return _DASHES[dash_index(index)]


def series_color(index: int, ground: Color = LIGHT) -> Color:
    """Return the colour of the tracker at `index`, on a light or dark background.

    >>> series_color(0, DARK)
    (230, 159, 0)
    """
    return readable(PALETTE[index % len(PALETTE)], ground)


def readable(color: Color, ground: Color) -> Color:
    """Darken a colour, or lighten it on a dark background, only as far as contrast requires."""
    ink = (0, 0, 0) if luminance(ground) > 0.18 else (255, 255, 255)
    for step in range(101):
        red, green, blue = (
            round(c + (i - c) * step / 100) for c, i in zip(color, ink, strict=True)
        )
        if contrast((red, green, blue), ground) >= _CONTRAST:
            return red, green, blue
    return ink


def contrast(first: Color, second: Color) -> float:
    """Contrast of two colours by WCAG, 1 to 21.

    >>> round(contrast((0, 0, 0), (255, 255, 255)))
    21
    """
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: Color) -> float:
    """Relative luminance of a colour by WCAG, 0 to 1."""
    parts = (value / 255 for value in color)
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def css(color: Color) -> str:
    """Format a colour for a style sheet.

    >>> css((230, 159, 0))
    '#e69f00'
    """
    return "#{:02x}{:02x}{:02x}".format(*color)
