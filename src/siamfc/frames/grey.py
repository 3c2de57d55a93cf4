"""Conversion of grey from more than 8 bits to 8; thermal cameras use a small part of the range."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_logger = logging.getLogger(__name__)

_NARROW = 0.5
"""Fraction of the type's range; pictures that use less are stretched."""
_MARGIN = 0.25
"""Margin on either side of the range, as a fraction of it, for frames that were not sampled."""
_SMALLEST_SPAN = 64
"""Smallest span that is stretched; below it only noise would be visible."""


class GreyRange(NamedTuple):
    """Values that are mapped to black and white."""

    low: int
    high: int


def find_range(samples: Iterable[NDArray[np.generic]], largest: int) -> GreyRange | None:
    """Return the range of values that pictures use; None if it is a large part of the type's.

    Args:
        samples: Pictures of integers.
        largest: The type's largest value.
    """
    ends = [(int(sample.min()), int(sample.max())) for sample in samples]
    low, high = min(one for one, _ in ends), max(one for _, one in ends)
    span = high - low
    if span < _SMALLEST_SPAN or span >= _NARROW * largest:
        return None
    margin = round(_MARGIN * max(span, 2 * 255 / 3))  # at most one 8-bit level per value
    return GreyRange(max(0, low - margin), min(largest, high + margin))


def warn_of_range(name: str, grey: GreyRange) -> None:
    """Log a warning that a source's values are stretched."""
    _logger.warning(
        "%s: grey of more than 8 bits that uses little of its range; %d to %d are shown as black "
        "to white", name, grey.low, grey.high,
    )  # fmt: skip


def to_bytes(values: NDArray[np.generic], grey: GreyRange) -> NDArray[np.uint8]:
    """Scale values to 0–255, rounded; values outside the range are clipped.

    >>> to_bytes(np.array([[0, 128, 129, 65535]]), GreyRange(0, 65535)).tolist()
    [[0, 0, 1, 255]]
    """
    span = grey.high - grey.low
    shifted = np.clip(values.astype(np.int64) - grey.low, 0, span)
    return ((510 * shifted + span) // (2 * span)).astype(np.uint8)
