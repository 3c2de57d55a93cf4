"""Calibration of the shipped weights in the tracker: it changes scores, but no boxes."""

import numpy as np
import pytest

from siamfc.network import load_matcher
from siamfc.network.calibration import Calibration
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings
from siamfc.tracking import Stepper, Tracker, settings_for_weights


@pytest.fixture(scope="module")
def video():
    return SquareVideo(SquareVideoSettings(frames=12, max_displacement=8, seed=5))


def tracked(video, calibration):
    """Return boxes and scores (F,) of the light tracker with settings that ignore the score."""
    matcher = load_matcher("light", device="cpu", threads=1)
    if calibration is not None:
        matcher.calibration = calibration
    settings = settings_for_weights("light", update="none", search_again=False)
    tracker = Tracker(matcher, settings)
    tracker.init(video[0], video.boxes[0])
    rows = [(tracker.update(video[index]).tolist(), tracker.score) for index in range(1, 12)]
    return [box for box, _ in rows], np.array([score for _, score in rows])


def test_boxes_are_the_same_to_the_last_bit_and_scores_are_mapped(video):
    shipped = load_matcher("light", device="cpu", threads=1).calibration
    assert shipped != Calibration()
    plain, raw = tracked(video, Calibration())
    for calibration, used in ((None, shipped), (Calibration(slope=0.1, offset=-9.0),) * 2):
        boxes, scores = tracked(video, calibration)
        assert boxes == plain
        expected = used.probability(np.log(raw) - np.log1p(-raw))
        np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_the_search_view_shows_probabilities_too(video):
    matcher = load_matcher("light", device="cpu", threads=1)
    tracker = Tracker(matcher)
    tracker.init(video[0], video.boxes[0])
    state = tracker.state
    calibrated = Stepper(matcher).view(state, video[1]).scores
    matcher.calibration = Calibration(slope=1e-9)
    assert calibrated.std() > 0.01
    np.testing.assert_allclose(Stepper(matcher).view(state, video[1]).scores, 0.5, atol=1e-6)
