"""Calibration of the score of a network that predicts boxes: from a logit to a probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray
from siamfc.errors import InputError

_LARGEST = 1000.0


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Maps logits to the probability that a box overlaps the ground truth by more than half (IoU).

    The probability is sigmoid(slope · logit + offset) (Platt 1999). It rises with the logit, so the
    ranking of boxes does not change. The defaults mean no calibration: the logit's sigmoid.
    """

    slope: float = 1.0
    """Factor on the logit, above 0."""
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.slope <= _LARGEST and abs(self.offset) <= _LARGEST):
            raise InputError(
                f"calibration: expected a slope above 0 and at most {_LARGEST:g}, and an offset "
                f"between -{_LARGEST:g} and {_LARGEST:g}; got {self.slope:g} and {self.offset:g}"
            )

    def probability(self, logits: NDArray[np.floating]) -> FloatArray:
        """Return probabilities in [0, 1], of the shape of `logits`.

        >>> Calibration(slope=2.0, offset=1.0).probability(np.array([-0.5, 3.0])).round(3)
        array([0.5  , 0.999])
        """
        return sigmoid(self.slope * np.asarray(logits, dtype=np.float64) + self.offset)


def sigmoid(logits: NDArray[np.floating]) -> FloatArray:
    """Return the logistic function of logits, computed without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2))
