"""Motion of targets by hand-made responses."""

import math
from dataclasses import replace

import numpy as np
import pytest

from siamfc import boxes
from siamfc.errors import InputError
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking import SiamFCSettings, five_scales, one_scale, three_scales
from siamfc.tracking.siamfc import move, start

SPEC = EmbeddingSpec()
FRAME = (640, 480)
BOX = [300, 200, 40, 60]
NAN = math.nan


def blob(x=8.0, y=8.0, height=6.0, floor=-4.0, width=1.5):
    """A response (17, 17) with one peak at cell (x, y)."""
    index = np.arange(17)
    across = np.exp(-((index - x) ** 2) / (2 * width**2))
    down = np.exp(-((index - y) ** 2) / (2 * width**2))
    return floor + (height - floor) * np.outer(down, across)


def moved(settings, *responses, box=BOX, spec=SPEC):
    """Return the target after one step with a response for each scale."""
    targets = start(box, FRAME, spec)
    return move(targets, np.array([responses]), settings, spec)


class TestStart:
    def test_the_box_comes_back(self):
        targets = start([BOX, [0, 0, 5.5, 3]], FRAME, SPEC)
        np.testing.assert_allclose(targets.boxes, [BOX, [0, 0, 5.5, 3]])
        assert targets.score.tolist() == [1, 1]

    def test_one_box_is_one_target(self):
        for given in (BOX, tuple(BOX), np.array(BOX), [BOX], iter([BOX])):
            assert len(start(given, FRAME, SPEC)) == 1

    def test_windows_of_a_square_target(self):
        targets = start([100, 100, 40, 40], FRAME, SPEC)
        center, side = targets.exemplar_windows(SPEC)
        assert center.tolist() == [[120, 120]]
        assert side == pytest.approx([80])
        center, sides = targets.search_windows(three_scales())
        assert center.tolist() == [[120, 120]]
        expected = 80 * 255 / 127 * np.array([1 / 1.0375, 1, 1.0375])
        np.testing.assert_allclose(sides, [expected])

    @pytest.mark.parametrize(
        ("box", "why"),
        [
            ([-30, 200, 40, 60], "over the left border"),
            ([639, 479, 40, 60], "one pixel seen"),
            ([-50, 100, 900, 60], "wider than the frame, not higher"),
            ([0, 0, 640, 480], "all of the frame"),
            ([320.5, 240.25, 0.01, 0.01], "tiny"),
        ],
    )
    def test_a_box_may_extend_beyond_the_border(self, box, why):
        np.testing.assert_allclose(start(box, FRAME, SPEC).boxes, [box], err_msg=why)

    @pytest.mark.parametrize("box", [[-1, -1, 642, 482], [0, 0, 641, 481], [-2, -2, 644, 484]])
    def test_a_box_larger_by_rounding_is_cut_to_the_frame(self, box):
        np.testing.assert_array_equal(start(box, FRAME, SPEC).boxes, [[0, 0, 640, 480]])

    @pytest.mark.parametrize(
        ("box", "part"),
        [
            ([700, 10, 40, 60], "inside the frame of 640×480 pixels, got 700,10,40,60"),
            ([640, 10, 40, 60], "inside the frame"),
            ([-40, 10, 40, 60], "inside the frame"),
            ([10, -60, 40, 60], "inside the frame"),
            ([-10, -10, 700, 500], "no larger than the frame of 640×480 pixels"),
            ([10, 10, 0, 60], "w = 0"),
            ([10, 10, 40, -1], "h = -1"),
            ([10, NAN, 40, 60], "nan"),
            ([10, 10, math.inf, 60], "inf"),
            ([10, 10, 40], "3 numbers"),
            ([], "at least one box"),
            ("10,10,40,60", "'10,10,40,60'"),
            (7, "got an array of shape ()"),
        ],
    )
    def test_untrackable_boxes_are_refused_in_one_line(self, box, part):
        with pytest.raises(InputError) as caught:
            start(box, FRAME, SPEC)
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_of_several_boxes_the_wrong_one_is_named(self):
        with pytest.raises(InputError, match=r"^box 2 of 3: "):
            start([BOX, [10, 10, 0, 5], BOX], FRAME, SPEC)
        with pytest.raises(InputError, match=r"^box 2 of 2: .*3 numbers"):
            start([BOX, [10, 10, 5]], FRAME, SPEC)


class TestMovement:
    def test_a_target_that_stands_still_is_exactly_where_it_was(self):
        after = moved(three_scales(), blob(), blob(), blob())
        assert after.boxes.tolist() == [BOX]

    @pytest.mark.parametrize(("cells_x", "cells_y"), [(1, 0), (-2.5, 0.25), (0.1, -3)])
    def test_a_peak_off_the_centre_moves_the_target(self, cells_x, cells_y):
        settings = replace(one_scale(), window_influence=0.0)
        after = moved(settings, blob(8 + cells_x, 8 + cells_y), box=[300, 200, 40, 40])
        pixels_a_cell = 8 * (80 * 255 / 127) / 255
        expected = [320 + cells_x * pixels_a_cell, 220 + cells_y * pixels_a_cell]
        np.testing.assert_allclose(after.center_frame[0], expected, atol=0.1)

    def test_the_winning_scale_sets_the_size_of_a_cell(self):
        settings = replace(three_scales(), window_influence=0.0, scale_step=2.0)
        low = blob(10, 8, height=2)
        near, far = (
            moved(settings, *responses).center_frame[0, 0] - 320
            for responses in ([blob(10, 8), low, low], [low, low, blob(10, 8)])
        )
        assert far / near == pytest.approx(4)

    def test_the_window_prefers_the_nearer_of_two_peaks(self):
        near, far = blob(9, 8, height=5.9), blob(14, 8, height=6)
        both = np.maximum(near, far)
        assert moved(one_scale(), both).center_frame[0, 0] < 328
        without = replace(one_scale(), window_influence=0.0)
        assert moved(without, both).center_frame[0, 0] > 340

    def test_the_window_alone_moves_nothing(self):
        settings = replace(one_scale(), window_influence=1.0)
        assert moved(settings, blob(12, 3)).boxes.tolist() == [BOX]

    @pytest.mark.parametrize("value", [0.0, -3.7, 1e6])
    @pytest.mark.parametrize("influence", [0.0, 0.176])
    def test_a_response_without_contrast_moves_nothing(self, value, influence):
        flat = np.full((17, 17), value, dtype=np.float32)
        settings = replace(three_scales(), window_influence=influence)
        assert moved(settings, flat, flat, flat).boxes.tolist() == [BOX]

    def test_the_centre_stays_inside_the_frame(self):
        settings = replace(one_scale(), window_influence=0.0)
        corner = moved(settings, blob(1, 1), box=[2, 3, 40, 60])
        assert corner.center_frame.tolist() == [[0, 0]]
        corner = moved(settings, blob(15, 15), box=[600, 420, 40, 60])
        assert corner.center_frame.tolist() == [[640, 480]]

    @pytest.mark.parametrize("settings", [one_scale(), three_scales(), five_scales()])
    def test_mirrored_and_transposed_responses_move_mirrored_and_transposed(self, settings):
        generator = np.random.default_rng(0)
        targets = start([300, 220, 40, 40], (640, 480), SPEC)
        turned = start([220, 300, 40, 40], (480, 640), SPEC)
        center = targets.center_frame[0]
        for _ in range(20):
            peaks = generator.uniform(3, 13, (settings.scales, 2))
            responses = np.array([[blob(x, y) + generator.normal(0, 0.3) for x, y in peaks]])
            step = move(targets, responses, settings, SPEC).center_frame[0] - center
            mirrored = move(targets, responses[..., ::-1], settings, SPEC).center_frame[0]
            np.testing.assert_allclose(mirrored - center, step * [-1, 1], atol=1e-6)
            flipped = move(targets, responses[..., ::-1, :], settings, SPEC).center_frame[0]
            np.testing.assert_allclose(flipped - center, step * [1, -1], atol=1e-6)
            swapped = move(turned, responses.swapaxes(-1, -2), settings, SPEC).center_frame[0]
            np.testing.assert_allclose(swapped - center[::-1], step[::-1], atol=1e-6)


class TestScale:
    @pytest.mark.parametrize("settings", [three_scales(), five_scales()])
    def test_the_size_goes_part_of_the_way(self, settings):
        responses = [blob(height=4)] * (settings.scales - 1) + [blob(height=8)]
        largest = settings.scale_factors[-1]
        expected = 1 - settings.scale_damping + settings.scale_damping * largest
        after = moved(settings, *responses)
        assert after.scale == pytest.approx([expected])
        np.testing.assert_allclose(after.boxes[0, 2:], np.array([40, 60]) * expected)
        np.testing.assert_allclose(boxes.center(after.boxes), [[320, 230]])

    @pytest.mark.parametrize("offset", [0, -20, 50])
    def test_the_penalty_is_a_fraction_of_the_height_for_any_logits(self, offset):
        """An offset of all logits changes no choice; scaling a negative peak would reward it."""
        floor, present = offset - 4.0, offset + 6.0
        settings = three_scales()
        just_less = floor + (present - floor) / 0.9745 - 0.01
        just_more = just_less + 0.02
        for height, wins in ((just_less, False), (just_more, True)):
            other = blob(height=height, floor=floor)
            here = blob(height=present, floor=floor)
            assert (moved(settings, here, here, other).scale > 1).all() == wins
            assert (moved(settings, other, here, here).scale < 1).all() == wins

    def test_equal_peaks_keep_the_size_even_without_a_penalty(self):
        settings = replace(five_scales(), scale_penalty=1.0)
        assert moved(settings, *[blob()] * 5).scale.tolist() == [1]

    def test_the_size_stays_within_its_limits(self):
        settings = replace(three_scales(), scale_step=1.5, scale_damping=1.0)
        for winner, limit in ((2, 5.0), (0, 0.2)):
            targets = start(BOX, FRAME, SPEC)
            responses = np.array([[blob(height=8 if s == winner else 4) for s in range(3)]])
            for _ in range(12):
                targets = move(targets, responses, settings, SPEC)
            assert targets.scale.tolist() == [limit]


class TestScore:
    @pytest.mark.parametrize(
        ("height", "expected"), [(0.0, 0.5), (6.0, 1 / (1 + math.exp(-6))), (-800, 0), (800, 1)]
    )
    def test_the_score_is_the_sigmoid_of_the_peak(self, height, expected):
        after = moved(one_scale(), blob(height=height, floor=height - 10))
        # The highest samples lie 1/32 of a cell beside the peak.
        assert after.score == pytest.approx([expected], abs=0.002)

    def test_the_score_is_that_of_the_winner_without_its_penalty(self):
        after = moved(three_scales(), blob(height=1), blob(height=0), blob(height=3))
        assert after.score == pytest.approx([1 / (1 + math.exp(-3))], abs=1e-3)


def test_targets_are_independent():
    generator = np.random.default_rng(4)
    responses = generator.normal(size=(5, 3, 17, 17)).astype(np.float32)
    several = [[100 + 50 * k, 60 * k, 30 + k, 50 - k] for k in range(5)]
    together = move(start(several, FRAME, SPEC), responses, three_scales(), SPEC)
    for k in range(5):
        alone = move(start(several[k], FRAME, SPEC), responses[k : k + 1], three_scales(), SPEC)
        assert alone.boxes[0].tolist() == together.boxes[k].tolist()
        assert alone.score[0] == together.score[k]


def test_move_does_not_modify_its_arguments():
    targets = start(BOX, FRAME, SPEC)
    responses = np.array([[blob(10, 7)]])
    before = responses.copy()
    move(targets, responses, one_scale(), SPEC)
    np.testing.assert_array_equal(responses, before)
    assert targets.boxes.tolist() == [BOX]


@pytest.mark.parametrize(
    ("responses", "part"),
    [
        (np.zeros((1, 1, 17, 17)), "expected shape (1, 3, 17, 17), got (1, 1, 17, 17)"),
        (np.zeros((2, 3, 17, 17)), "got (2, 3, 17, 17)"),
        (np.zeros((1, 3, 16, 17)), "got (1, 3, 16, 17)"),
        (np.full((1, 3, 17, 17), np.nan), "NaN or infinity"),
        (np.full((1, 3, 17, 17), np.inf), "NaN or infinity"),
    ],
)
def test_invalid_responses_are_refused(responses, part):
    with pytest.raises(InputError) as caught:
        move(start(BOX, FRAME, SPEC), responses, three_scales(), SPEC)
    assert part in str(caught.value)


def test_another_embedding_has_its_own_sizes():
    spec = EmbeddingSpec(exemplar_size=63, search_size=127, response_size=9, stride=8)
    settings = SiamFCSettings(scales=1, window_influence=0.0, upsampling=5)
    responses = blob()[4:13, 4:13][None, None]
    after = move(start(BOX, FRAME, spec), responses, settings, spec)
    np.testing.assert_allclose(after.boxes, [BOX], atol=1e-9)
