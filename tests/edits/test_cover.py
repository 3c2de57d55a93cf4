"""Covered areas: nothing of a target is left, and lost stretches are bridged."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc.annotations import VideoAnnotation
from siamfc.edits import (
    CoverSettings,
    RedactSettings,
    frame_ranges,
    plan_cover,
    redact_frame,
    target_paths,
)
from siamfc.errors import InputError

PLAIN = CoverSettings(margin=0.0, doubt=0.0, lead=0)


def moving(count: int = 10, *, lost: tuple[int, ...] = (), absent: tuple[int, ...] = ()):
    """A box of 20 × 10 pixels that moves right by 4 pixels a frame."""
    boxes = np.array([[10.0 + 4 * frame, 30, 20, 10] for frame in range(count)])[:, None]
    boxes[list(absent)] = np.nan
    flags = np.isin(np.arange(count), lost)[:, None]
    return VideoAnnotation(frames=np.arange(count), boxes=boxes, lost=flags)


GAPS = [({"lost": (4, 5, 6)}, "lost"), ({"absent": (4, 5, 6)}, "without a box")]


class TestCover:
    def test_without_margin_it_is_the_box(self) -> None:
        cover = plan_cover(moving(), 10, PLAIN)
        np.testing.assert_allclose(cover.boxes[:, 0], moving().boxes[:, 0])
        assert not cover.bridged.any()

    def test_a_margin_is_added_on_each_side(self) -> None:
        settings = CoverSettings(margin=0.2, doubt=0.0, lead=0)
        cover = plan_cover(moving(), 10, settings)
        np.testing.assert_allclose(cover.boxes[0, 0], [10 - 3, 30 - 3, 26, 16])

    def test_a_low_score_widens_the_margin(self) -> None:
        unsure = VideoAnnotation(
            frames=np.arange(10), boxes=moving().boxes, scores=np.full((10, 1), 0.75)
        )
        cover = plan_cover(unsure, 10, CoverSettings(margin=0.2, doubt=4.0, lead=0))
        np.testing.assert_allclose(cover.boxes[0, 0], [10 - 6, 30 - 6, 32, 22])

    @pytest.mark.parametrize(("gap", "reason"), GAPS)
    def test_a_gap_is_bridged_by_a_line_with_a_growing_margin(self, gap, reason) -> None:
        cover = plan_cover(moving(**gap), 10, PLAIN)
        assert frame_ranges(cover.bridged) == [(4, 6)], reason
        true = moving().boxes[:, 0]
        slack = true[:, 0] - cover.boxes[:, 0, 0]
        np.testing.assert_allclose(slack[3:8], [0, 4, 8, 4, 0], atol=1e-9)  # its speed is 4
        assert not cover.whole.any()

    def test_a_margin_grows_by_a_tenth_of_a_slow_target_per_frame(self) -> None:
        """It rests, vanishes, and rests 40 pixels to the right: that was not its speed."""
        resting = moving(absent=(4, 5, 6))
        resting.boxes[:4, 0, 0], resting.boxes[7:, 0, 0] = 10, 50
        x, y, w, h = plan_cover(resting, 10, PLAIN).boxes[5, 0]
        np.testing.assert_allclose([x, y, w, h], [30 - 3, 30 - 3, 26, 16])

    def test_a_margin_grows_by_the_95th_percentile_of_the_speed(self) -> None:
        """The centre moves by 0, 1, … 19 pixels, the width grows, and the target is then lost."""
        boxes = np.zeros((22, 1, 4))
        boxes[:, 0, 2], boxes[:, 0, 3] = 20 + 2 * np.arange(22), 10
        boxes[:, 0, 0] = np.cumsum([0, *range(20), 0]) - boxes[:, 0, 2] / 2
        boxes[21] = boxes[20]
        lost = VideoAnnotation(
            frames=np.arange(22), boxes=boxes, lost=(np.arange(22) == 21)[:, None]
        )
        cover = plan_cover(lost, 22, PLAIN).boxes[21, 0]
        np.testing.assert_allclose(cover, boxes[20, 0] + [-18.05, -18.05, 36.1, 36.1])

    def test_a_target_seen_once_is_as_fast_as_its_settings_say(self) -> None:
        still = CoverSettings(margin=0, doubt=0, growth=0, lead=0)
        cover = plan_cover(moving(1), 3, still)
        np.testing.assert_allclose(cover.boxes[:, 0], [[10, 30, 20, 10]] * 3)

    def test_a_margin_is_of_the_size_in_its_own_frame(self) -> None:
        growing = moving(2)
        growing.boxes[1, 0, 2:] = 60, 20
        cover = plan_cover(growing, 2, CoverSettings(margin=0.5, doubt=0, lead=0)).boxes[:, 0, 0]
        np.testing.assert_allclose(cover, [10 - 7.5, 14 - 20])

    def test_a_frame_is_bridged_if_one_of_several_targets_is_lost(self) -> None:
        boxes = np.concatenate([moving().boxes] * 2, axis=1)
        lost = np.zeros((10, 2), np.bool_)
        lost[4, 1] = True
        both = VideoAnnotation(frames=np.arange(10), boxes=boxes, lost=lost)
        cover = plan_cover(both, 10, CoverSettings(when_lost="frame", lead=0))
        assert frame_ranges(cover.bridged) == frame_ranges(cover.whole) == [(4, 4)]

    def test_what_the_tracker_guesses_is_covered_too(self) -> None:
        astray = moving(lost=(4, 5, 6))
        astray.boxes[4, 0] = [2, 3, 20, 10]
        astray.boxes[5, 0] = [90, 70, 20, 10]
        cover = plan_cover(astray, 10, PLAIN).boxes[:, 0]
        np.testing.assert_allclose(cover[4, :2], [2 - 4, 3 - 4])
        x, y, w, h = cover[5]
        assert max(x, y) <= 30
        assert x + w >= 110
        assert y + h >= 80

    def test_a_target_that_never_comes_back_may_be_anywhere(self) -> None:
        cover = plan_cover(moving(60, lost=tuple(range(10, 60))), 60, PLAIN)
        x, y, w, h = cover.boxes[-1, 0]
        assert max(x, y) < 0
        assert x + w > 128
        assert y + h > 96
        assert frame_ranges(cover.bridged) == [(10, 59)]

    def test_frames_without_results_are_bridged(self) -> None:
        late = VideoAnnotation(frames=np.array([4, 5]), boxes=moving().boxes[4:6])
        assert frame_ranges(plan_cover(late, 9, PLAIN).bridged) == [(0, 3), (6, 8)]

    def test_the_whole_frame_is_covered_where_that_is_asked_for(self) -> None:
        chosen = CoverSettings(when_lost="frame", lead=0)
        cover = plan_cover(moving(lost=(4, 5)), 10, chosen)
        assert frame_ranges(cover.whole) == [(4, 5)]

    def test_frames_about_a_lost_stretch_count_as_lost(self) -> None:
        cover = plan_cover(moving(lost=(5,)), 10, CoverSettings(lead=2))
        assert frame_ranges(cover.bridged) == [(3, 7)]

    def test_a_box_that_a_person_drew_is_trusted(self) -> None:
        lost = moving(lost=(4, 5, 6))
        drawn = VideoAnnotation(
            frames=lost.frames, boxes=lost.boxes, lost=lost.lost, key=lost.frames[:, None] == 5
        )
        assert frame_ranges(plan_cover(drawn, 10, PLAIN).bridged) == [(4, 4), (6, 6)]

    def test_a_target_without_any_box_is_refused(self) -> None:
        with pytest.raises(InputError, match="target 1: expected a box that is not lost"):
            plan_cover(moving(lost=tuple(range(10))), 10)

    def test_details_are_hidden_by_the_largest_size_where_the_place_is_a_guess(self) -> None:
        growing = moving(lost=(4, 5))
        growing.boxes[8, 0, 2:] = 40, 50
        cover = plan_cover(growing, 10, PLAIN)
        assert cover.sizes[[3, 4, 5, 8], 0].tolist() == [20, 50, 50, 50]

    def test_a_lead_never_leaves_nothing(self) -> None:
        cover = plan_cover(moving(6, lost=(4, 5)), 6, CoverSettings(lead=5))
        assert frame_ranges(cover.bridged) == [(4, 5)]

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"margin": -1.0}, "margin: expected 0 or more, got -1"),
            ({"growth": float("nan")}, "growth: expected 0 or more, got nan"),
            ({"growth": float("inf")}, "growth: expected 0 or more, got inf"),
            ({"lead": -1}, "lead: expected 0 frames or more"),
            ({"when_lost": "never"}, "when_lost: expected grow or frame"),
        ],
    )
    def test_settings_out_of_range_are_refused(self, values, message) -> None:
        with pytest.raises(InputError, match=message):
            CoverSettings(**values)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 256, (96, 128, 3), np.uint8)


BOXES = st.tuples(st.floats(-30, 130), st.floats(-30, 100), st.floats(1, 60), st.floats(1, 60))


@given(box=BOXES, shape=st.sampled_from(["ellipse", "box"]))
@settings(max_examples=60, deadline=None)
def test_every_pixel_that_a_box_touches_is_hidden(box, shape) -> None:
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[box]]))
    cover = plan_cover(given, 1, PLAIN)
    image = noise()
    redacted = redact_frame(image, cover, 0, RedactSettings(style="fill", shape=shape))
    x, y, w, h = box
    columns, rows = np.arange(128), np.arange(96)
    touched = ((rows < y + h) & (rows + 1 > y))[:, None] & ((columns < x + w) & (columns + 1 > x))
    assert not redacted[touched].any()
    unchanged = (redacted == image).all(axis=2)
    assert unchanged[(rows > y + 1.5 * h + 1), :].all(), "and not much else"


@pytest.mark.parametrize("shape", ["ellipse", "box"])
@pytest.mark.parametrize(("w", "h"), [(0, 20), (20, 0), (0, 0)])
def test_a_box_without_area_hides_the_pixels_on_its_line(shape, w: int, h: int) -> None:
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[10.5, 30.5, w, h]]]))
    cover = plan_cover(given, 1, PLAIN)
    redacted = redact_frame(noise(), cover, 0, RedactSettings(style="fill", shape=shape))
    hidden = ~redacted.any(axis=2)
    assert hidden[30 : 31 + h, 10 : 11 + w].all()
    assert not np.delete(hidden, 10, axis=1).any() or w
    assert not np.delete(hidden, 30, axis=0).any() or h


def test_boxes_after_the_last_frame_are_left_out() -> None:
    boxes = np.array([[[10.0, 10, 8, 6]], [[12.0, 10, 8, 6]], [[90.0, 10, 8, 6]]])
    longer = VideoAnnotation(frames=np.arange(3), boxes=boxes)
    (path,) = target_paths(longer, 2)
    np.testing.assert_array_equal(path.boxes, boxes[:2, 0])


def test_a_track_of_later_frames_alone_says_where_it_begins() -> None:
    late = VideoAnnotation(frames=np.array([5]), boxes=np.array([[[10.0, 10, 8, 6]]]))
    with pytest.raises(InputError, match="in frames 0 to 4, got the first in frame 5"):
        target_paths(late, 5)
    with pytest.raises(InputError, match="in frames 0 to 4, got none"):
        target_paths(moving(5, absent=(0, 1, 2, 3, 4)), 5)


def test_targets_need_not_be_there_together() -> None:
    boxes = np.full((2, 2, 4), np.nan)
    boxes[0, 0], boxes[1, 1] = [10, 10, 8, 6], [30, 10, 8, 6]
    first, second = target_paths(VideoAnnotation(frames=np.arange(2), boxes=boxes), 2)
    assert (first.distance.tolist(), second.distance.tolist()) == ([0, 1], [1, 0])


def test_a_low_score_casts_doubt_on_two_frames_before_and_after() -> None:
    scores = np.ones((10, 1))
    scores[4], scores[9] = 0.25, 0.5
    lost = np.zeros((10, 1), np.bool_)
    lost[9] = True
    known = VideoAnnotation(frames=np.arange(10), boxes=moving().boxes, scores=scores, lost=lost)
    (path,) = target_paths(known, 10)
    np.testing.assert_array_equal(path.doubt, [0, 0, *[0.75] * 5, 0.5, 0.5, 0])
    assert path.distance.tolist() == [0] * 9 + [1]


def test_frames_without_a_result_cast_no_doubt_on_others() -> None:
    kept = np.array([0, 1, 2, 5, 6])
    unknown = VideoAnnotation(
        frames=kept, boxes=moving().boxes[kept], scores=np.full((5, 1), np.nan)
    )
    (path,) = target_paths(unknown, 7, lead=1)
    assert path.distance.tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert not path.doubt.any()


STYLES = ["blur", "pixelate", "fill"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shape", ["ellipse", "box"])
def test_details_of_the_target_are_gone(style: str, shape: str) -> None:
    """Hardly any contrast is left of noise that differs from pixel to pixel."""
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[32.0, 24, 48, 48]]]))
    image = noise()
    redacted = redact_frame(
        image, plan_cover(given, 1, PLAIN), 0, RedactSettings(style=style, shape=shape)
    )
    steps = np.abs(np.diff(redacted[26:70, 34:78].astype(float), axis=1)).mean()
    assert steps < 0.05 * np.abs(np.diff(image.astype(float), axis=1)).mean()
    assert (image == noise()).all(), "the picture that was given is as it was"


@pytest.mark.parametrize(("outside", "growth"), [(False, np.sqrt(2)), (True, 1.0)])
def test_an_ellipse_ends_where_its_equation_says(outside: bool, growth: float) -> None:
    """Hidden, it passes through the box's corners; shown, it touches the box's sides."""
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[32.0, 24, 48, 20]]]))
    chosen = RedactSettings(style="fill", outside=outside)
    redacted = redact_frame(noise(), plan_cover(given, 1, PLAIN), 0, chosen)
    columns, rows = np.arange(128), np.arange(96)
    # The point of each pixel that is nearest to the centre, (56, 34), in half axes.
    across = (np.clip(56, columns, columns + 1) - 56) / (24 * growth)
    down = (np.clip(34, rows, rows + 1) - 34) / (10 * growth)
    touched = across**2 + down[:, None] ** 2 < 1
    np.testing.assert_array_equal(redacted.any(axis=2), touched == outside)


def cell_counts(image: np.ndarray) -> tuple[int, int]:
    """Number of cells of one colour, across and down."""
    first_row, first_column = image[0].astype(int), image[:, 0].astype(int)
    steps = (np.diff(line, axis=0).any(axis=1).sum() for line in (first_row, first_column))
    across, down = (int(count) + 1 for count in steps)
    return across, down


def test_pixelation_keeps_the_means_of_four_cells_along_the_longer_side() -> None:
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[32.0, 24, 48, 24]]]))
    cover = plan_cover(given, 1, PLAIN)
    found = redact_frame(noise(), cover, 0, RedactSettings(style="pixelate", shape="box"))
    cells = found[24:48, 32:80].reshape(2, 12, 4, 12, 3).astype(float)
    assert not np.ptp(cells, axis=(1, 3)).any()
    means = noise()[24:48, 32:80].reshape(2, 12, 4, 12, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(cells[:, 0, :, 0], means, atol=2)  # means of rounded means


def test_a_blur_is_smooth() -> None:
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[32.0, 24, 48, 24]]]))
    cover = plan_cover(given, 1, PLAIN)
    found = redact_frame(noise(), cover, 0, RedactSettings(style="blur", shape="box"))
    assert cell_counts(found[24:48, 32:80])[0] > 12


@pytest.mark.parametrize(("frame", "why"), [(0, "lost"), (1, "after the last frame")])
def test_a_whole_frame_keeps_no_details_of_the_largest_target(frame: int, why: str) -> None:
    boxes = np.array([[[10.0, 10, 16, 16], [60, 30, 48, 48]]])
    given = VideoAnnotation(frames=np.arange(1), boxes=boxes)
    cover = replace(plan_cover(given, 1, PLAIN), whole=np.array([True]))
    found = redact_frame(noise(), cover, frame, RedactSettings(style="pixelate"))
    assert cell_counts(found) == (11, 8), why  # of 12 pixels


def test_except_hides_all_where_the_target_is_outside_the_frame() -> None:
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[200.0, 10, 20, 20]]]))
    chosen = RedactSettings(style="fill", outside=True)
    assert not redact_frame(noise(), plan_cover(given, 1, PLAIN), 0, chosen).any()


@pytest.mark.parametrize("values", [{"style": "smear"}, {"shape": "star"}])
def test_an_unknown_appearance_is_refused(values) -> None:
    with pytest.raises(InputError, match=f"{next(iter(values))}: expected one of"):
        RedactSettings(**values)


def test_except_hides_all_but_the_target() -> None:
    given = VideoAnnotation(frames=np.arange(1), boxes=np.array([[[32.0, 24, 48, 48]]]))
    chosen = RedactSettings(style="fill", shape="box", outside=True)
    redacted = redact_frame(noise(), plan_cover(given, 1, PLAIN), 0, chosen)
    assert (redacted[24:72, 32:80] == noise()[24:72, 32:80]).all()
    redacted[24:72, 32:80] = 0
    assert not redacted.any()


@pytest.mark.parametrize("when_lost", ["grow", "frame"])
def test_except_hides_all_where_the_target_is_lost(when_lost: str) -> None:
    cover = plan_cover(moving(lost=(4,)), 10, CoverSettings(when_lost=when_lost, lead=0))
    chosen = RedactSettings(style="fill", outside=True)
    assert not redact_frame(noise(), cover, 4, chosen).any()
    assert redact_frame(noise(), cover, 3, chosen).any()


def test_the_whole_frame_is_hidden_where_that_is_asked_for() -> None:
    cover = plan_cover(moving(lost=(4,)), 10, CoverSettings(when_lost="frame", lead=0))
    assert not redact_frame(noise(), cover, 4, RedactSettings(style="fill")).any()


def test_all_of_several_targets_are_hidden() -> None:
    boxes = np.array([[[10.0, 10, 20, 20], [80, 50, 20, 20]]])
    cover = plan_cover(VideoAnnotation(frames=np.arange(1), boxes=boxes), 1, PLAIN)
    redacted = redact_frame(noise(), cover, 0, RedactSettings(style="fill", shape="box"))
    assert not redacted[10:30, 10:30].any()
    assert not redacted[50:70, 80:100].any()
    assert redacted[35:45].all()


def test_a_frame_after_the_last_that_was_planned_is_hidden() -> None:
    cover = plan_cover(moving(), 10, PLAIN)
    assert not redact_frame(noise(), cover, 10, RedactSettings(style="fill")).any()
