"""Boxes given in several frames: their forms, both directions, and their fusion."""

import numpy as np
import pytest

from fakes import IdealBoxMatcher
from siamfc.boxes import iou
from siamfc.errors import InputError, SourceError
from siamfc.frames import open_source, open_writer
from siamfc.tracking import FrameRange, LightSettings, Status, as_key_frames, follow, track
from siamfc.tracking.fusion import fuse
from siamfc.tracking.sweep import Found

A, B = [10.0, 20, 30, 40], [50.0, 60, 20, 20]
FRAMES = 20
HIDDEN = range(8, 12)
"""The square vanishes, and returns outside the search window at its last position."""
ALONE = LightSettings(lost=LightSettings().lost.__class__(lost_threshold=0.4, found_threshold=0.8))


def place(k):
    """Return the box of the square in frame k."""
    return np.array([20 + 3 * k, 30 + k, 24, 20] if k < HIDDEN[0] else [330 - 3 * k, 190, 24, 20])


def picture(k):
    image = np.full((260, 400, 3), 255, np.uint8)
    if k not in HIDDEN:
        x, y, w, h = place(k).astype(int)
        image[y : y + h, x : x + w] = 0
    return image


def pictures(count=FRAMES):
    return [picture(k) for k in range(count)]


def seen(results):
    return [result for result in results if result.index not in HIDDEN]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with open_writer(path, frame_rate=25) as writer:
        for k, image in enumerate(pictures()):
            writer.write(image, k / 25)
    return path


@pytest.fixture(params=["arrays", "clip"])
def source(request):
    return pictures() if request.param == "arrays" else request.getfixturevalue("clip")


class TestForms:
    @pytest.mark.parametrize(
        ("given", "boxes", "names"),
        [
            (A, [{5: A}], ()),  # in the first frame
            ([A, B], [{5: A}, {5: B}], ()),
            (np.array([A, B]), [{5: A}, {5: B}], ()),
            ({9: B, 7: A}, [{7: A, 9: B}], ()),  # ascending, however they are given
            ({np.int64(9): B}, [{9: B}], ()),
            ([{7: A, 9: B}, B], [{7: A, 9: B}, {5: B}], ()),
            ({"cat": A, "dog": {7: B}}, [{5: A}, {7: B}], ("cat", "dog")),
        ],
    )
    def test_every_form_is_boxes_by_target_and_frame(self, given, boxes, names):
        key_frames = as_key_frames(given, start=5)
        found = [{frame: box.tolist() for frame, box in one.items()} for one in key_frames.boxes]
        assert found == boxes
        assert [list(one) for one in found] == [list(one) for one in boxes]
        assert key_frames.names == names

    @pytest.mark.parametrize(
        ("given", "part"),
        [
            ([], "at least one box"),
            ({}, "at least one box"),
            ({"cat": {}}, "at least one box"),
            ({4: A}, "expected boxes from frame 5 on, got one in 4"),
            ({5.5: A}, "expected the number of a frame, got 5.5"),
            ({"cat": A, 7: B}, "expected the number of a frame, got 'cat'"),
            ({"cat": A, "dog": {7: [1, 2, 3]}}, "dog: box: expected four"),
            ({7: A, 9: [1, 2, 3, 0]}, "frame 9: box: expected four"),
            ([A, [1, 2, 3]], "box 2 of 2: box: expected four"),
            ({"left\nright": A}, r"name: expected one line of text in UTF-8, got 'left\\nright'"),
            ({"\udcff": A}, "name: expected one line of text in UTF-8"),
        ],
    )
    def test_invalid_boxes_are_refused_by_name(self, given, part):
        with pytest.raises(InputError, match=part):
            as_key_frames(given, start=5)


class TestBothWays:
    def test_a_second_box_saves_what_forward_tracking_loses(self, source):
        given = {0: place(0), FRAMES - 1: place(FRAMES - 1)}
        both = list(track(source, given, matcher=IdealBoxMatcher(), settings=ALONE))
        alone = list(track(source, place(0), matcher=IdealBoxMatcher(), settings=ALONE))
        assert [result.index for result in both] == list(range(FRAMES))
        assert min(iou(result.box, place(result.index)) for result in seen(both)) > 0.8
        assert iou(alone[-1].box, place(FRAMES - 1)) == 0
        assert all(result.lost for result in both if result.index in HIDDEN)

    def test_before_the_first_box_the_target_is_tracked_backwards(self, source):
        results = list(track(source, {7: place(7)}, matcher=IdealBoxMatcher(), settings=ALONE))
        early = results[:8]
        assert [result.status for result in early] == [Status.TRACKED] * 7 + [Status.KEYFRAME]
        assert min(iou(result.box, place(result.index)) for result in early) > 0.8
        assert results[7].score == 1
        assert len(results) == FRAMES

    def test_given_boxes_stay_as_they_are(self, source):
        given = {0: place(0), 3: np.add(place(3), [2, 0, 0, 0]), 7: place(7)}
        results = list(track(source, given, matcher=IdealBoxMatcher(), end=7))
        for frame, box in given.items():
            np.testing.assert_array_equal(results[frame].box, box)
            assert results[frame].status is Status.KEYFRAME

    def test_agreement_is_known_only_between_two_boxes(self, source):
        given = [{2: place(2), 5: place(5)}, {2: place(2)}]
        results = list(track(source, given, matcher=IdealBoxMatcher(), end=7))
        known = np.array([
            [False, False] if result.agreements is None else ~np.isnan(result.agreements)
            for result in results
        ])  # fmt: skip
        assert np.flatnonzero(known[:, 0]).tolist() == [3, 4]
        assert not known[:, 1].any()
        assert results[3].agreements[0] > 0.8

    def test_targets_are_tracked_as_if_each_were_alone(self):
        given = [{0: place(0), 6: place(6)}, {3: place(3)}, {1: place(1), 7: place(7)}]
        together = list(track(pictures(), given, matcher=IdealBoxMatcher(), end=7))
        for row, one in enumerate(given):
            alone = list(track(pictures(), one, matcher=IdealBoxMatcher(), end=7))
            for result, other in zip(together, alone, strict=True):
                np.testing.assert_allclose(result.boxes[row], other.box, atol=1e-9)
                assert result.statuses[row] is other.status

    def test_a_track_lists_stretches_to_review(self):
        given = {0: place(0), FRAMES - 1: place(FRAMES - 1)}
        found = track(pictures(), given, matcher=IdealBoxMatcher(), settings=ALONE)
        worst = found.review()[0]
        assert worst.worst in HIDDEN
        assert "lost" in worst.reasons

    def test_names_go_into_every_result(self):
        found = track(
            pictures(), {"red": place(0), "blue": {2: place(2)}}, matcher=IdealBoxMatcher()
        )
        assert {result.names for result in found} == {("red", "blue")}

    def test_two_boxes_at_the_first_frame_read_the_source_once_and_forwards(self):
        frames = open_source(iter(pictures(5)))
        results = [one for _, one in follow(frames, [place(0)] * 2, IdealBoxMatcher())]
        assert len(results) == 5

    def test_a_source_that_is_read_once_takes_boxes_only_in_its_first_frame(self):
        given = {0: place(0), 3: place(3)}
        with pytest.raises(SourceError, match="only once, forwards: give boxes in its first frame"):
            list(track(iter(pictures()), given, matcher=IdealBoxMatcher()))

    @pytest.mark.parametrize("last", [30, 10**14])  # for so many frames there is no memory
    def test_a_box_beyond_the_end_is_refused(self, source, last):
        with pytest.raises(InputError, match=rf"has frames 0 to 19; got {last}"):
            list(track(source, {0: place(0), last: place(3)}, matcher=IdealBoxMatcher()))

    @pytest.mark.parametrize(
        ("given", "every", "smooth", "steps"),
        [
            (place(0), 1, False, FRAMES),
            ({0: place(0), 5: place(5)}, 1, False, 5 + FRAMES),
            ({0: place(0), 5: place(5)}, 1, True, 5 + 2 * FRAMES),
            ({5: place(5)}, 1, False, 6 + FRAMES),  # backwards into the first frame too
            ([place(0), {5: place(5)}], 1, False, 6 + FRAMES),
            ({0: place(0), 5: place(5)}, 3, False, 2 + 8),  # 5 and 3, then 0, 3, 5, 6, … 18
        ],
    )
    def test_every_frame_of_every_pass_is_counted_in_advance(self, given, every, smooth, steps):
        hidden, matcher = [], IdealBoxMatcher()
        frames = FrameRange(every=every)
        expected = frames.count(as_key_frames(given), FRAMES, smooth=smooth)
        with open_source(pictures()) as source:
            pairs = follow(
                source,
                given,
                matcher,
                frame_range=frames,
                smooth=smooth,
                on_frame=lambda: hidden.append(1),
            )
            shown = list(pairs)
        assert len(hidden) + len(shown) == expected == steps

    def test_frames_are_counted_without_looking_at_each(self):
        frames, end = FrameRange(start=2, every=4), 10**15
        key_frames = as_key_frames({5: place(5), end: place(0)}, 2)  # 2, 5, 6, 10, 14 … end
        assert frames.count(key_frames, end + 1, smooth=False) == 2 * (end // 4 + 2)


class TestRange:
    def test_start_and_end_are_the_first_and_the_last_frame(self):
        results = list(track(pictures(), place(2), matcher=IdealBoxMatcher(), start=2, end=6))
        assert [result.index for result in results] == [2, 3, 4, 5, 6]
        assert results[0].status is Status.KEYFRAME
        assert min(iou(result.box, place(result.index)) for result in results) > 0.8

    def test_every_counts_from_the_start(self):
        found = track(pictures(), place(2), matcher=IdealBoxMatcher(), start=2, end=9, every=3)
        assert [result.index for result in found] == [2, 5, 8]

    def test_every_skips_frames_except_those_with_a_box(self):
        given = {0: place(0), 4: place(4)}
        found = track(pictures(), given, matcher=IdealBoxMatcher(), end=7, every=3)
        assert [result.index for result in found] == [0, 3, 4, 6]
        assert [frame.index for frame, _ in found.frames()] == [0, 3, 4, 6]

    @pytest.mark.parametrize(
        ("options", "part"),
        [
            ({"start": -1}, "start: expected a whole number of at least 0, got -1"),
            ({"start": 5, "end": 4}, "end: expected a whole number of at least 5, got 4"),
            ({"every": 0}, "every: expected a whole number of at least 1, got 0"),
        ],
    )
    def test_an_empty_range_is_refused(self, options, part):
        with pytest.raises(InputError, match=part):
            FrameRange(**options)

    def test_a_box_outside_the_range_is_refused(self):
        with pytest.raises(InputError, match="expected boxes in frames 0 to 3, got one in 5"):
            list(track(pictures(), {0: A, 5: A}, matcher=IdealBoxMatcher(), end=3))

    def test_a_start_beyond_the_end_is_refused(self):
        with pytest.raises(InputError, match=r"has frames 0 to 19; got 40"):
            list(track(pictures(), A, matcher=IdealBoxMatcher(), start=40))


class TestFusion:
    @staticmethod
    def found(box, score, lost=False):
        return Found(np.array([box], float), np.array([score]), np.array([lost]))

    @pytest.mark.parametrize(
        ("scores", "progress", "x", "why"),
        [
            ((0.9, 0.9), 0.5, 12.0, "equally sure, halfway: the mean"),
            ((0.9, 0.9), 0.25, 11.0, "nearer the first key frame"),
            ((1.0, 0.0), 0.9, 10.0, "a score of 0 counts nothing"),
            ((1.0, 0.5), 0.5, 10 + 4 / 17, "the fourth power: 16 times as much"),
        ],
    )
    def test_boxes_that_agree_are_averaged(self, scores, progress, x, why):
        first, second = (
            self.found([10, 5, 20, 20], scores[0]),
            self.found([14, 5, 20, 20], scores[1]),
        )
        fused = fuse(first, second, np.array([progress]))
        np.testing.assert_allclose(fused.found.boxes, [[x, 5, 20, 20]], err_msg=why)
        assert fused.found.scores[0] == max(scores)
        np.testing.assert_allclose(fused.agreements, [16 / 24])

    @pytest.mark.parametrize("progress", [0.3, 0.7])
    def test_of_boxes_that_disagree_the_more_certain_is_taken(self, progress):
        first, second = self.found(A, 0.95), self.found(B, 0.4, lost=True)
        for one, other, at in ((first, second, progress), (second, first, 1 - progress)):
            fused = fuse(one, other, np.array([at]))
            np.testing.assert_array_equal(fused.found.boxes, [A])
            assert (fused.found.scores[0], fused.found.lost[0]) == (0.95, False)

    def test_a_target_is_lost_if_both_directions_have_lost_it(self):
        for lost in ((True, False), (False, True), (True, True)):
            fused = fuse(*(self.found(A, 0.5, one) for one in lost), np.array([0.5]))
            assert bool(fused.found.lost[0]) is all(lost)
