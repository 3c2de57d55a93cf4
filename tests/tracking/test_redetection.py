"""Loss and redetection of targets."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import IdealMatcher
from siamfc.errors import InputError
from siamfc.tracking import SiamFCSettings, Stepper, Tracker, light, track
from siamfc.tracking.redetection import (
    LostSettings,
    count_lost,
    redetection_crops,
    redetection_windows,
)

FRAME = (500, 400)
SIDE = 40
SEARCHING = LostSettings(lost_threshold=0.2, found_threshold=0.5, relocate_threshold=0.5, windows=8)


def picture(*squares):
    """Dark squares (x, y, side) on white."""
    image = np.full((FRAME[1], FRAME[0], 3), 255, dtype=np.uint8)
    for x, y, side in squares:
        image[y : y + side, x : x + side] = 0
    return image


def follow_square(places, lost):
    """Return the results of tracking a square at these positions, hidden where None."""
    images = [picture() if place is None else picture((*place, SIDE)) for place in places]
    x, y = places[0]
    settings = SiamFCSettings(lost=lost)
    return list(track(images, [x, y, SIDE, SIDE], matcher=IdealMatcher(), settings=settings))


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("lost_threshold", -0.1),
            ("lost_threshold", 1.1),
            ("found_threshold", float("nan")),
            ("windows", -1),
            ("windows", 1.5),
            ("windows", True),
            ("patience", -1),
            ("relocate_threshold", 2),
        ],
    )
    def test_a_wrong_value_is_named(self, name, value):
        with pytest.raises(InputError, match=rf"^{name}: expected .*, got "):
            LostSettings(**{name: value})

    def test_the_found_threshold_is_not_below_the_lost_threshold(self):
        with pytest.raises(
            InputError, match=r"found_threshold: expected at least lost_threshold, 0\.6"
        ):
            LostSettings(lost_threshold=0.6, found_threshold=0.5)


def test_a_score_that_wavers_around_a_threshold_changes_nothing():
    settings = LostSettings(lost_threshold=0.3, found_threshold=0.7)
    frames_lost, course = np.zeros(1, np.int64), []
    for score in (0.9, 0.31, 0.3, 0.29, 0.31, 0.69, 0.7, 0.31, 0.29):
        frames_lost = count_lost(frames_lost, np.array([score]), settings)
        course.append(int(frames_lost[0]))
    assert course == [0, 0, 0, 1, 2, 3, 0, 0, 1]


class TestWindows:
    def test_the_nearest_come_first(self):
        centers = redetection_windows((250, 200), 50, FRAME, 0, 8)
        offsets = sorted(map(tuple, (centers - (250, 200)).tolist()))
        line = (-50, 0, 50)
        assert offsets == sorted((x, y) for x in line for y in line if (x, y) != (0, 0))
        distance = np.abs(redetection_windows((250, 200), 50, FRAME, 1, 8) - (250, 200)).max(axis=1)
        assert distance.tolist() == [100] * 8

    @pytest.mark.parametrize("seed", range(5))
    def test_in_turn_they_show_the_whole_frame_and_nothing_beside_it(self, seed):
        generator = np.random.default_rng(seed)
        center = generator.uniform((0, 0), FRAME)
        reach = float(generator.uniform(30, 200))
        found = [redetection_windows(center, reach, FRAME, turn, 5) for turn in range(120)]
        useful = len(np.unique(np.concatenate(found), axis=0))
        for centers in found:
            assert len(np.unique(centers, axis=0)) == len(centers) == min(5, useful)
        centers = np.concatenate([[center], *found])
        assert (centers >= 0).all()
        assert (centers <= FRAME).all()
        points = generator.uniform((0, 0), FRAME, (500, 2))
        distance = np.abs(points[:, None] - centers).max(axis=-1).min(axis=1)
        assert distance.max() <= reach / 2 + 1e-9

    def test_the_first_window_follows_the_last(self):
        everything = redetection_windows((250, 200), 100, FRAME, 0, 1000)
        assert len(everything) == 24
        for turn, start in ((0, 0), (3, 21), (24, 0)):
            found = redetection_windows((250, 200), 100, FRAME, turn, 7)
            np.testing.assert_array_equal(found, np.roll(everything, -start, axis=0)[:7])

    def test_there_are_none_where_the_first_window_shows_the_whole_frame(self):
        assert redetection_windows((250, 200), 1100, FRAME, 0, 8).shape == (0, 2)

    def test_a_tiny_target_costs_no_more_than_others(self):
        assert redetection_windows((250, 200), 1e-3, FRAME, 10_000, 8).shape == (8, 2)


def test_of_many_targets_each_lost_one_is_searched_for_once():
    targets = light.start([[10.0 * k, 100, 20, 20] for k in range(40)], FRAME)
    targets = replace(targets, frames_lost=np.arange(40) % 2)
    sizes = []

    def crop(_image, centers, sides, size, _fill):
        assert len(centers) == len(sides)
        sizes.append(len(centers))
        return np.zeros((len(centers), size, size, 3), np.uint8)

    image, spec = picture(), IdealMatcher().spec
    found = list(redetection_crops(targets, image, image[0, 0], spec, SEARCHING, None, crop))
    assert [row for one in found for row in one.rows] == list(range(1, 40, 2))
    assert sizes == [16 * 8, 4 * 8]  # 128 windows at once


def test_of_a_watched_target_only_the_watched_place_is_searched():
    targets = light.start([[100.0, 100, 20, 20], [300, 200, 20, 20]], FRAME)
    targets = replace(targets, frames_lost=np.array([1, 1]))
    watched = np.array([[np.nan, np.nan], [50, 60]])
    image, spec = picture(), IdealMatcher().spec
    (found,) = redetection_crops(targets, image, image[0, 0], spec, SEARCHING, watched)
    assert found.rows == [0, 1]
    # An exemplar shows 40 pixels as 127; its centre may be in 255 − 127 + 8 of the search image.
    distances = np.abs(found.centers[0] - 110).max(axis=1)
    np.testing.assert_allclose(distances, [40 * 136 / 127] * 8)
    assert found.centers[1].tolist() == [[50, 60]] * 8


class TestLosing:
    JUMP = ((100, 100),) * 3 + ((400, 320),) * 8

    def test_a_target_beyond_the_window_is_lost_and_stays_so(self):
        results = follow_square(self.JUMP, LostSettings())
        assert [result.lost for result in results] == [False] * 3 + [True] * 8

    def test_searching_elsewhere_finds_it(self):
        results = follow_square(self.JUMP, SEARCHING)
        lost = [result.lost for result in results]
        assert lost[:4] == [False, False, False, True]
        assert not lost[-1]
        np.testing.assert_allclose(results[-1].boxes, [[400, 320, SIDE, SIDE]], atol=1)
        assert results[-1].scores[0] > 0.9

    def test_a_hidden_target_is_found_where_it_reappears(self):
        places = [(100, 100)] * 3 + [None] * 4 + [(380, 60)] * 8
        results = follow_square(places, SEARCHING)
        assert all(result.lost for result in results[3:7])
        assert not results[-1].lost
        np.testing.assert_allclose(results[-1].boxes, [[380, 60, SIDE, SIDE]], atol=1)

    def test_dissimilar_objects_are_not_mistaken_for_it(self):
        images = [picture((100, 100, 40))] + [picture((400, 320, 16))] * 8
        settings = SiamFCSettings(lost=SEARCHING)
        *_, last = track(images, [100, 100, 40, 40], matcher=IdealMatcher(), settings=settings)
        assert last.lost

    def test_a_tracked_target_costs_nothing_extra(self):
        class Counting(IdealMatcher):
            asked = 0

            def respond(self, exemplars, searches):
                self.asked += searches.shape[0] * searches.shape[1]
                return super().respond(exemplars, searches)

        matcher = Counting()
        settings = SiamFCSettings(lost=SEARCHING)
        state = Stepper(matcher).begin(picture((100, 100, 40)), [100, 100, 40, 40])
        state = Stepper(matcher, settings).step(state, picture((102, 100, 40)))
        assert matcher.asked == 3
        Stepper(matcher, settings).step(state, picture())
        assert matcher.asked == 3 + 3 + 8

    def test_several_targets_are_lost_and_found_as_each_alone(self):
        matcher, settings = IdealMatcher(), SiamFCSettings(lost=SEARCHING)

        def image(k):
            jumping = (60, 60, 16) if k < 3 else (60, 150, 16)
            return picture((400, 100 + 2 * k, 40), jumping)

        both = [[400, 100, 40, 40], [60, 60, 16, 16]]
        together = Stepper(matcher).begin(image(0), both)
        alone = [Stepper(matcher).begin(image(0), box) for box in both]
        was_lost = []
        for k in range(1, 12):
            together = Stepper(matcher, settings).step(together, image(k))
            alone = [Stepper(matcher, settings).step(state, image(k)) for state in alone]
            was_lost.append(together.targets.lost.tolist())
            for n, state in enumerate(alone):
                assert together.targets.boxes[n].tolist() == state.targets.boxes[0].tolist()
                assert together.targets.frames_lost[n] == state.targets.frames_lost[0]
        assert [False, True] in was_lost
        assert was_lost[-1] == [False, False]
        np.testing.assert_allclose(together.targets.boxes[1], [60, 150, 16, 16], atol=1)

    def test_a_large_and_a_small_target_are_lost_together_as_each_alone(self):
        """The large target has fewer places to search than the small one."""
        matcher, settings = IdealMatcher(), SiamFCSettings(lost=SEARCHING)
        large, small = (60, 60, 90), (420, 320, 16)
        images = [picture(large, small), *[picture()] * 3, *[picture(large, (60, 330, 16))] * 25]
        both = [[x, y, side, side] for x, y, side in (large, small)]
        together = Stepper(matcher).begin(images[0], both)
        alone = [Stepper(matcher).begin(images[0], box) for box in both]
        for image in images[1:]:
            together = Stepper(matcher, settings).step(together, image)
            alone = [Stepper(matcher, settings).step(state, image) for state in alone]
            for n, state in enumerate(alone):
                assert together.targets.boxes[n].tolist() == state.targets.boxes[0].tolist()
        np.testing.assert_allclose(together.targets.boxes[1], [60, 330, 16, 16], atol=1)

    def test_a_tracker_reports_that_its_target_is_lost(self):
        tracker = Tracker(IdealMatcher())
        tracker.init(picture((100, 100, 40)), [100, 100, 40, 40])
        assert not tracker.lost
        tracker.update(picture())
        assert tracker.lost


def test_a_target_keeps_its_size_while_it_is_lost():
    images = [picture((100, 100, 40)), picture((110, 105, 48))]
    ends = []
    for holds_size in (False, True):
        lost = LostSettings(lost_threshold=0.99, found_threshold=0.99, holds_size=holds_size)
        settings = SiamFCSettings(lost=lost)
        *_, last = track(images, [100, 100, 40, 40], matcher=IdealMatcher(), settings=settings)
        assert last.lost
        ends.append(last.boxes[0])
    assert ends[0][2] > 40.5
    assert ends[1][2] == 40
    np.testing.assert_allclose(ends[0][:2] + ends[0][2:] / 2, ends[1][:2] + 20, atol=1e-9)


def test_the_search_continues_until_a_place_is_good_enough():
    """A dissimilar object is nearer; the target, farther away, is found in the end."""
    images = [picture((40, 40, 20))] * 2 + [picture((130, 40, 17), (300, 200, 20))] * 16
    lost = LostSettings(lost_threshold=0.3, relocate_threshold=0.6, found_threshold=0.97, windows=8)
    settings = SiamFCSettings(scales=1, lost=lost)
    results = list(track(images, [40, 40, 20, 20], matcher=IdealMatcher(), settings=settings))
    places = [result.boxes[0, :2] for result in results if result.lost]
    assert np.abs(np.array(places) - (128.5, 38.5)).max(axis=1).min() < 2
    assert not results[-1].lost
    np.testing.assert_allclose(results[-1].boxes, [[300, 200, 20, 20]], atol=1)


def test_patience_delays_the_search_elsewhere():
    places = [(100, 100)] * 2 + [(250, 100)] * 6
    waits = []
    for patience in (0, 2):
        lost = replace(SEARCHING, patience=patience)
        waits.append([result.lost for result in follow_square(places, lost)].count(True))
    assert waits[1] == waits[0] + 2
