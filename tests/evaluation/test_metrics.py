import numpy as np
import pytest

from siamfc.evaluation.scoring import metrics
from siamfc.evaluation.scoring.metrics import PRECISION_THRESHOLDS, SUCCESS_THRESHOLDS

NAN, INF = float("nan"), float("inf")
ABSENT = [NAN] * 4

FRAMES = [
    # predicted, truth, overlap, centre error, error in sizes of the true box, offset
    pytest.param([2, 3, 10, 20], [2, 3, 10, 20], 1, 0, 0, (0, 0), id="the same box"),
    pytest.param([0, 0, 10, 10], [5, 0, 10, 10], 1 / 3, 5, 0.5, (-5, 0), id="half beside"),
    pytest.param([0, 0, 10, 10], [10, 0, 10, 10], 0, 10, 1, (-10, 0), id="touching edges"),
    pytest.param([4, 4, 2, 2], [0, 0, 10, 10], 0.04, 0, 0, (0, 0), id="inside"),
    pytest.param(
        [3, 4, 4, 5], [0, 0, 4, 5], 1 / 39, 5, np.hypot(3 / 4, 4 / 5), (3, 4), id="1 of 39 pixels"
    ),
    pytest.param([5, 5, 0, 0], [0, 0, 10, 10], 0, 0, 0, (0, 0), id="a predicted box without area"),
    pytest.param([-8, 0, 10, 10], [-8, 0, 10, 10], 1, 0, 0, (0, 0), id="mostly outside the frame"),
    pytest.param(
        [0, 0, 7, 8], [0, 0, 8, 8], 7 / 8, 0.5, 0.5 / 8, (-0.5, 0), id="odd and even widths"
    ),
    pytest.param([1, 0, 4, 4], [0, 0, 0, 4], 0, 3, INF, (3, 0), id="a true box without width"),
    pytest.param([0, 0, 2, 4], [1, 0, 0, 4], 0, 0, 0, (0, 0), id="centred on one without width"),
    pytest.param(ABSENT, [0, 0, 10, 10], 0, INF, INF, (NAN, NAN), id="no predicted box: a miss"),
    pytest.param([0, 0, 10, 10], ABSENT, NAN, NAN, NAN, (NAN, NAN), id="no true box: not counted"),
    pytest.param(ABSENT, ABSENT, NAN, NAN, NAN, (NAN, NAN), id="neither: not counted"),
]  # fmt: skip


@pytest.mark.parametrize(("predicted", "truth", "overlap", "error", "normalized", "offset"), FRAMES)
def test_single_frames_agree_with_computation_by_hand(
    predicted: list[float],
    truth: list[float],
    overlap: float,
    error: float,
    normalized: float,
    offset: tuple[float, float],
) -> None:
    np.testing.assert_allclose(metrics.overlap([predicted], [truth]), [overlap])
    np.testing.assert_allclose(metrics.center_error([predicted], [truth]), [error])
    np.testing.assert_allclose(metrics.normalized_center_error([predicted], [truth]), [normalized])
    np.testing.assert_allclose(metrics.center_offset([predicted], [truth]), [offset])


def test_success_counts_overlaps_above_each_threshold() -> None:
    curve = metrics.success_curve([1, 0.5, 0.05, 0])
    expected = [3 / 4] + [2 / 4] * 9 + [1 / 4] * 10 + [0]  # at 0; to 0.45; to 0.95; at 1
    np.testing.assert_allclose(curve, expected)
    # 20, 10, 1 and 0 thresholds lie below the four overlaps.
    assert metrics.area_under_curve(curve) == pytest.approx(31 / (4 * 21))


def test_a_perfect_track_has_an_auc_of_20_of_21() -> None:
    boxes = np.array([[0.1, 0.2, 10.3, 7.7]] * 5)  # no overlap is above 1, whatever is rounded
    curve = metrics.success_curve(metrics.overlap(boxes, boxes))
    assert metrics.area_under_curve(curve) == pytest.approx(20 / 21)


def test_success_may_count_the_threshold_itself() -> None:
    thresholds = np.array([0.0, 0.5, 1.0])
    overlaps = [1, 0.5, 0]
    np.testing.assert_allclose(metrics.success_curve(overlaps, thresholds), [2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(
        metrics.success_curve(overlaps, thresholds, strict=False), [1, 2 / 3, 1 / 3]
    )


def test_precision_counts_the_threshold_itself() -> None:
    errors = [0, 20, 20.001, INF]
    assert metrics.precision_at(errors) == 0.5
    curve = metrics.precision_curve(errors)
    assert (curve[0], curve[19], curve[20], curve[21]) == (0.25, 0.25, 0.5, 0.75)


def test_frames_without_truth_do_not_count() -> None:
    overlaps = [1, NAN, 0, NAN]
    assert metrics.average_overlap(overlaps) == 0.5
    assert metrics.success_rate(overlaps) == 0.5
    assert metrics.precision_at([0, NAN, 30]) == 0.5


def test_shares_may_be_of_all_frames() -> None:
    assert metrics.precision_at([0, NAN, 30], frame_count=3) == pytest.approx(1 / 3)
    assert metrics.success_curve([0.6, NAN], np.array([0.5]), frame_count=2)[0] == 0.5


def test_scores_of_no_frame_are_nan() -> None:
    assert np.isnan(metrics.success_curve([NAN])).all()
    assert np.isnan(metrics.precision_at([]))
    assert np.isnan(metrics.average_overlap([NAN]))


def test_success_rate_wants_more_than_the_threshold() -> None:
    assert metrics.success_rate([0.5, 0.501, 0.76]) == pytest.approx(2 / 3)
    assert metrics.success_rate([0.5, 0.75, 0.76], 0.75) == pytest.approx(1 / 3)


def test_areas_differ_by_their_rule() -> None:
    curve = np.array([1.0, 0.5, 0.0])
    assert metrics.area_under_curve(curve) == 0.5
    assert metrics.trapezoid_area(curve) == 0.5
    assert metrics.area_under_curve(np.array([1.0, 1.0, 0.0])) == pytest.approx(2 / 3)
    assert metrics.trapezoid_area(np.array([1.0, 1.0, 0.0])) == 0.75


def test_thresholds_are_the_benchmarks() -> None:
    np.testing.assert_allclose(SUCCESS_THRESHOLDS, [0.05 * step for step in range(21)])
    np.testing.assert_array_equal(PRECISION_THRESHOLDS, range(51))


def test_invalid_boxes_are_replaced_by_the_last_valid_one() -> None:
    first, second = [0, 0, 4, 4], [1, 0, 0.5, 4]
    boxes = [first, ABSENT, [9, 9, 0, 4], second, [9, 9, 4, -1]]
    np.testing.assert_array_equal(metrics.hold_last(boxes), [first, first, first, second, second])


def test_clipping_keeps_widths_below_a_pixel_and_leaves_none_outside() -> None:
    clipped = metrics.clip_like_got10k([[10, 10, 0.5, 0.25], [120, -5, 20, 20]], (100, 80))
    np.testing.assert_array_equal(clipped, [[10, 10, 0.5, 0.25], [100, 0, 0, 20]])


def test_metrics_leave_their_arguments_alone() -> None:
    boxes = np.array([[-5.0, 90, 20, 20]])
    before = boxes.copy()
    metrics.clip_like_got10k(boxes, (100, 100))
    metrics.hold_last(boxes)
    np.testing.assert_array_equal(boxes, before)
