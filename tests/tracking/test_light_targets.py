"""Selection of one box from the scores and boxes of hand-made cells."""

from dataclasses import replace

import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.network.calibration import Calibration
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking import LightSettings, light

SPEC = EmbeddingSpec(response_size=16, stride=16)
PLAIN = LightSettings(change_penalty=0.0, window_influence=0.0, size_damping=1.0)
BOX = [80.0, 90.0, 40.0, 20.0]
SIDE = np.sqrt(70 * 50) * 255 / 127
PITCH = SIDE / 255
"""Frame pixels per pixel of the search image around BOX."""
WIDE = np.array([40.0, 20.0]) / PITCH
"""Size of BOX in the search image."""


def cells(**special):
    """Return logits −6 and BOX's size everywhere except at special (row, column): (logit, size)."""
    line = np.arange(16) * 16 + 0.5
    points = np.stack(np.meshgrid(line, line))
    half = np.broadcast_to(WIDE[:, None, None] / 2, (2, 16, 16)).copy()
    logits = np.full((16, 16), -6.0)
    for row, column, logit, size in special.values():
        logits[row, column], half[:, row, column] = logit, np.asarray(size) / PITCH / 2
    boxes = np.concatenate([points - half, points + half])
    return logits[None].astype(np.float32), boxes[None].astype(np.float32)


def advanced(settings, **special):
    targets = light.start(BOX, (400, 300))
    return light.move(targets, *cells(**special), settings, SPEC)


def test_the_cell_with_the_highest_score_gives_centre_and_size():
    found = advanced(PLAIN, a=(5, 9, 30.0, (50, 18)), b=(7, 7, 2.0, (40, 20)))
    middle = 100 + (np.array([9, 5]) * 16 + 0.5 - 127.5) * PITCH
    np.testing.assert_allclose(found.boxes[0], [*(middle - [25, 9]), 50, 18], atol=1e-4)
    assert found.score[0] == pytest.approx(1.0)


def test_the_score_is_only_the_sigmoid_of_the_chosen_cells_logit():
    settings = LightSettings(change_penalty=0.3, window_influence=0.4)
    found = advanced(settings, a=(7, 8, 1.0, (60, 20)))
    assert found.score[0] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-6)


def test_the_calibrated_score_is_a_probability_and_changes_no_box():
    """If the window were mixed with the probability, the far cell would win."""
    targets, found = (
        light.start(BOX, (400, 300)),
        cells(a=(8, 12, 2.0, (44, 20)), b=(8, 8, 1.5, BOX[2:])),
    )
    raw = light.move(targets, *found, LightSettings(), SPEC)
    calibration = Calibration(slope=4.0, offset=-6.5)
    chance = light.move(targets, *found, LightSettings(), SPEC, calibration)
    assert chance.boxes.tolist() == raw.boxes.tolist()
    assert raw.score[0] == pytest.approx(1 / (1 + np.exp(-1.5)), abs=1e-6)
    assert chance.score[0] == pytest.approx(1 / (1 + np.exp(-(4 * 1.5 - 6.5))), abs=1e-6)


def test_the_probability_decides_whether_a_target_is_lost():
    targets, found = light.start(BOX, (400, 300)), cells(a=(8, 8, 0.0, BOX[2:]))
    lost = [
        bool(light.move(targets, *found, PLAIN, SPEC, calibration).lost[0])
        for calibration in (Calibration(offset=3.0), Calibration(), Calibration(offset=-3.0))
    ]
    limit = PLAIN.lost.lost_threshold
    assert lost == [sigmoid < limit for sigmoid in (0.953, 0.5, 0.047)]
    assert lost[0] != lost[2]


@pytest.mark.parametrize(
    ("influence", "column"), [(0.0, 15), (0.3, 8)], ids=["without window", "with window"]
)
def test_the_window_prefers_near_cells(influence, column):
    settings = replace(PLAIN, window_influence=influence)
    # 0.7 · 0.95 + 0.3 · 0 is less than 0.7 · 0.62 + 0.3 · 0.98.
    found = advanced(settings, far=(8, 15, 3.0, (40, 20)), near=(8, 8, 0.5, (40, 20)))
    expected = 100 + (column * 16 + 0.5 - 127.5) * PITCH
    assert found.center_frame[0, 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("size", "why"),
    [((80, 40), "twice as large"), ((20, 10), "half as large"), ((28.3, 28.3), "another ratio")],
)
def test_the_penalty_prefers_smaller_changes(size, why):
    changed, same = (8, 9, 2.0, size), (8, 8, 1.0, (40, 20))
    assert advanced(PLAIN, a=changed, b=same).boxes[0, 2] == pytest.approx(size[0], rel=0.15), why
    found = advanced(replace(PLAIN, change_penalty=1.0), a=changed, b=same)
    assert found.boxes[0, 2] == pytest.approx(40), why


def test_a_penalty_by_hand():
    """Twice as large: change 2, so the size moves by a factor exp(−0.1 · (2 − 1))."""
    found = advanced(replace(PLAIN, change_penalty=0.1), a=(8, 8, 30.0, (80, 40)))
    share = np.exp(-0.1)
    np.testing.assert_allclose(found.size[0], [40 + 40 * share, 20 + 20 * share], rtol=1e-5)


def test_the_size_goes_part_of_the_way_and_the_centre_all_of_it():
    found = advanced(replace(PLAIN, size_damping=0.25), a=(8, 8, 30.0, (48, 16)))
    np.testing.assert_allclose(found.size[0], [42, 19], atol=1e-4)
    np.testing.assert_allclose(found.center_frame[0], [100 + PITCH] * 2, atol=1e-4)


@pytest.mark.parametrize(
    ("width", "sure", "why"),
    [
        (20, 40 / 1.05, "it shrinks slowly"),
        (39, 39, "a small change is believed"),
        (80, 40 * 1.05, "it grows slowly"),
    ],
)
def test_the_sure_size_changes_by_a_twentieth_at_most(width, sure, why):
    found = advanced(PLAIN, a=(8, 8, 30.0, (width, 20)))
    np.testing.assert_allclose(found.size[0], [width, 20], rtol=1e-6)
    np.testing.assert_allclose(found.sure_size[0], [sure, 20], rtol=1e-6, err_msg=why)


def test_a_target_keeps_its_size_from_the_first_frame_in_which_it_is_lost():
    for holds_size in (True, False):
        lost = replace(PLAIN.lost, holds_size=holds_size)
        found = advanced(replace(PLAIN, lost=lost), a=(8, 8, -2.0, (60, 20)))
        assert found.frames_lost.tolist() == [1]
        assert (found.size[0, 0] == 40) == holds_size


def test_targets_are_not_changed_in_place():
    targets = light.start([BOX, BOX], (400, 300))
    logits, boxes = (np.concatenate([part] * 2) for part in cells(a=(2, 2, 9.0, (60, 60))))
    moved = light.move(targets, logits, boxes, PLAIN, SPEC)
    assert targets.boxes.tolist() == [BOX, BOX]
    assert (moved.boxes != targets.boxes).all()
    assert moved.take([1]).boxes.tolist() == moved.boxes[1:].tolist()
    swapped = targets.put([0], moved.take([1]))
    assert swapped.boxes.tolist() == [moved.boxes[1].tolist(), BOX]
    there = swapped.at(np.array([[1.0, 2, 3, 4]] * 2))
    assert there.boxes.tolist() == [[1, 2, 3, 4]] * 2
    assert there.sure_size.tolist() == [[3, 4]] * 2


def test_the_size_stays_between_limits_of_the_first():
    settings = replace(PLAIN, smallest_scale=0.8, largest_scale=1.2)
    assert light.start(BOX, (400, 300)).score.tolist() == [1]
    for size, limited in (((80, 19), (48, 19)), ((20, 40), (32, 24))):
        found = advanced(settings, a=(8, 8, 30.0, size))
        np.testing.assert_allclose(found.size[0], limited, rtol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda logits, boxes: (logits[:, :15], boxes), r"expected logits \(1, 16, 16\)"),
        (lambda logits, boxes: (logits, boxes[:, :3]), r"got \(1, 16, 16\) and \(1, 3, 16, 16\)"),
        (lambda logits, boxes: (logits * np.nan, boxes), "NaN or infinity: the weights"),
        (lambda logits, boxes: (logits, boxes * np.inf), "NaN or infinity: the weights"),
        (lambda logits, boxes: (logits, boxes[:, [2, 1, 0, 3]]), "a width or height below 0"),
    ],
)
def test_impossible_predictions_are_refused(spoil, message):
    logits, boxes = spoil(*cells())
    with pytest.raises(InputError, match=message):
        light.move(light.start(BOX, (400, 300)), logits, boxes, PLAIN, SPEC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("change_penalty", -0.1),
        ("window_influence", 1.5),
        ("size_damping", float("nan")),
        ("smallest_scale", 0),
        ("largest_scale", 0.5),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name}: expected"):
        LightSettings(**{name: value})


def test_sizes_in_the_exemplar_images():
    """A square of 40 has an exemplar of side 80, shown in 127 pixels."""
    targets = light.start([10, 10, 40, 40], (400, 300))
    np.testing.assert_allclose(targets.exemplar_sizes(SPEC), [[63.5, 63.5]])
    np.testing.assert_allclose(targets.present_windows(SPEC)[1], [80 * 255 / 127])


def test_a_box_lost_to_rounding_is_harmless():
    logits, boxes = cells(a=(8, 8, 1.0, (40, 20)))
    boxes[0, 2:, 3, 4] = boxes[0, :2, 3, 4]
    found = light.move(light.start(BOX, (400, 300)), logits, boxes, PLAIN, SPEC)
    assert np.isfinite(found.boxes).all()


AT_THE_BORDER = [80.0, 270.0, 40.0, 20.0]
"""Box whose lower edge lies six pixels below the frame of `leaving`."""


def leaving(height, logit, times=1):
    """Return a target seen `height` pixels high, in a frame that ends below it."""
    targets = light.start(AT_THE_BORDER, (400, 284))
    for _ in range(times):
        found = cells(a=(8, 8, logit, (40.0, height)))
        targets = light.move(targets, *found, PLAIN, SPEC)
    return targets


def test_a_target_that_the_frame_cuts_is_searched_at_its_whole_size():
    targets = leaving(height=8.0, logit=8.0)
    assert targets.size[0, 1] == pytest.approx(8.0, abs=0.1)
    np.testing.assert_allclose(targets.search_size[0], AT_THE_BORDER[2:], rtol=1e-6)
    assert targets.partly_outside.tolist() == [True]


def test_a_target_that_grows_at_the_border_is_searched_at_its_size():
    assert leaving(height=26.0, logit=8.0).search_size[0, 1] == pytest.approx(26.0, rel=0.02)


@pytest.mark.parametrize(
    ("size", "searched", "why"),
    [
        ((20.0, 10.0), (40 / 1.5, 20 / 1.5), "it does not shrink to nothing"),
        ((90.0, 60.0), (60.0, 30.0), "it does not grow over the whole frame"),
        ((36.0, 22.0), (36.0, 22.0), "near the last sure size it is searched as it is"),
    ],
)
def test_an_unsure_target_is_searched_near_its_last_sure_size(size, searched, why):
    settings = replace(PLAIN, lost=replace(PLAIN.lost, lost_threshold=0.6, found_threshold=0.99))
    targets = light.start(BOX, (400, 300))
    for _ in range(40):
        pitch = targets.present_windows(SPEC)[1][0] / 255
        found = cells(a=(8, 8, 0.0, np.asarray(size) * PITCH / pitch))
        targets = light.move(targets, *found, settings, SPEC)
    np.testing.assert_allclose(targets.search_size[0], searched, rtol=0.02, err_msg=why)
    assert targets.partly_outside.tolist() == [False]


def test_a_target_found_elsewhere_has_its_last_sure_size():
    targets = replace(
        light.start(BOX, (400, 300)), size=np.array([[10.0, 5.0]]), frames_lost=np.array([9]),
        score=np.array([0.1]),
    )  # fmt: skip
    logits, boxes = cells(a=(8, 8, 20.0, BOX[2:]))
    centers = np.array([[[250.0, 200.0]]])
    found = light.relocate(targets, centers, logits[:, None], boxes[:, None], LightSettings(), SPEC)
    np.testing.assert_allclose(found.size[0], BOX[2:], rtol=1e-6)
    assert not found.lost[0]
    assert found.score[0] == pytest.approx(1)
    low = light.relocate(
        targets, centers, logits[:, None] - 20, boxes[:, None], LightSettings(), SPEC
    )
    np.testing.assert_array_equal(low.boxes, targets.boxes)


def test_a_target_is_searched_elsewhere_at_its_last_sure_size():
    targets = light.start(BOX, (400, 300))
    shrunk = replace(targets, size=targets.size / 4)
    np.testing.assert_allclose(shrunk.lost_windows(SPEC)[1], targets.present_windows(SPEC)[1])


def test_a_place_elsewhere_is_the_better_the_less_the_size_changes_there():
    targets = replace(
        light.start(BOX, (400, 300)), frames_lost=np.array([9]), score=np.array([0.1])
    )
    logits, boxes = cells(a=(8, 8, 8.0, BOX[2:]), b=(8, 12, 8.2, (80, 40)))
    centers = np.array([[[250.0, 200.0]]])
    found = light.relocate(targets, centers, logits[:, None], boxes[:, None], LightSettings(), SPEC)
    np.testing.assert_allclose(found.center_frame[0], [250 + PITCH, 200 + PITCH], atol=1e-4)


@pytest.mark.parametrize(("x", "cut"), [(1.9, True), (2.1, False), (357.9, False), (358.1, True)])
def test_a_border_within_a_twentieth_of_the_size_may_cut_the_box(x, cut):
    targets = light.start([x, 90, 40, 20], (400, 300))
    assert targets.cut.tolist() == [[cut, False]]


CORNER = [0.0, 90.0, 40.0, 20.0]
"""A box that the frame's border may cut."""


def relocated(scores, box=CORNER, own=0.1):
    """A lost target's boxes after frames with such scores at another place."""
    targets = replace(
        light.start(box, (400, 300)), frames_lost=np.array([9]), score=np.array([own])
    )
    for score in scores:
        logits, boxes = cells(a=(8, 8, np.log(score / (1 - score)), BOX[2:]))
        centers = np.array([[[250.0, 200.0]]])
        targets = light.relocate(
            targets, centers, logits[:, None], boxes[:, None], LightSettings(), SPEC
        )
    return targets


def test_a_target_that_left_returns_where_five_frames_are_sure_on_average():
    before, after = relocated([0.9] * 4), relocated([0.95, 0.7, 0.8, 0.9, 0.9])
    assert before.lost[0]
    np.testing.assert_array_equal(before.boxes[0], CORNER)
    np.testing.assert_allclose(before.watched[0], [250, 200], atol=1)
    assert not after.lost[0]
    np.testing.assert_allclose(after.boxes[0, :2], [230, 190], atol=1)
    assert np.isnan(after.watched).all()


@pytest.mark.parametrize(
    ("scores", "box", "own", "why"),
    [
        ([0.9] * 9, BOX, 0.1, "inside the frame it is where it was, or hidden there"),
        ([0.985], BOX, 0.99, "it is more certain to be where it was"),
        ([0.9] * 9, CORNER, 0.4, "it may still be where it was"),
        ([0.7] * 9, CORNER, 0.1, "no place is good enough to be watched"),
        ([0.7, *[0.9] * 4], CORNER, 0.1, "four frames are too few, whatever was there before"),
        ([0.85, 0.7, 0.7, 0.7, 0.7], CORNER, 0.1, "five frames are not sure enough on average"),
        ([0.9, 0.9, 0.9, 0.3, 0.9, 0.9], CORNER, 0.1, "what was there is gone again"),
    ],
)
def test_a_target_stays_where_it_was_lost(scores, box, own, why):
    targets = relocated(scores, box, own)
    assert targets.lost[0], why
    np.testing.assert_array_equal(targets.boxes[0], box, err_msg=why)


def test_a_target_that_is_not_lost_is_found_nowhere_else():
    targets = replace(light.start(BOX, (400, 300)), score=np.array([0.1]))
    logits, boxes = cells(a=(8, 8, 20.0, BOX[2:]))
    centers = np.array([[[250.0, 200.0]]])
    found = light.relocate(targets, centers, logits[:, None], boxes[:, None], LightSettings(), SPEC)
    assert found.boxes.tolist() == [BOX]


def test_a_target_that_is_back_at_its_place_is_watched_nowhere_else():
    targets = relocated([0.9] * 3)
    found = light.move(targets, *cells(a=(8, 8, 6.0, BOX[2:])), PLAIN, SPEC)
    assert not found.lost[0]
    assert np.isnan(found.watched).all()
    assert found.watched_frames.tolist() == [0]
