"""Comparison of a track with the ground truth: pure functions of boxes.

Boxes are (F, 4) arrays of `x, y, w, h` in pixels of the frame. The first group of functions returns
a value per frame, NaN where there is no ground-truth box: such frames never count. A frame with a
ground-truth box but no predicted one is a miss: no overlap, infinitely far away. The second group
summarises the frames that count.

Public toolkits disagree in details (`>` or `≥`, the number of thresholds, boxes beyond the frame's
border); each function names the convention of its defaults and the alternatives.
"""

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import center, center_distance, iou, is_absent

SUCCESS_THRESHOLDS: FloatArray = np.linspace(0, 1, 21)
"""Overlaps 0, 0.05, … 1 of the OTB toolkit's success curve."""
PRECISION_THRESHOLDS: FloatArray = np.arange(51.0)
"""Distances 0, 1, … 50 pixels of the OTB toolkit's precision curve."""
NORMALIZED_THRESHOLDS: FloatArray = np.arange(51) / 100
"""Distances 0, 0.01, … 0.5 of the LaSOT toolkit's normalised precision curve."""


def center_offset(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Signed offset of the predicted centre, pixels to the right and down: (F, 2).

    Its mean shows a bias, which the centre error hides. NaN where either box is missing.

    >>> center_offset([[3, 0, 10, 10]], [[0, 1, 10, 10]])
    array([[ 3., -1.]])
    """
    return np.asarray(center(predicted) - center(truth))


def center_error(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Distance between the centres in pixels (thesis, equation 6, before the mean): (F,).

    >>> center_error([[3, 4, 10, 10]], [[0, 0, 10, 10]])
    array([5.])
    """
    return _counting_misses(center_distance(predicted, truth), predicted, truth, np.inf)


def normalized_center_error(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Distance between the centres in widths and heights of the ground-truth box: (F,).

    From TrackingNet (Müller et al., ECCV 2018), as computed by its kit and LaSOT's toolkit.
    Infinite if the centres differ along a side of length 0.

    >>> normalized_center_error([[3, 8, 10, 20]], [[0, 0, 10, 20]])
    array([0.5])
    """
    offset = center_offset(predicted, truth)
    size = np.asarray(truth, dtype=np.float64)[..., 2:]
    without_size = np.where(offset == 0, 0.0, np.inf)
    scaled = np.divide(offset, size, out=without_size, where=size != 0)
    distance = np.hypot(scaled[..., 0], scaled[..., 1])
    return _counting_misses(distance, predicted, truth, np.inf)


def overlap(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Intersection over union: (F,) from 0 to 1.

    >>> overlap([[0, 0, 10, 10], [np.nan] * 4], [[0, 5, 10, 10], [0, 0, 10, 10]]).round(3)
    array([0.333, 0.   ])
    """
    return _counting_misses(iou(predicted, truth), predicted, truth, 0.0)


def clip_like_got10k(boxes: ArrayLike, size: tuple[float, float]) -> FloatArray:
    """Clip boxes to a frame of `size` (width, height) as the GOT-10k toolkit does: (F, 4).

    Unlike `boxes.clip_to_frame`, a box that starts left of the frame is moved to its border and
    keeps its width, up to the right border; likewise above.

    >>> clip_like_got10k([[-5, 90, 20, 20]], (100, 100))
    array([[ 0., 90., 20., 10.]])
    """
    clipped = np.array(boxes, dtype=np.float64)
    limit = np.array(size, dtype=np.float64)
    clipped[..., :2] = np.clip(clipped[..., :2], 0, limit)
    clipped[..., 2:] = np.clip(clipped[..., 2:], 0, limit - clipped[..., :2])
    return clipped


def hold_last(predicted: ArrayLike) -> FloatArray:
    """Replace boxes that are missing or without area by the last valid box before: (F, 4).

    This is the LaSOT toolkit's treatment of invalid results (`calc_seq_err_robust.m`).
    """
    boxes = np.array(predicted, dtype=np.float64)
    usable = ~is_absent(boxes) & (boxes[:, 2:] > 0).all(axis=-1)
    last = np.maximum.accumulate(np.where(usable, np.arange(len(boxes)), 0))
    return np.asarray(boxes[last])


def success_curve(
    overlaps: ArrayLike,
    thresholds: FloatArray = SUCCESS_THRESHOLDS,
    *,
    strict: bool = True,
    frame_count: int | None = None,
) -> FloatArray:
    """Fraction of frames whose overlap is above each threshold: (T,).

    The defaults are the OTB toolkit's (Wu et al., TPAMI 2015): 21 thresholds, `>`.

    Args:
        overlaps: (F,), NaN where a frame does not count.
        thresholds: (T,) overlaps.
        strict: `>`; otherwise `≥`.
        frame_count: denominator; None: the frames that count. The LaSOT toolkit divides by all
            frames of a sequence, so that absent frames count as misses.
    """
    values = _counted(overlaps)[:, None]
    passed = values > thresholds if strict else values >= thresholds
    return _fraction(passed, frame_count)


def precision_curve(
    errors: ArrayLike,
    thresholds: FloatArray = PRECISION_THRESHOLDS,
    *,
    frame_count: int | None = None,
) -> FloatArray:
    """Fraction of frames whose centre error is at most each threshold: (T,).

    The defaults are the OTB toolkit's (Wu et al., TPAMI 2015); `NORMALIZED_THRESHOLDS` with
    normalised errors give the LaSOT toolkit's normalised precision.

    Args:
        errors: (F,), NaN where a frame does not count.
        thresholds: (T,), in the unit of the errors.
        frame_count: as in `success_curve`.
    """
    return _fraction(_counted(errors)[:, None] <= thresholds, frame_count)


def area_under_curve(curve: FloatArray) -> float:
    """Mean of a curve over equally spaced thresholds, as in the OTB and LaSOT toolkits."""
    return float(curve.mean())


def trapezoid_area(curve: FloatArray) -> float:
    """Area under a curve by the trapezoid rule over a range of length 1, as in TrackingNet."""
    return float((curve[1:] + curve[:-1]).mean() / 2)


def precision_at(
    errors: ArrayLike, threshold: float = 20.0, *, frame_count: int | None = None
) -> float:
    """Fraction of frames with a centre error up to `threshold`: OTB's precision at 20 pixels."""
    return float(precision_curve(errors, np.array([threshold]), frame_count=frame_count)[0])


def average_overlap(overlaps: ArrayLike) -> float:
    """Mean overlap: GOT-10k's AO (Huang et al., TPAMI 2021)."""
    return mean(overlaps)


def success_rate(overlaps: ArrayLike, threshold: float = 0.5) -> float:
    """Fraction of frames whose overlap is above `threshold`: GOT-10k's SR (strictly above)."""
    return float(success_curve(overlaps, np.array([threshold]))[0])


def mean(values: ArrayLike) -> float:
    """Mean over the frames that count; NaN if none does."""
    counted = _counted(values)
    return float(counted.mean()) if counted.size else float("nan")


def _counting_misses(
    values: FloatArray, predicted: ArrayLike, truth: ArrayLike, miss: float
) -> FloatArray:
    """Set `miss` where there is a ground-truth box but no predicted one."""
    return np.asarray(np.where(is_absent(predicted) & ~is_absent(truth), miss, values))


def _counted(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return np.asarray(array[~np.isnan(array)])


def _fraction(passed: BoolArray, frame_count: int | None) -> FloatArray:
    """Fraction of the rows that pass in each column of (F, T); NaN where no frame counts."""
    count = len(passed) if frame_count is None else frame_count
    if not count:
        return np.full(passed.shape[1], np.nan)
    return np.asarray(passed.sum(axis=0) / count)
