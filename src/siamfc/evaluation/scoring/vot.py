"""VOT's overlap, and its expected average overlap (EAO).

The VOT toolkit compares regions as masks of whole pixels. What is here is the same for upright
boxes; agreement with vot-toolkit is tested on the toolkit's own functions. Where a data set's
truth is a polygon or a mask, siamfc scores its upright box: that is a deviation.
"""

from collections.abc import Sequence as AbstractSequence

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import FloatArray, IntArray

_FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])
"""VOT's files count pixels from 1; rounding halves depends on it."""


def raster_overlap(predicted: ArrayLike, truth: ArrayLike, size: tuple[int, int]) -> FloatArray:
    """Intersection over union in whole pixels of a frame: (F,); 0 where a box is NaN.

    As `calculate_overlap` of vot-toolkit with bounds, oddities included: two boxes that together
    are at most one pixel wide or high count as the same.

    Args:
        predicted: boxes x, y, w, h (F, 4), 0-based.
        truth: likewise.
        size: width and height of the frame; what lies outside doesn't count.

    >>> raster_overlap([[0, 0, 10, 10]], [[5, 0, 10, 10]], (100, 100)).round(3)
    array([0.333])
    """
    a, b = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    missing = np.isnan(a).any(axis=-1) | np.isnan(b).any(axis=-1)
    first, last = zip(_pixels(a), _pixels(b), strict=True)
    union_first = np.minimum(*first)
    union_last = np.maximum(*last)
    # The toolkit lays its last pixel at size - 1, though its files count from 1.
    frame_first = np.maximum(union_first, 0)
    frame_last = np.minimum(union_last, np.array(size) - 1)
    areas = [
        _area(np.maximum(low, frame_first), np.minimum(high, frame_last))
        for low, high in zip(first, last, strict=True)
    ]
    common = _area(
        np.maximum(np.maximum(*first), frame_first), np.minimum(np.minimum(*last), frame_last)
    )
    total = areas[0] + areas[1] - common
    share = np.divide(common, total, out=np.zeros_like(common), where=total > 0)
    share = np.where((frame_first >= frame_last).any(axis=-1), 0.0, share)
    share = np.where((union_first >= union_last).any(axis=-1), 1.0, share)
    return np.asarray(np.where(missing, 0.0, share))


def restart_eao_curve(fragments: AbstractSequence[FloatArray], failed: ArrayLike) -> FloatArray:
    """Expected average overlap after 0, 1, 2 … frames of the supervised protocol: (L,).

    VOT2015's (Kristan et al., ICCVW 2015), as `compute_eao_curve` of vot-toolkit: fragments that
    end in a failure go on with overlaps of 0, others count as far as they go.

    Args:
        fragments: of each beginning the overlaps up to a failure or the end; the first of each is
            that of the beginning and doesn't count.
        failed: which of them end in a failure.
    """
    length = max(map(len, fragments))
    overlaps = np.zeros((len(fragments), length))
    reached = np.zeros((len(fragments), length), dtype=np.bool_)
    for row, (fragment, failure) in enumerate(
        zip(fragments, np.asarray(failed, dtype=np.bool_), strict=True)
    ):
        overlaps[row, : len(fragment)] = fragment
        reached[row, : length if failure else len(fragment)] = True
    overlaps[:, 0] = 0
    averages = np.cumsum(overlaps, axis=1) / np.maximum(np.arange(length), 1)
    return np.asarray((averages * reached).sum(axis=0) / reached.sum(axis=0))


def anchor_eao_curve(
    overlaps: AbstractSequence[FloatArray], failed: ArrayLike, length: int
) -> tuple[FloatArray, IntArray]:
    """Expected average overlap over a number of frames, of the multi-start protocol.

    VOT2020's (Kristan et al., ECCVW 2020), as `compute_eao_partial` of vot-toolkit: a run that
    failed goes on with overlaps of 0, others count as far as they go. As there, what a failed run
    has behind its last frame is divided by one frame less than it should be.

    Args:
        overlaps: of each run, 0 from its failure on; the first doesn't count.
        failed: which of them end in a failure.
        length: of the curve.

    Returns:
        The curve (length,), 0 where no run counts, and the count of those that do (length,).
    """
    total = np.zeros(length)
    active = np.zeros(length, dtype=np.int64)
    frames = np.arange(length)
    for run, failure in zip(overlaps, np.asarray(failed, dtype=np.bool_), strict=True):
        sums = np.cumsum(np.concatenate([[0.0], run[1:]]))
        reached = (frames >= 1) & (frames < len(run))
        total[reached] += sums[frames[reached]] / frames[reached]
        active += reached
        if failure:
            behind = (frames >= 1) & (frames >= len(run))
            total[behind] += sums[-1] / np.maximum(frames[behind] - 1, 1)
            active += behind
    return np.divide(total, active, out=np.zeros(length), where=active > 0), active


def eao(curve: FloatArray, low: int, high: int) -> float:
    """Mean of a curve from `low` to `high` frames, both included, as far as it goes.

    NaN if the curve ends before. `low` and `high` are the challenge's typical sequence lengths.
    """
    part = curve[low : high + 1]
    return float(part.mean()) if part.size else float("nan")


def _pixels(boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First and last pixel (x, y) of boxes (F, 4): two of (F, 2)."""
    rounded = np.round(boxes + _FIRST_PIXEL)
    return rounded[..., :2], rounded[..., :2] + rounded[..., 2:] - 1


def _area(first: FloatArray, last: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(last - first + 1, 0).prod(axis=-1))
