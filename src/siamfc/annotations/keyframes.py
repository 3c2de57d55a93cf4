"""Which frames of a track suffice for a tool that draws straight lines between them."""

from __future__ import annotations

import numpy as np

from siamfc.array_types import BoolArray, FloatArray, IntArray
from siamfc.boxes import to_corners

TOLERANCE = 0.02
"""By how much an edge may differ from the track where a tool interpolates it, as a fraction of the
box's mean side: less than two people who draw the same box."""
LEAST_PIXELS = 0.5
"""The same in pixels, at least."""


def key_frames(
    frames: IntArray,
    boxes: FloatArray,
    required: BoolArray,
    *,
    tolerance: float = TOLERANCE,
) -> BoolArray:
    """Choose frames (F,) between which linear interpolation stays near the boxes.

    It is Ramer's and Douglas and Peucker's line simplification, for all four edges at once.

    Args:
        frames: (F,) index of each.
        boxes: (F, 4); a NaN row: no box, which ends a stretch.
        required: (F,) frames that are kept in any case.
        tolerance: fraction of the boxes' mean side; `LEAST_PIXELS` if that is more.

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
