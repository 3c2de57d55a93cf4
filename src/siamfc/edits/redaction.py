"""Redaction: the inside of boxes, or everything outside, made unrecognisable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image as PillowImage

from siamfc.array_types import BoolArray, ByteImage, FloatArray
from siamfc.edits.cover import Cover
from siamfc.errors import InputError

Style = Literal["blur", "pixelate", "fill"]
Shape = Literal["ellipse", "box"]

_DETAILS = 4
"""Cells kept along a target's longer side; about seven suffice to recognise a face."""
_FEWEST_PIXELS = 4
"""Smallest side of a cell, however small the target."""
_COARSE = 2
"""Step in pixels at which a blur of large cells is computed; the difference is invisible."""


@dataclass(frozen=True, kw_only=True)
class RedactSettings:
    """Appearance of redacted areas.

    Raises:
        InputError: an unknown style or shape.
    """

    style: Style = "blur"
    """blur: a smooth blot. pixelate: squares of one colour. fill: one flat colour. The first two
    keep four cells along a target's longer side and no detail between them."""
    shape: Shape = "ellipse"
    """ellipse: the ellipse through the corners of the box. box: the box."""
    color: tuple[int, int, int] = (0, 0, 0)
    """RGB colour of fill."""
    outside: bool = False
    """Redact everything but the targets; while one is lost, the whole frame."""

    def __post_init__(self) -> None:
        for name, known in (("style", ("blur", "pixelate", "fill")), ("shape", ("ellipse", "box"))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}"
                )


def redact_frame(image: ByteImage, cover: Cover, index: int, settings: RedactSettings) -> ByteImage:
    """Return a redacted copy of frame `index`, (H, W, 3) RGB.

    A frame after the last planned one is redacted entirely.
    """
    if index >= len(cover.whole):
        return _hide(image, float(cover.sizes.max()), settings)
    if settings.outside:
        return _redact_outside(image, cover, index, settings)
    if cover.whole[index]:
        return _hide(image, float(cover.sizes[index].max()), settings)
    redacted = image.copy()
    for box, size in zip(cover.boxes[index], cover.sizes[index].tolist(), strict=True):
        region = _region(box, settings.shape, image.shape[1], image.shape[0])
        if region is None:
            continue
        rows, columns, mask = region
        hidden = _hide(image[rows, columns], size, settings)
        if mask is None:
            redacted[rows, columns] = hidden
        else:
            np.copyto(redacted[rows, columns], hidden, where=mask[..., None])
    return redacted


def _redact_outside(
    image: ByteImage, cover: Cover, index: int, settings: RedactSettings
) -> ByteImage:
    redacted = np.array(_hide(image, float(cover.sizes[index].max()), settings))
    if cover.bridged[index]:
        return redacted
    for box in cover.boxes[index]:
        region = _region(box, settings.shape, image.shape[1], image.shape[0], inner=True)
        if region is not None:
            rows, columns, mask = region
            where = True if mask is None else mask[..., None]
            np.copyto(redacted[rows, columns], image[rows, columns], where=where)
    return redacted


def _region(
    box: FloatArray, shape: Shape, width: int, height: int, *, inner: bool = False
) -> tuple[slice, slice, BoolArray | None] | None:
    """Return the rows and columns of the frame that a box touches, and a mask within them.

    An ellipse passes through the corners of the box; an inner ellipse touches its sides. The mask
    is None for a whole rectangle.
    """
    x, y, w, h = box.tolist()
    if shape == "ellipse" and not inner:
        x, y, w, h = (
            x - (math.sqrt(2) - 1) * w / 2,
            y - (math.sqrt(2) - 1) * h / 2,
            math.sqrt(2) * w,
            math.sqrt(2) * h,
        )
    left, right = max(math.floor(x), 0), min(math.ceil(x + w), width)
    top, bottom = max(math.floor(y), 0), min(math.ceil(y + h), height)
    if left >= right or top >= bottom:
        return None
    rows, columns = slice(top, bottom), slice(left, right)
    if shape == "box":
        return rows, columns, None
    # The point of each pixel nearest to the centre: a pixel that is touched counts.
    # Nothing is divided by w or h, since either may be zero.
    across = _nearest(left, right, x + w / 2) * h
    down = _nearest(top, bottom, y + h / 2) * w
    return rows, columns, np.asarray(across[None, :] ** 2 + down[:, None] ** 2 <= (w * h / 2) ** 2)


def _nearest(start: int, end: int, center: float) -> FloatArray:
    """Return the distances from a centre to the nearest points of pixels [i, i + 1)."""
    low = np.arange(start, end, dtype=np.float64)
    return np.asarray(np.maximum(np.maximum(low - center, center - low - 1), 0))


def _hide(patch: ByteImage, size: float, settings: RedactSettings) -> ByteImage:
    """Return a patch of the same shape without the details of a target of `size` pixels."""
    height, width, _ = patch.shape
    if settings.style == "fill":
        return np.broadcast_to(np.array(settings.color, np.uint8), patch.shape)
    cell = max(size / _DETAILS, _FEWEST_PIXELS)
    cells = (max(1, round(width / cell)), max(1, round(height / cell)))
    picture = PillowImage.fromarray(np.ascontiguousarray(patch))
    # `reducing_gap` first takes means of whole blocks of pixels, which is twice as fast.
    small = picture.resize(cells, PillowImage.Resampling.BOX, reducing_gap=2.0)
    if settings.style == "blur":
        coarse = _COARSE if cell >= 4 * _COARSE else 1
        size_before = (-(-width // coarse), -(-height // coarse))
        small = small.resize(size_before, PillowImage.Resampling.BILINEAR)
    return np.asarray(small.resize((width, height), PillowImage.Resampling.NEAREST))
