"""Reliability of scores as probabilities, and the calibration that makes them reliable."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import BoolArray, FloatArray
from siamfc.errors import InputError
from siamfc.network.calibration import Calibration, sigmoid

RIGHT = 0.5
"""Overlap (IoU) with the ground truth above which a box is right."""
_STEPS = 100
_CONVERGED = 1e-9
_PARTS = 10
"""Number of equal ranges of scores that are compared."""


class Reliability(NamedTuple):
    """Fraction of right boxes in each of the B non-empty bins of the scores' range."""

    weight: FloatArray
    """(B,) frames in each bin, as a fraction of all."""
    score: FloatArray
    """(B,) mean score."""
    right: FloatArray
    """(B,) fraction of frames whose box was right."""

    @property
    def error(self) -> float:
        """Expected calibration error: |score − right|, mean over frames (Naeini et al. 2015)."""
        return float(np.average(np.abs(self.score - self.right), weights=self.weight))


def balance(right: ArrayLike, fraction: float) -> FloatArray:
    """Weights of frames, (F,), with which the given fraction, from 0 to 1, of them is right.

    Use them for frames of videos that are harder or easier than those that the scores are meant
    for.

    >>> balance([True, False, False, False], 0.75)
    array([3.        , 0.33333333, 0.33333333, 0.33333333])

    Raises:
        InputError: no box is right, or none is wrong.
    """
    right = np.asarray(right, dtype=np.bool_)
    found = _fraction_right(right)
    return np.where(right, fraction / found, (1 - fraction) / (1 - found))


def measure_reliability(
    scores: ArrayLike, right: ArrayLike, weights: ArrayLike | None = None
) -> Reliability:
    """Compare scores (F,), probabilities from 0 to 1, with whether the boxes were right (F,).

    `weights` (F,) weigh the frames, by default 1 each.

    >>> found = measure_reliability([0.2, 0.3, 0.9, 0.9], [False, True, True, True])
    >>> found.score.tolist(), found.right.tolist(), round(found.error, 3)
    ([0.2, 0.3, 0.9], [0.0, 1.0, 1.0], 0.275)

    Raises:
        InputError: no frames, different lengths, or scores outside [0, 1].
    """
    scores, right, weights = _checked(scores, right, weights)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise InputError(f"scores: expected 0 to 1, got {scores.min():g} to {scores.max():g}")
    place = np.minimum((scores * _PARTS).astype(np.int64), _PARTS - 1)
    rows = (weights, weights * scores, weights * right)
    weight, *sums = (np.bincount(place, weights=row, minlength=_PARTS) for row in rows)
    filled = weight > 0
    means = [total[filled] / weight[filled] for total in sums]
    return Reliability(weight[filled] / weight.sum(), *means)


def fit_calibration(
    logits: ArrayLike, right: ArrayLike, weights: ArrayLike | None = None
) -> Calibration:
    """Fit slope and offset to logits (F,) and whether the boxes were right (F,).

    This maximises the likelihood by Newton's method, with Platt's (1999) targets just inside 0 and
    1, so that a maximum exists for any frames. `weights` (F,) weigh the frames, by default 1 each.

    Raises:
        InputError: no frames, different lengths, logits that are not finite, no right or no wrong
            box, or logits that do not increase with being right.
    """
    logits, right, weights = _checked(logits, right, weights)
    if not np.isfinite(logits).all():
        raise InputError("logits: expected finite numbers, got NaN or infinity")
    _fraction_right(right)
    count, good = len(right), int(right.sum())
    goal = np.where(right, (good + 1) / (good + 2), 1 / (count - good + 2))
    rows = np.stack([logits, np.ones(count)])
    found = np.zeros(2)
    for _ in range(_STEPS):
        chance = sigmoid(found @ rows)
        gradient = rows @ (weights * (goal - chance))
        curvature = (rows * (weights * chance * (1 - chance))) @ rows.T
        step = np.linalg.solve(curvature + _CONVERGED * np.eye(2), gradient)
        found = found + step
        if np.abs(step).max() < _CONVERGED:
            break
    slope, offset = found.tolist()
    if not slope > 0:
        raise InputError(f"expected higher logits for right boxes, got a slope of {slope:g}")
    return Calibration(slope=slope, offset=offset)


def _fraction_right(right: BoolArray) -> float:
    good = int(right.sum())
    if good in (0, len(right)):
        raise InputError(f"expected boxes right and wrong, got {good} right of {len(right)}")
    return good / len(right)


def _checked(
    numbers: ArrayLike, right: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, BoolArray, FloatArray]:
    numbers, right = np.asarray(numbers, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    given = np.ones(right.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if numbers.ndim != 1 or not numbers.shape == right.shape == given.shape or not len(numbers):
        raise InputError(
            "expected a number, right or wrong, and a weight for each frame, "
            f"got {numbers.shape}, {right.shape} and {given.shape}"
        )
    return numbers, right, given
