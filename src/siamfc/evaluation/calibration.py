"""Whether scores are the chances that they should be, and the calibration that makes them so."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.errors import InputError
from siamfc.network.calibration import Calibration, sigmoid

FloatArray = NDArray[np.float64]

RIGHT = 0.5
"""A box is right if its overlap (IoU) with the true one is above this."""
_STEPS = 100
_CONVERGED = 1e-9


class Reliability(NamedTuple):
    """How often boxes were right, by B parts of the scores' range that some score lies in."""

    frames: NDArray[np.int64]
    """(B,) how many."""
    score: FloatArray
    """(B,) their mean score."""
    right: FloatArray
    """(B,) share of them whose box was right."""

    @property
    def error(self) -> float:
        """Expected calibration error: |score − right|, mean over frames (Naeini et al. 2015)."""
        return float(np.average(np.abs(self.score - self.right), weights=self.frames))


def measure_reliability(scores: ArrayLike, right: ArrayLike, parts: int = 10) -> Reliability:
    """Compare scores (F,), chances from 0 to 1, with whether the boxes were right (F,).

    >>> found = measure_reliability([0.2, 0.3, 0.9, 0.9], [False, True, True, True], parts=2)
    >>> found.score.tolist(), found.right.tolist(), round(found.error, 3)
    ([0.25, 0.9], [0.5, 1.0], 0.175)

    Raises:
        InputError: no frames, not as many of both, or scores outside [0, 1].
    """
    scores, right = _checked(scores, right)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise InputError(f"scores: expected 0 to 1, got {scores.min():g} to {scores.max():g}")
    place = np.minimum((scores * parts).astype(np.int64), parts - 1)
    frames = np.bincount(place, minlength=parts)
    filled = frames > 0
    sums = [np.bincount(place, weights=values, minlength=parts) for values in (scores, right)]
    means = [total[filled] / frames[filled] for total in sums]
    return Reliability(frames[filled], *means)


def fit_calibration(logits: ArrayLike, right: ArrayLike) -> Calibration:
    """Fit slope and offset to logits (F,) and whether the boxes were right (F,).

    The likelihood's maximum, with Platt's (1999) goals of nearly 0 and 1, so that it exists for
    any frames; by Newton's method.

    Raises:
        InputError: no frames, not as many of both, logits that are not finite, none of them right
            or none wrong, or logits that don't rise with being right.
    """
    logits, right = _checked(logits, right)
    if not np.isfinite(logits).all():
        raise InputError("logits: expected finite numbers, got NaN or infinity")
    count, good = len(right), int(right.sum())
    if good in (0, count):
        raise InputError(f"expected boxes right and wrong, got {good} right of {count}")
    goal = np.where(right, (good + 1) / (good + 2), 1 / (count - good + 2))
    rows = np.stack([logits, np.ones(count)])
    found = np.zeros(2)
    for _ in range(_STEPS):
        chance = sigmoid(found @ rows)
        gradient = rows @ (goal - chance)
        curvature = (rows * (chance * (1 - chance))) @ rows.T
        step = np.linalg.solve(curvature + _CONVERGED * np.eye(2), gradient)
        found = found + step
        if np.abs(step).max() < _CONVERGED:
            break
    slope, offset = found.tolist()
    if not slope > 0:
        raise InputError(f"expected logits that rise with being right, got a slope of {slope:g}")
    return Calibration(slope=slope, offset=offset)


def _checked(numbers: ArrayLike, right: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    numbers, right = np.asarray(numbers, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if numbers.ndim != 1 or numbers.shape != right.shape or not len(numbers):
        raise InputError(
            f"expected a number and right or wrong for each frame, "
            f"got {numbers.shape} and {right.shape}"
        )
    return numbers, right
