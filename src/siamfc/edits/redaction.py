"""Make what is inside a box, or all that is outside, unrecognisable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image as PillowImage

from siamfc.array_types import BoolArray, ByteImage, FloatArray
from siamfc.edits.covering import Cover
from siamfc.errors import InputError

Style = Literal["blur", "pixelate", "fill"]
Shape = Literal["ellipse", "box"]

_DETAILS = 4
"""Cells along a target's longer side that are left of it: a face can be told by some seven."""
_FEWEST_PIXELS = 4
"""To a cell, at least, of however small a target."""
_COARSE = 2
"""Pixels between which a blot of large cells is not interpolated, which nobody sees."""


@dataclass(frozen=True, kw_only=True)
class RedactSettings:
    """How it looks.

    Raises:
        InputError: a name that is none.
    """

    style: Style = "blur"
    """blur: a smooth blot. pixelate: squares of one colour. fill: one flat colour. Either of the
    first two keeps four cells along a target's longer side, and nothing of what is between."""
    shape: Shape = "ellipse"
    """ellipse: the smallest about the box that holds all of it. box: the box."""
    color: tuple[int, int, int] = (0, 0, 0)
    """RGB of fill."""
    outside: bool = False
    """Redact all but the targets; where one is lost, everything."""

    def __post_init__(self) -> None:
        for name, known in (("style", ("blur", "pixelate", "fill")), ("shape", ("ellipse", "box"))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}"
                )


def redact_frame(image: ByteImage, cover: Cover, index: int, settings: RedactSettings) -> ByteImage:
    """A copy of frame `index`, (H, W, 3) RGB, without what is to be hidden.

    Of a frame after the last that was planned nothing is shown.
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
    """Rows and columns of the frame that a box touches, and in them the pixels that are meant.

    An ellipse goes through the box's corners; an inner one touches the box's sides.
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
    # Of each pixel the point that is nearest to the centre: a pixel that is touched is meant.
    across = _nearest(left, right, x + w / 2) / (w / 2)
    down = _nearest(top, bottom, y + h / 2) / (h / 2)
    return rows, columns, np.asarray(across[None, :] ** 2 + down[:, None] ** 2 <= 1)


def _nearest(start: int, end: int, center: float) -> FloatArray:
    """Of pixels [i, i + 1) the distance to a centre of what is nearest to it."""
    low = np.arange(start, end, dtype=np.float64)
    return np.asarray(np.maximum(np.maximum(low - center, center - low - 1), 0))


def _hide(patch: ByteImage, size: float, settings: RedactSettings) -> ByteImage:
    """A patch of the same size in which details of a target of `size` pixels are gone."""
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
