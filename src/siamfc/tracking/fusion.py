"""Fusion of two directions: tracks forwards from one key frame and backwards from the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import iou
from siamfc.tracking.sweep import Found

AGREEMENT = 0.3
"""IoU from which two boxes agree and are averaged."""
_SCORE_POWER = 4
"""Exponent of the score in a box's weight."""


class Fused(NamedTuple):
    """Fused boxes of N targets in one frame."""

    found: Found
    agreements: FloatArray
    """(N,) IoU of the two boxes."""


def fuse(forwards: Found, backwards: Found, progress: FloatArray) -> Fused:
    """Fuse what two directions found in a frame between two key frames.

    A box weighs more the higher its score is and the nearer the key frame it was tracked from.
    Where the two boxes agree, the result is their weighted mean; elsewhere it is the box with the
    larger weight.

    Args:
        forwards: N targets tracked forwards.
        backwards: the same targets tracked backwards.
        progress: (N,) position between the key frames, from 0 at the earlier to 1 at the later.
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
