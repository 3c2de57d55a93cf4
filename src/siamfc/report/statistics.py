"""Statistical comparison of two trackers over the same sequences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from siamfc.errors import InputError

_RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One tracker's score minus another's, over the same sequences."""

    mean: float
    low: float
    """Lower end of the interval; NaN for fewer than two sequences."""
    high: float
    greater: int
    """Number of sequences in which the first has the greater score."""
    smaller: int
    count: int
    """Number of sequences."""

    @property
    def is_certain(self) -> bool:
        """True if the interval excludes 0."""
        return self.low > 0 or self.high < 0


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> Difference:
    """Mean difference of two trackers' scores, with a bootstrap interval.

    Sequences are drawn with replacement, both trackers' scores of each together, and the interval
    contains the middle `level` of the means (percentile bootstrap; Efron and Tibshirani 1993, ch.
    13). The same seed gives the same interval. Sequences in which either score is not finite are
    left out.

    Args:
        first: (S,) scores of the first tracker.
        second: (S,) scores of the other, on the same sequences.
        level: fraction of the means that the interval contains.
        seed: of the draws.
        resamples: number of draws.

    Raises:
        InputError: the lengths differ.

    >>> paired_difference([0.5, 0.7, 0.6], [0.4, 0.6, 0.5]).is_certain
    True
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"expected the same sequences of both, got {a.shape} and {b.shape}")
    with np.errstate(invalid="ignore"):
        differences = a - b
    differences = differences[np.isfinite(differences)]
    count = len(differences)
    low = high = np.nan
    if count > 1:
        draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
        tail = (1 - level) / 2
        low, high = np.quantile(differences[draws].mean(axis=1), [tail, 1 - tail])
    return Difference(
        mean=float(differences.mean()) if count else float("nan"),
        low=float(low),
        high=float(high),
        greater=int((differences > 0).sum()),
        smaller=int((differences < 0).sum()),
        count=count,
    )
