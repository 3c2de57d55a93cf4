"""`init` and `update`, whole videos, and invalid inputs."""

import copy
import pickle

import numpy as np
import pytest

from fakes import IdealMatcher
from siamfc.errors import InputError, SourceError
from siamfc.frames import Frame, open_source
from siamfc.tracking import Stepper, Tracker, five_scales, follow, three_scales, track

BOX = [60, 50, 20, 20]


def image(k=0, *, height=120, width=160):
    """Return a dark square on white, moved by (2, 1) per frame."""
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    picture[50 + k : 70 + k, 60 + 2 * k : 80 + 2 * k] = 0
    return picture


def video(count=6):
    return [image(k) for k in range(count)]


class CountingSource:
    """A source that counts how often it was closed and how far it was read."""

    name, frame_count, frame_rate, size = "counting", None, None, None

    def __init__(self, images):
        self.images = images
        self.closed = self.read = 0

    def __iter__(self):
        for index, picture in enumerate(self.images):
            self.read += 1
            yield Frame(picture, index, index / 10)

    def close(self):
        self.closed += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class TestTracker:
    def test_update_follows_the_target(self):
        tracker = Tracker(IdealMatcher())
        tracker.init(image(), BOX)
        assert tracker.score == 1
        for k in range(1, 6):
            box = tracker.update(image(k))
            np.testing.assert_allclose(box, [60 + 2 * k, 50 + k, 20, 20], atol=0.2)
            assert 0.9 < tracker.score < 1

    def test_init_starts_a_new_track(self):
        tracker = Tracker(IdealMatcher())
        tracker.init(image(5), [70, 55, 20, 20])
        tracker.update(image(5))
        tracker.init(image(), BOX)
        np.testing.assert_allclose(tracker.update(image(1)), [62, 51, 20, 20], atol=0.2)

    def test_the_state_is_a_value(self):
        tracker = Tracker(IdealMatcher())
        tracker.init(image(), BOX)
        before = tracker.state
        once = tracker.update(image(1))
        assert before.targets.boxes.tolist() == [BOX]
        again = Stepper(tracker.matcher, tracker.settings).step(before, image(1))
        assert again.targets.boxes[0].tolist() == once.tolist()

    def test_a_returned_box_belongs_to_the_caller(self):
        tracker = Tracker(IdealMatcher())
        tracker.init(image(), BOX)
        tracker.update(image(1))[:] = 0
        np.testing.assert_allclose(tracker.update(image(2)), [64, 52, 20, 20], atol=0.2)

    @pytest.mark.parametrize("use", [lambda t: t.update(image()), lambda t: t.score])
    def test_before_init_there_is_one_clear_error(self, use):
        with pytest.raises(InputError, match=r"expected init\(image, box\) first"):
            use(Tracker(IdealMatcher()))

    def test_a_failed_init_leaves_the_tracker_as_it_was(self):
        tracker = Tracker(IdealMatcher())
        tracker.init(image(), BOX)
        with pytest.raises(InputError):
            tracker.init(image(), [500, 500, 20, 20])
        np.testing.assert_allclose(tracker.update(image(1)), [62, 51, 20, 20], atol=0.2)

    def test_init_takes_one_box(self):
        with pytest.raises(InputError, match=r"shape \(2, 4\)"):
            Tracker(IdealMatcher()).init(image(), [BOX, BOX])

    @pytest.mark.parametrize(
        ("picture", "part"),
        [
            (image(height=100), "frame of 160×120 pixels as the first, got 160×100"),
            (np.zeros((120, 160), np.uint8), "RGB uint8"),
            (np.zeros((120, 160, 3)), "got float64"),
            (None, "got NoneType"),
        ],
    )
    def test_update_refuses_invalid_frames(self, picture, part):
        tracker = Tracker(IdealMatcher())
        tracker.init(image(), BOX)
        with pytest.raises(InputError) as caught:
            tracker.update(picture)
        assert part in str(caught.value)

    def test_beyond_the_border_every_frame_has_the_colour_of_the_first(self):
        shown = []

        class Watching(IdealMatcher):
            def respond(self, exemplars, searches):
                shown.append(searches[0, :, 0, 0])
                return super().respond(exemplars, searches)

        matcher = Watching()
        state = Stepper(matcher).begin(image(), [0, 0, 20, 20])
        for brightness in (1, 4):
            state = Stepper(matcher, three_scales()).step(state, image() // brightness)
        fill = np.rint(image().mean(axis=(0, 1)))
        np.testing.assert_array_equal(shown, np.broadcast_to(fill, (2, 3, 3)))


class TestTrack:
    def test_results_come_frame_by_frame(self):
        source = CountingSource(video())
        results = iter(track(source, BOX, matcher=IdealMatcher()))
        assert source.read == 0
        next(results)
        assert source.read == 1
        assert [result.index for result in results] == [1, 2, 3, 4, 5]

    def test_the_first_result_is_what_was_given(self):
        first, *_, last = track(video(), BOX, matcher=IdealMatcher())
        assert first.boxes.tolist() == [BOX]
        assert first.scores.tolist() == [1]
        assert np.isnan(first.time)
        np.testing.assert_allclose(last.boxes, [[70, 55, 20, 20]], atol=0.2)

    def test_track_is_init_and_update(self):
        settings = five_scales()
        tracker = Tracker(IdealMatcher(), settings)
        tracker.init(image(), BOX)
        expected = [tracker.update(picture) for picture in video()[1:]]
        results = list(track(video(), BOX, matcher=IdealMatcher(), settings=settings))
        np.testing.assert_array_equal([result.boxes[0] for result in results[1:]], expected)

    def test_frame_numbers_and_times_are_the_sources(self):
        with open_source(video(3), frame_rate=10) as source:
            results = list(track(source, BOX, matcher=IdealMatcher()))
        assert [result.time for result in results] == [0.0, 0.1, 0.2]

    def test_a_source_passed_in_open_stays_open(self):
        source = CountingSource(video())
        list(track(source, BOX, matcher=IdealMatcher()))
        assert source.closed == 0

    @pytest.mark.parametrize("end", ["read out", "given up", "failed"])
    def test_a_source_opened_here_is_closed(self, end, monkeypatch):
        source = CountingSource([*video(), image(height=90)] if end == "failed" else video())
        monkeypatch.setattr("siamfc.frames.open_source", lambda _, **__: source)
        results = track("clip.mp4", BOX, matcher=IdealMatcher())
        if end == "given up":
            next(iter(results))
            results.close()
            results.close()
        elif end == "failed":
            with pytest.raises(SourceError):
                list(results)
        else:
            list(results)
        assert source.closed == 1

    def test_a_size_that_changes_midway_is_named_with_its_frame(self):
        frames = [*video(3), image(height=90)]
        results = iter(track(frames, BOX, matcher=IdealMatcher()))
        assert [next(results).index for _ in range(3)] == [0, 1, 2]
        with pytest.raises(SourceError, match=r"^frame 3: .*160×120 pixels .*got 160×90"):
            next(results)

    def test_no_frame_is_an_error(self):
        with pytest.raises(SourceError, match="at least one frame"):
            list(track(iter([]), BOX, matcher=IdealMatcher()))

    def test_a_box_that_cannot_be_tracked_is_an_error(self):
        with pytest.raises(InputError, match="inside the frame of 160×120"):
            list(track(video(), [400, 0, 10, 10], matcher=IdealMatcher()))

    def test_follow_gives_the_frames_too(self):
        source = CountingSource(video(3))
        pairs = list(follow(source, [BOX, BOX], IdealMatcher()))
        for (frame, result), picture in zip(pairs, source.images, strict=True):
            assert frame.image is picture
            assert frame.index == result.index
            assert result.boxes.shape == (2, 4)
            assert result.scores.shape == (2,)


class TestCopies:
    """A tracker copied in each way in the middle of a video; the copy continues independently."""

    @pytest.mark.parametrize("weights", ["light", "siamfc"])
    @pytest.mark.parametrize(
        ("duplicate", "shares"),
        [
            (copy.copy, True),
            (copy.deepcopy, True),
            (lambda tracker: pickle.loads(pickle.dumps(tracker)), False),
        ],
        ids=["copy", "deepcopy", "pickle"],
    )
    def test_a_copy_tracks_on(self, weights, duplicate, shares):
        tracker = Tracker.from_pretrained(weights, "cpu", threads=1)
        tracker.init(image(), BOX)
        tracker.update(image(1))
        other = duplicate(tracker)
        assert (other.matcher is tracker.matcher) == shares
        assert other.settings == tracker.settings
        expected = [tracker.update(picture) for picture in video()[2:]]
        found = [other.update(picture) for picture in video()[2:]]
        np.testing.assert_array_equal(found, expected)
        assert other.score == tracker.score

    def test_a_tracker_without_a_target_can_be_pickled_too(self):
        tracker = pickle.loads(pickle.dumps(Tracker.from_pretrained("light", "cpu", threads=1)))
        with pytest.raises(InputError, match="init"):
            tracker.update(image())

    def test_a_custom_network_is_pickled_with_its_tracker(self):
        tracker = Tracker(IdealMatcher(), five_scales())
        assert pickle.loads(pickle.dumps(tracker)).settings == five_scales()


class TestColor:
    def test_bgr_pictures_give_the_boxes_of_rgb_ones(self):
        trackers = [Tracker.from_pretrained("light", "cpu", threads=1, color=c) for c in COLORS]
        found = []
        for color, tracker in zip(COLORS, trackers, strict=True):
            pictures = colored_video(color)
            tracker.init(pictures[0], BOX)
            found.append([tracker.update(picture) for picture in pictures[1:]])
        np.testing.assert_array_equal(*found)

    @pytest.mark.parametrize("kind", [list, np.stack, iter])
    def test_track_accepts_them_in_any_container(self, kind):
        expected = track(colored_video("rgb"), BOX, matcher=IdealMatcher())
        found = track(kind(colored_video("bgr")), BOX, matcher=IdealMatcher(), color="bgr")
        for (frame, result), (rgb, known) in zip(found.frames(), expected.frames(), strict=True):
            np.testing.assert_array_equal(frame.image, rgb.image)
            np.testing.assert_array_equal(result.boxes, known.boxes)

    @pytest.mark.parametrize("source", ["video.mp4", 0, open_source(video())])
    def test_a_source_with_colours_of_its_own_is_refused(self, source):
        with pytest.raises(InputError, match="'bgr' is for pictures in memory"):
            track(source, BOX, color="bgr")

    @pytest.mark.parametrize("make", [Tracker, lambda _, color: track([], BOX, color=color)])
    def test_another_order_is_refused(self, make):
        with pytest.raises(InputError, match="color: expected 'rgb' or 'bgr', got 'grb'"):
            make(IdealMatcher(), color="grb")


COLORS = ("rgb", "bgr")


def colored_video(color):
    """Pictures whose channels differ."""
    pictures = [picture // np.array([1, 2, 4], np.uint8) for picture in video()]
    return [picture[..., ::-1] for picture in pictures] if color == "bgr" else pictures
