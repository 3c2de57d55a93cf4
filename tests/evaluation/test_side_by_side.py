"""Several trackers on one video."""

import numpy as np
import pytest
from trackers import Answers, Finds, Raises, StandsStill

from siamfc.errors import InputError, SourceError
from siamfc.evaluation.side_by_side import SideBySide
from siamfc.frames import Frame


def frames(count: int = 4, width: int = 40) -> list[Frame]:
    """A black square of 8 pixels on white that moves right by 2 pixels per frame."""
    made = []
    for index in range(count):
        image = np.full((30, width, 3), 255, dtype=np.uint8)
        image[5:13, 3 + 2 * index : 11 + 2 * index] = 0
        made.append(Frame(image=image, index=index, time=index / 25))
    return made


BOX = (3, 5, 8, 8)


def test_each_tracker_has_a_row_in_every_frame() -> None:
    both = SideBySide(trackers={"finds": Finds(), "still": StandsStill()})
    results = [result for _, result in both.track(frames(), BOX)]
    np.testing.assert_array_equal(results[0].boxes, [BOX, BOX])
    np.testing.assert_array_equal(results[3].boxes, [(9, 5, 8, 8), BOX])
    assert results[3].scores[0] == 0.75
    assert np.isnan(results[3].scores[1])
    assert results[3].time == pytest.approx(0.12)


def test_agreement_is_the_mean_overlap_with_the_first() -> None:
    both = SideBySide(trackers={"finds": Finds(), "still": StandsStill()})
    list(both.track(frames(), BOX))
    expected = np.mean([(8 - 2 * i) / (8 + 2 * i) for i in (1, 2, 3)])
    assert both.totals["still"].agreement == pytest.approx(expected)
    assert both.totals["finds"].agreement == 1
    assert both.totals["still"].frames_per_second > 0


def test_agreement_ends_with_the_first_tracker() -> None:
    both = SideBySide(trackers={"fails": Raises(), "still": StandsStill()})
    list(both.track(frames(6, width=60), BOX))
    assert both.totals["fails"].failure is not None
    assert both.totals["still"].agreement == 1


@pytest.mark.parametrize(
    ("tracker", "reason"),
    [
        (Raises(), "frame 2: RuntimeError: lost it"),
        (Answers([np.nan] * 4), "frame 1: expected a box of 4 finite numbers from the tracker"),
        (Answers("nowhere"), "frame 1: expected a box of 4 finite numbers from the tracker"),
    ],
)
def test_a_tracker_that_fails_has_no_box_from_then_on(tracker: Answers, reason: str) -> None:
    both = SideBySide(trackers={"fails": tracker, "still": StandsStill()})
    last = [result for _, result in both.track(frames(width=60), BOX)][-1]
    assert np.isnan(last.boxes[0]).all()
    np.testing.assert_array_equal(last.boxes[1], BOX)
    assert str(both.totals["fails"].failure).startswith(reason)
    assert both.totals["still"].failure is None


def test_a_box_without_area_is_a_miss_as_in_an_evaluation() -> None:
    both = SideBySide(trackers={"still": StandsStill(), "shrinks": Answers((3, 5, 0, 8))})
    last = [result for _, result in both.track(frames(), BOX)][-1]
    np.testing.assert_array_equal(last.boxes[1], (3, 5, 0, 8))
    assert both.totals["shrinks"].failure is None
    assert both.totals["shrinks"].agreement == 0


def test_a_video_without_frames_and_a_box_without_area_are_refused() -> None:
    both = SideBySide(trackers={"still": StandsStill()})
    with pytest.raises(SourceError, match="expected at least one frame"):
        list(both.track([], BOX))
    with pytest.raises(InputError, match="above 0"):
        list(both.track(frames(), (3, 5, 0, 8)))
