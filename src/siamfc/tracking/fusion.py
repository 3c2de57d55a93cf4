"""Two directions as one: targets tracked forwards from one key frame, backwards from the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import iou
from siamfc.tracking.sweep import Found

AGREEMENT = 0.3
"""IoU from which on two boxes agree, and are averaged."""
_SCORE_POWER = 4
"""Power of the score in a box's weight."""


class Fused(NamedTuple):
    """Where both directions together find N targets in one frame."""

    found: Found
    agreements: FloatArray
    """(N,) IoU of the two boxes."""


def fuse(forwards: Found, backwards: Found, progress: FloatArray) -> Fused:
    """Join what two directions found in a frame between two key frames.

    A box weighs the more, the higher its score is and the nearer the key frame that it was tracked
    from. Where the boxes agree the result is their weighted mean; where they don't, it is the box
    that weighs more.

    Args:
        forwards: N targets.
        backwards: the same.
        progress: (N,) from 0 at the key frame before to 1 at the key frame after.
    """
    weight = _weight(forwards, 1 - progress)
    other = _weight(backwards, progress)
    fraction = other / np.maximum(weight + other, np.finfo(float).tiny)
    agreements = np.asarray(iou(forwards.boxes, backwards.boxes))
    agrees = agreements >= AGREEMENT
    takes_backwards = fraction > 0.5
    mixed = forwards.boxes + (backwards.boxes - forwards.boxes) * fraction[:, None]
    one = _choose(takes_backwards, backwards, forwards)
    return Fused(
        Found(
            boxes=np.where(agrees[:, None], mixed, one.boxes),
            scores=np.where(agrees, np.maximum(forwards.scores, backwards.scores), one.scores),
            lost=np.where(agrees, forwards.lost & backwards.lost, one.lost),
        ),
        agreements,
    )


def _weight(found: Found, nearness: FloatArray) -> FloatArray:
    return np.asarray(found.scores**_SCORE_POWER * nearness)


def _choose(which: BoolArray, one: Found, other: Found) -> Found:
    return Found(
        boxes=np.where(which[:, None], one.boxes, other.boxes),
        scores=np.where(which, one.scores, other.scores),
        lost=np.where(which, one.lost, other.lost),
    )
