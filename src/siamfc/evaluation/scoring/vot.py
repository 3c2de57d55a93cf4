"""VOT's overlap and expected average overlap (EAO).

The VOT toolkit compares regions as masks of whole pixels. These functions do the same for
axis-aligned boxes; tests compare them with vot-toolkit's own functions. Deviation: if a data set's
ground truth is a polygon or a mask, siamfc scores the axis-aligned box around it.
"""

from collections.abc import Sequence as AbstractSequence

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import FloatArray, IntArray

_FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])
"""Number of the first pixel in VOT's files, on which the rounding of halves depends."""


def raster_overlap(predicted: ArrayLike, truth: ArrayLike, size: tuple[int, int]) -> FloatArray:
    """Intersection over union in whole pixels of a frame: (F,); 0 where a box is NaN.

    It follows `calculate_overlap` of vot-toolkit with bounds, oddities included: two boxes that
    together are at most one pixel wide or high count as identical.

    Args:
        predicted: boxes x, y, w, h (F, 4), 0-based.
        truth: likewise.
        size: width and height of the frame; pixels outside do not count.

    >>> raster_overlap([[0, 0, 10, 10]], [[5, 0, 10, 10]], (100, 100)).round(3)
    array([0.333])
    """
    a, b = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    first, last = zip(_pixels(a), _pixels(b), strict=True)
    union_first = np.minimum(*first)
    union_last = np.maximum(*last)
    # The toolkit's last pixel is at size - 1, though its files count from 1.
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
    # Without area, and where a box is NaN, nothing is divided.
    overlap = np.divide(common, total, out=np.zeros_like(common), where=total > 0)
    overlap = np.where((frame_first >= frame_last).any(axis=-1), 0.0, overlap)
    return np.where((union_first >= union_last).any(axis=-1), 1.0, overlap)


def restart_eao_curve(fragments: AbstractSequence[FloatArray], failed: ArrayLike) -> FloatArray:
    """Expected average overlap after 0, 1, 2 … frames of the supervised protocol: (L,).

    VOT2015's definition (Kristan et al., ICCVW 2015), as in `compute_eao_curve` of vot-toolkit:
    fragments that end in a failure continue with overlaps of 0, others count up to their length.

    Args:
        fragments: each start's overlaps up to a failure or the end; the first one, of the starting
            frame, does not count.
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
    """Expected average overlap by number of frames, of the multi-start protocol.

    VOT2020's definition (Kristan et al., ECCVW 2020), as in `compute_eao_partial` of vot-toolkit: a
    run that failed continues with overlaps of 0, others count up to their length. As there, the
    frames beyond a failed run's last one are divided by one frame too few.

    Args:
        overlaps: each run's overlaps, 0 from its failure on; the first does not count.
        failed: which of them end in a failure.
        length: of the curve.

    Returns:
        The curve (length,), 0 where no run counts, and the number of runs that count (length,).
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
    """Mean of a curve from `low` to `high` frames, inclusive, up to the curve's length.

    NaN if the curve ends before `low`. `low` and `high` are the challenge's typical sequence
    lengths.
    """
    part = curve[low : high + 1]
    return float(part.mean()) if part.size else float("nan")


def _pixels(boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the first and last pixels (x, y) of boxes (F, 4): two of (F, 2)."""
    rounded = np.round(boxes + _FIRST_PIXEL)
    return rounded[..., :2], rounded[..., :2] + rounded[..., 2:] - 1


def _area(first: FloatArray, last: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(last - first + 1, 0).prod(axis=-1))
