"""Choice of key frames for tools that interpolate linearly between them."""

from __future__ import annotations

import numpy as np

from siamfc.array_types import BoolArray, FloatArray, IntArray
from siamfc.boxes import to_corners

TOLERANCE = 0.02
"""Largest deviation of an interpolated edge, as a fraction of the box's mean side; two people who
draw the same box differ more."""
LEAST_PIXELS = 0.5
"""Lower limit of the tolerance, in pixels."""


def key_frames(
    frames: IntArray,
    boxes: FloatArray,
    required: BoolArray,
    *,
    tolerance: float = TOLERANCE,
) -> BoolArray:
    """Choose key frames (F,) between which linear interpolation stays near the boxes.

    This is the line simplification of Ramer and of Douglas and Peucker, for all four edges at once.

    Args:
        frames: (F,) index of each.
        boxes: (F, 4) x, y, w, h; a NaN row, no box, ends a stretch.
        required: (F,) frames that are key frames in any case.
        tolerance: fraction of the boxes' mean side; `LEAST_PIXELS` if that is larger.

    >>> boxes = np.array([[0, 0, 4, 4], [1, 0, 4, 4], [2, 0, 4, 4], [2, 0, 4, 4.0]])
    >>> key_frames(np.arange(4), boxes, np.zeros(4, np.bool_)).tolist()
    [True, False, True, True]
    """
    edges = to_corners(boxes)
    present = ~np.isnan(edges).any(axis=1)
    chosen = np.asarray(required & present)
    limit = LEAST_PIXELS
    if present.any():
        limit = max(limit, tolerance * float(boxes[present, 2:].mean()))
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8)))
    for start, end in zip(bounds[::2], bounds[1::2] - 1, strict=True):
        chosen[[start, end]] = True
        fixed = np.flatnonzero(chosen[start : end + 1]) + start
        todo = list(zip(fixed[:-1].tolist(), fixed[1:].tolist(), strict=True))
        while todo:
            first, last = todo.pop()
            if last - first < 2:
                continue
            share = (frames[first + 1 : last] - frames[first]) / (frames[last] - frames[first])
            line = edges[first] + share[:, None] * (edges[last] - edges[first])
            gap = np.abs(edges[first + 1 : last] - line).max(axis=1)
            worst = int(np.argmax(gap))
            if gap[worst] > limit:
                middle = first + 1 + worst
                chosen[middle] = True
                todo += [(first, middle), (middle, last)]
    return chosen
