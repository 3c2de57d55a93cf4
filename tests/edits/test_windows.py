"""Cuts: within the frame, around the target, and calm."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc.annotations import VideoAnnotation
from siamfc.edits import (
    ReframeSettings,
    cut_window,
    plan_crop,
    plan_reframe,
    plan_stabilise,
)
from siamfc.edits.camera import limit_acceleration, second_difference
from siamfc.errors import InputError

FRAME = (320, 180)


def track(centers: np.ndarray, size: tuple[float, float] = (20, 30)) -> VideoAnnotation:
    extent = np.broadcast_to(np.array(size, dtype=np.float64), centers.shape)
    boxes = np.concatenate([centers - extent / 2, extent], axis=1)[:, None]
    return VideoAnnotation(frames=np.arange(len(boxes)), boxes=boxes)


def wandering(count: int, seed: int, speed: float) -> np.ndarray:
    """A walk at random, kept in the frame."""
    steps = np.random.default_rng(seed).normal(0, speed, (count, 2))
    return np.clip(np.cumsum(steps, axis=0) + np.array([160, 90]), [0, 0], FRAME)


ANY = ReframeSettings()
SIZES = [
    ((1920, 1080), 9 / 16, (608, 1080)),
    ((1920, 1080), 1.0, (1080, 1080)),
    ((1080, 1920), 16 / 9, (1080, 608)),
    ((640, 360), 2.0, (640, 320)),
]

PLACES = [
    (-10.0, 10.0, "left"),
    (60.0, 10.0, "right"),
    (10.0, -10.0, "above"),
    (10.0, 50.0, "below"),
    (-10.0, -10.0, "a corner"),
    (200.0, 10.0, "all of it"),
]


@given(
    count=st.integers(1, 120),
    seed=st.integers(0, 99),
    speed=st.floats(0, 60),
    aspect=st.sampled_from([9 / 16, 1.0, 4 / 5, 21 / 9]),
    zoom=st.sampled_from([None, 0.3, 0.6]),
    acceleration=st.floats(0.2, 20),
)
@settings(max_examples=60, deadline=None)
def test_a_cut_never_leaves_the_frame_nor_breaks_the_bound(
    count, seed, speed, aspect, zoom, acceleration
) -> None:
    chosen = ReframeSettings(aspect=aspect, zoom=zoom, acceleration=acceleration)
    windows = plan_reframe(track(wandering(count, seed, speed)), count, FRAME, 25.0, chosen)
    corner, extent = windows.boxes[:, :2], windows.boxes[:, 2:]
    assert (corner >= 0).all()
    assert (corner + extent <= np.array(FRAME) + 1e-6).all()
    np.testing.assert_allclose(extent[:, 0] / extent[:, 1], aspect)
    limit = acceleration * min(FRAME[0], FRAME[1] * aspect) / 25**2
    assert np.abs(second_difference(corner + extent / 2)).max() <= 1.001 * limit + 1e-6


class TestReframe:
    def test_a_target_that_rests_is_in_the_middle_of_a_cut_that_rests(self) -> None:
        windows = plan_reframe(track(np.full((50, 2), [160.0, 90])), 50, FRAME, 25.0, ANY)
        np.testing.assert_allclose(windows.boxes[:, 0] + windows.boxes[:, 2] / 2, 160, atol=1e-3)

    def test_a_target_in_the_dead_zone_does_not_move_the_cut_much(self) -> None:
        swing = np.stack([160 + 10 * np.sin(np.arange(200) / 5), np.full(200, 90)], axis=1)
        windows = plan_reframe(track(swing), 200, FRAME, 25.0, ANY)
        assert np.ptp(windows.boxes[:, 0]) < 4

    def test_a_target_that_crosses_the_frame_is_kept_in(self) -> None:
        across = np.stack([np.linspace(20, 300, 100), np.full(100, 90)], axis=1)
        windows = plan_reframe(track(across), 100, FRAME, 25.0, ANY).boxes
        left, right = across[:, 0] - 10, across[:, 0] + 10
        assert (windows[:, 0] <= left + 0.5).all()
        assert (windows[:, 0] + windows[:, 2] >= right - 0.5).all()

    def test_zoom_keeps_the_targets_share_of_the_cut(self) -> None:
        chosen = ReframeSettings(zoom=0.5)
        windows = plan_reframe(track(np.full((50, 2), [160.0, 90])), 50, FRAME, 25.0, chosen)
        np.testing.assert_allclose(20 / windows.boxes[:, 2], 0.5, rtol=0.12)

    def test_all_of_several_targets_are_kept_in(self) -> None:
        boxes = np.array([[[100.0, 80, 20, 30], [150, 80, 20, 30]]] * 40)
        both = VideoAnnotation(frames=np.arange(40), boxes=boxes)
        windows = plan_reframe(both, 40, FRAME, 25.0, ANY).boxes
        assert (windows[:, 0] <= 100).all()
        assert (windows[:, 0] + windows[:, 2] >= 170).all()

    @pytest.mark.parametrize("found_again", [True, False])
    def test_where_a_target_is_lost_the_trackers_guess_is_followed(self, found_again) -> None:
        centers = np.full((100, 2), [60.0, 90])
        centers[30:70] = [250, 90]
        lost = (np.arange(100) >= 30) & ((np.arange(100) < 70) | (not found_again))
        lost_there = replace(track(centers), lost=lost[:, None])
        windows = plan_reframe(lost_there, 100, FRAME, 25.0, ANY).boxes
        assert windows[50, 0] <= 240
        assert windows[50, 0] + windows[50, 2] >= 260

    def test_where_a_target_has_no_box_the_cut_goes_straight_on(self) -> None:
        across = track(np.stack([np.linspace(60, 260, 50), np.full(50, 90)], axis=1))
        boxes = across.boxes.copy()
        boxes[10:40] = np.nan
        gap = plan_reframe(replace(across, boxes=boxes), 50, FRAME, 25.0, ANY).boxes
        np.testing.assert_allclose(gap, plan_reframe(across, 50, FRAME, 25.0, ANY).boxes)

    @pytest.mark.parametrize(("frame", "aspect", "size"), SIZES)
    def test_the_cut_is_as_large_as_fits(self, frame, aspect, size) -> None:
        one = track(np.full((3, 2), 100.0))
        chosen = ReframeSettings(aspect=aspect)
        assert plan_reframe(one, 3, frame, 25.0, chosen).size == size

    def test_the_aspect_is_as_shown_where_pixels_are_not_square(self) -> None:
        """PAL: 720 × 576 pixels are shown 16 by 9."""
        one, chosen = track(np.full((3, 2), 100.0)), ReframeSettings(aspect=16 / 9)
        windows = plan_reframe(one, 3, (720, 576), 25.0, chosen, pixel_aspect=64 / 45)
        assert windows.size == (720, 576)

    @pytest.mark.parametrize(
        "values", [{"aspect": 0.0}, {"dead_zone": 1.0}, {"acceleration": 0.0}, {"zoom": 2.0}]
    )
    def test_settings_out_of_range_are_refused(self, values) -> None:
        with pytest.raises(InputError, match=f"{next(iter(values))}: expected"):
            ReframeSettings(**values)


def test_smoothing_stops_when_the_bound_holds() -> None:
    rough = np.random.default_rng(0).normal(0, 10, (80, 2))
    smooth = limit_acceleration(rough, np.array([0.5, 2.0]))
    assert (np.abs(second_difference(smooth)) <= [0.5, 2.0]).all()
    calm = np.linspace(0, 1, 50)[:, None]
    np.testing.assert_array_equal(limit_acceleration(calm, np.array([1.0])), calm)


class TestStabilise:
    def test_the_target_is_in_the_middle_always(self) -> None:
        across = np.stack([np.linspace(20, 300, 50), np.linspace(20, 150, 50)], axis=1)
        windows = plan_stabilise(track(across), 50, FRAME)
        middle = windows.boxes[:, :2] + windows.boxes[:, 2:] / 2
        np.testing.assert_allclose(middle[5:-5], across[5:-5], atol=0.01)
        assert windows.size == FRAME

    def test_jitter_of_the_boxes_is_not_passed_on(self) -> None:
        shaky = np.full((200, 2), 90.0) + np.random.default_rng(0).normal(0, 1, (200, 2))
        windows = plan_stabilise(track(shaky), 200, FRAME)
        assert windows.boxes[:, 0].std() < 0.6 * shaky[:, 0].std()


class TestCrop:
    def test_a_window_is_the_box_and_its_margin(self) -> None:
        windows = plan_crop(track(np.full((9, 2), 90.0)), 9, margin=0.5)
        np.testing.assert_allclose(windows.boxes[4], [70, 60, 40, 60])
        assert windows.size == (40, 60)

    def test_pictures_have_the_size_of_the_largest_window(self) -> None:
        growing = track(np.full((60, 2), 90.0))
        growing.boxes[30:, 0, 2:] = 40, 50
        assert plan_crop(growing, 60, margin=0.0).size == (40, 50)

    def test_a_size_decides_the_aspect(self) -> None:
        windows = plan_crop(track(np.full((9, 2), 90.0)), 9, margin=0.0, output=(64, 64))
        np.testing.assert_allclose(windows.boxes[4], [75, 75, 30, 30])


def ramp() -> np.ndarray:
    """A picture whose red is its column, and green its row."""
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.arange(80), np.arange(60)[:, None]
    return picture


class TestCut:
    def test_after_the_last_frame_the_window_stays(self) -> None:
        windows = plan_crop(track(np.array([[10.0, 30], [50, 30]])), 2)
        last, left = windows.boxes[1], np.array([30, 0, 0, 0])
        assert (last != windows.boxes[0]).any()
        for border in ("black", "edge"):
            expected = cut_window(ramp(), last - left, windows.size, border=border)
            moved = replace(windows, boxes=windows.boxes - left)
            np.testing.assert_array_equal(moved.cut(ramp(), 7, border=border), expected)

    def test_whole_pixels_are_cut_out_as_they_are(self) -> None:
        found = cut_window(ramp(), np.array([10.0, 20, 30, 40]), (30, 40))
        np.testing.assert_array_equal(found, ramp()[20:60, 10:40])

    def test_a_shift_by_half_a_pixel_is_seen(self) -> None:
        found = cut_window(ramp() * 2, np.array([10.5, 20, 30, 20]), (30, 20))
        np.testing.assert_array_equal(found[5, 5:25, 0], 2 * np.arange(15, 35) + 1)

    @pytest.mark.parametrize(("x", "y", "reason"), PLACES)
    @pytest.mark.parametrize("border", ["black", "edge"])
    def test_beyond_the_frame_it_is_as_asked_for(self, x, y, reason, border) -> None:
        bright = np.full((60, 80, 3), 200, np.uint8)
        found = cut_window(bright, np.array([x, y, 30, 20]), (30, 20), border=border)
        assert found.shape == (20, 30, 3)
        columns, rows = np.arange(30) + x, np.arange(20) + y
        inside = ((rows >= 0) & (rows < 60))[:, None] & ((columns >= 0) & (columns < 80))
        assert (found[inside] == 200).all(), reason
        if border == "black":
            assert not found[~inside].any(), reason
        elif inside.any():
            assert (found == 200).all(), reason

    @pytest.mark.parametrize("edges", [(-1e-13, 0, 0, 0), (0, -1e-13, 1e-13, 1e-13)])
    def test_an_edge_beyond_the_frame_by_rounding_has_no_border(self, edges) -> None:
        bright = np.full((60, 80, 3), 200, np.uint8)
        found = cut_window(bright, np.array([0, 0, 80, 60]) + edges, (160, 120))
        assert (found == 200).all()

    @given(x=st.floats(-100, 100), y=st.floats(-100, 100), w=st.floats(1, 150), h=st.floats(1, 150))
    @settings(max_examples=60, deadline=None)
    def test_any_window_gives_a_picture_of_the_size_asked_for(self, x, y, w, h) -> None:
        for border in ("black", "edge"):
            found = cut_window(ramp(), np.array([x, y, w, h]), (32, 24), border=border)
            assert found.shape == (24, 32, 3)
