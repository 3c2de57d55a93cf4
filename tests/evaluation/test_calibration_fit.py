"""Scores as probabilities: their reliability, and fits that recover known parameters."""

import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.evaluation.scoring.calibration import balance, fit_calibration, measure_reliability
from siamfc.network.calibration import Calibration


def draw(calibration, count=40_000, seed=3):
    """Sample logits, and whether boxes are right, from a calibration's probabilities."""
    random = np.random.default_rng(seed)
    logits = random.normal(0.5, 1.0, count)
    return logits, random.random(count) < calibration.probability(logits)


def test_a_fit_finds_the_calibration_that_boxes_were_drawn_by():
    found = fit_calibration(*draw(Calibration(slope=2.4, offset=-0.7)))
    assert found.slope == pytest.approx(2.4, abs=0.06)
    assert found.offset == pytest.approx(-0.7, abs=0.05)


def test_the_fit_is_the_most_likely():
    """With Platt's targets, no nearby calibration has a lower cross-entropy."""
    logits, right = draw(Calibration(slope=1.5, offset=0.3), count=300)
    good = right.sum()
    goal = np.where(right, (good + 1) / (good + 2), 1 / (len(right) - good + 2))

    def entropy(slope, offset):
        chance = Calibration(slope=slope, offset=offset).probability(logits)
        return -(goal * np.log(chance) + (1 - goal) * np.log(1 - chance)).sum()

    fit = fit_calibration(logits, right)
    best = entropy(fit.slope, fit.offset)
    for slope, offset in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert entropy(fit.slope + slope, fit.offset + offset) > best


def test_scores_after_a_fit_are_reliable_and_before_are_not():
    logits, right = draw(Calibration(slope=3.0, offset=-1.0))
    before = measure_reliability(Calibration().probability(logits), right)
    after = measure_reliability(fit_calibration(logits, right).probability(logits), right)
    assert before.error > 0.1
    assert after.error < 0.01
    assert before.weight.sum() == pytest.approx(1)


def test_separable_frames_have_a_fit_too():
    found = fit_calibration([-1.0, -0.5, 0.5, 1.0], [False, False, True, True])
    assert 1 < found.slope < 10
    assert found.offset == pytest.approx(0, abs=1e-6)


def test_a_reliability_by_hand():
    scores = [0.0, 0.05, 0.5, 0.58, 1.0]
    found = measure_reliability(scores, [False, True, False, True, True])
    np.testing.assert_allclose(found.weight, [0.4, 0.4, 0.2])
    np.testing.assert_allclose(found.score, [0.025, 0.54, 1.0])
    np.testing.assert_allclose(found.right, [0.5, 0.5, 1.0])
    assert found.error == pytest.approx((2 * 0.475 + 2 * 0.04) / 5)


def test_a_score_of_one_belongs_to_the_last_bin():
    found = measure_reliability([0.95, 1.0], [False, True])
    np.testing.assert_allclose((found.weight, found.score, found.right), [[1], [0.975], [0.5]])


def test_weights_stand_for_how_often_boxes_are_right_elsewhere():
    """Frames without half of the right ones are a fair sample once balanced."""
    truth = Calibration(slope=2.0, offset=0.5)
    logits, right = draw(truth)
    kept = ~right | (np.random.default_rng(1).random(len(right)) < 0.5)
    weights = balance(right[kept], right.mean())
    assert np.average(right[kept], weights=weights) == pytest.approx(right.mean())
    plain = fit_calibration(logits[kept], right[kept])
    balanced = fit_calibration(logits[kept], right[kept], weights)
    assert plain.offset == pytest.approx(0.5 + np.log(0.5), abs=0.05)
    assert balanced.offset == pytest.approx(0.5, abs=0.05)
    assert balanced.slope == pytest.approx(2.0, abs=0.06)
    chances = balanced.probability(logits[kept])
    assert measure_reliability(chances, right[kept], weights).error < 0.01
    assert measure_reliability(chances, right[kept]).error > 0.05


@pytest.mark.parametrize(
    ("function", "numbers", "right", "message"),
    [
        (measure_reliability, [0.5, 1.2], [True, True], "scores: expected 0 to 1, got 0.5 to 1.2"),
        (measure_reliability, [float("nan")], [True], "scores: expected 0 to 1, got nan"),
        (measure_reliability, [], [], "expected a number, right or wrong, and a weight"),
        (fit_calibration, [1.0, 2.0], [True], r"got \(2,\), \(1,\) and \(1,\)"),
        (fit_calibration, [1.0, np.inf], [True, False], "logits: expected finite numbers"),
        (fit_calibration, [1.0, 2.0], [True, True], "right and wrong, got 2 right of 2"),
        (fit_calibration, [1.0, 2.0], [True, False], "got a slope of -"),
    ],
)
def test_what_cannot_be_measured_is_refused(function, numbers, right, message):
    with pytest.raises(InputError, match=message):
        function(numbers, right)
