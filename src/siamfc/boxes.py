"""Boxes: formats, overlap, distance.

A box is `x, y, w, h` in pixels of the frame, float64, 0-based, with continuous edges: pixel 0
spans [0, 1), so a box over the first ten pixels is `0, y, 10, h` and its centre is `x + w / 2`.
An absent target is a row of NaN. Every function takes any number of leading dimensions.
"""

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import BoolArray, FloatArray
from siamfc.checks import shown
from siamfc.errors import InputError

_EXPECTED = "box: expected four finite numbers x, y, w, h with w and h above 0"


def as_box(value: ArrayLike) -> FloatArray:
    """Check one box and return it as a new (4,) float64 array.

    >>> as_box([10, 20, 30.5, 40])
    array([10. , 20. , 30.5, 40. ])

    Raises:
        InputError: not four numbers, one of them not finite, or no area.
    """
    try:
        box = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # a tensor with a gradient
        raise InputError(f"{_EXPECTED}, got {shown(value)}") from None
    if box.shape != (4,):
        count = f"{box.size} numbers" if box.ndim == 1 else f"an array of shape {box.shape}"
        raise InputError(f"{_EXPECTED}, got {count}: {shown(value)}")
    if not np.isfinite(box).all():
        raise InputError(f"{_EXPECTED}, got {shown(value)}")
    if box[2] <= 0 or box[3] <= 0:
        raise InputError(f"{_EXPECTED}, got w = {box[2]:g} and h = {box[3]:g}")
    return box


def is_absent(box: ArrayLike) -> BoolArray:
    """Return which of the boxes (..., 4) are absent, that is, contain NaN: (...,)."""
    return np.asarray(np.isnan(_boxes(box)).any(axis=-1))


def area(box: ArrayLike) -> FloatArray:
    """Area of boxes (..., 4) in square pixels: (...,)."""
    boxes = _boxes(box)
    return np.asarray(boxes[..., 2] * boxes[..., 3])


def center(box: ArrayLike) -> FloatArray:
    """Centre (x, y) of boxes (..., 4): (..., 2).

    >>> center([0, 0, 10, 5])
    array([5. , 2.5])
    """
    boxes = _boxes(box)
    return np.asarray(boxes[..., :2] + boxes[..., 2:] / 2)


def center_distance(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Distance in pixels between the centres of boxes (..., 4): (...,), NaN where one is absent."""
    offset = center(first) - center(second)
    return np.asarray(np.hypot(offset[..., 0], offset[..., 1]))


def iou(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Intersection over union of boxes (..., 4), broadcast against each other: (...,) in [0, 1].

    Two boxes without area have 0; the value is NaN where either is absent. For all pairs of two
    lists use `iou(first[:, None], second)`.

    >>> float(iou([0, 0, 10, 10], [5, 0, 10, 10])) == 50 / 150
    True
    """
    a, b = _boxes(first), _boxes(second)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    extent = np.maximum(high - low, 0.0)
    intersection = extent[..., 0] * extent[..., 1]
    union = area(a) + area(b) - intersection
    # Rounding may lift the fraction of a box with itself a few ulps above 1. NaN stays NaN.
    return np.asarray(np.minimum(intersection / np.where(union == 0, 1.0, union), 1.0))


def from_center(center: ArrayLike, size: ArrayLike) -> FloatArray:
    """Boxes (..., 4) from centres (x, y) and sizes (w, h), both (..., 2).

    >>> from_center([5, 2.5], [10, 5])
    array([ 0.,  0., 10.,  5.])
    """
    middles, sizes = np.broadcast_arrays(_pairs(center), _pairs(size))
    return np.concatenate([middles - sizes / 2, sizes], axis=-1)


def from_corners(corners: ArrayLike) -> FloatArray:
    """Boxes (..., 4) from edges (left, top, right, bottom), (..., 4), right and bottom exclusive.

    A data set whose right and bottom name the last pixel of the target needs 1 added to both.

    >>> from_corners([2, 3, 12, 8])
    array([ 2.,  3., 10.,  5.])
    """
    edges = _boxes(corners)
    return np.concatenate([edges[..., :2], edges[..., 2:] - edges[..., :2]], axis=-1)


def to_corners(box: ArrayLike) -> FloatArray:
    """Edges (left, top, right, bottom) of boxes (..., 4), right and bottom exclusive: (..., 4)."""
    boxes = _boxes(box)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def from_polygon(points: ArrayLike) -> FloatArray:
    """Axis-aligned boxes (..., 4) around polygons given as x1, y1, x2, y2, … in the last dimension.

    >>> from_polygon([2, 0, 4, 2, 2, 4, 0, 2])
    array([0., 0., 4., 4.])

    Raises:
        InputError: an odd count of numbers, or fewer than three points.
    """
    flat = np.asarray(points, dtype=np.float64)
    if flat.ndim == 0 or flat.shape[-1] < 6 or flat.shape[-1] % 2:
        raise InputError(
            f"polygon: expected x1, y1, x2, y2, … of three or more points, got shape {flat.shape}"
        )
    corners = flat.reshape(*flat.shape[:-1], -1, 2)
    return from_corners(np.concatenate([corners.min(axis=-2), corners.max(axis=-2)], axis=-1))


def from_mask(mask: ArrayLike) -> FloatArray:
    """Smallest box (4,) around the non-zero pixels of a mask (H, W); absent if there are none.

    >>> from_mask([[0, 0, 0], [0, 1, 1]])
    array([1., 1., 2., 1.])

    Raises:
        InputError: the mask is not two-dimensional.
    """
    pixels = np.asarray(mask)
    if pixels.ndim != 2:
        raise InputError(f"mask: expected shape (H, W), got {pixels.shape}")
    columns = np.flatnonzero(pixels.any(axis=0))
    rows = np.flatnonzero(pixels.any(axis=1))
    if columns.size == 0:
        return np.full(4, np.nan)
    left, right = columns[0], columns[-1] + 1
    top, bottom = rows[0], rows[-1] + 1
    return np.array([left, top, right - left, bottom - top], dtype=np.float64)


def clip_to_frame(box: ArrayLike, size: tuple[float, float]) -> FloatArray:
    """Part of boxes (..., 4) inside a frame of `size` (width, height).

    A box outside the frame keeps no area: its width, its height or both are 0.

    >>> clip_to_frame([-5, 90, 20, 20], (100, 100))
    array([ 0., 90., 15., 10.])
    """
    edges = to_corners(box)
    limit = np.array([*size, *size], dtype=np.float64)
    return from_corners(np.clip(edges, 0.0, limit))


def _boxes(value: ArrayLike) -> FloatArray:
    return _with_last_dimension(value, 4)


def _pairs(value: ArrayLike) -> FloatArray:
    return _with_last_dimension(value, 2)


def _with_last_dimension(value: ArrayLike, count: int) -> FloatArray:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != count:
        raise InputError(f"expected an array of shape (..., {count}), got shape {array.shape}")
    return array
