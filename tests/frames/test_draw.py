import math

import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.frames import Trail, draw_boxes
from siamfc.frames.draw import PALETTE
from siamfc.frames.labels import chip_image

_GREY = np.full((120, 160, 3), 128, np.uint8)
_BLUE = (0, 0, 255)


def _changed(image: np.ndarray, ground: np.ndarray = _GREY) -> np.ndarray:
    return (image != ground).any(axis=2)


def test_the_given_picture_is_not_modified() -> None:
    before = _GREY.copy()
    drawn = draw_boxes(_GREY, [20, 20, 40, 40], scores=[0.5])
    np.testing.assert_array_equal(_GREY, before)
    assert drawn.shape == _GREY.shape
    assert drawn.dtype == np.uint8
    assert _changed(drawn).any()


def test_only_the_outline_is_touched() -> None:
    changed = _changed(draw_boxes(_GREY, [40, 30, 60, 50]))
    rows, columns = np.nonzero(changed)
    assert (columns.min(), columns.max()) == (38, 101)  # a line of 2 and 0.75 on either side
    assert (rows.min(), rows.max()) == (28, 81)
    assert not changed[32:78, 42:98].any(), "the inside is left as it was"


def test_lines_lie_on_the_continuous_edges() -> None:
    line = draw_boxes(_GREY, [40, 30, 60, 50], colors=[_BLUE])[55].astype(int)
    blueness = line[:, 2] - line[:, 0]
    left, right = blueness[:70], blueness[70:]
    # pixel i spans [i, i + 1), its middle is i + 0.5
    assert (left * (np.arange(70) + 0.5)).sum() / left.sum() == pytest.approx(40, abs=0.02)
    assert (right * (np.arange(70, 160) + 0.5)).sum() / right.sum() == pytest.approx(100, abs=0.02)


@pytest.mark.parametrize("shift", [0.1, 0.25, 0.5, 0.9])
def test_a_box_moves_by_less_than_a_pixel(shift: float) -> None:
    def middle(x: float) -> float:
        line = draw_boxes(_GREY, [x, 30, 60, 50], colors=[_BLUE])[55, :70].astype(int)
        weight = line[:, 2] - line[:, 0]
        return float((weight * np.arange(70)).sum() / weight.sum())

    # No closer, because partial coverage counts as if it were at the pixel's centre.
    assert middle(40 + shift) - middle(40) == pytest.approx(shift, abs=0.1)


def test_mirroring_the_picture_mirrors_the_drawing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, _GREY.shape, dtype=np.uint8)
    drawn = draw_boxes(noise, [20.3, 30.6, 60.2, 50.1])
    x = 160 - 20.3 - 60.2
    mirrored = draw_boxes(np.ascontiguousarray(noise[:, ::-1]), [x, 30.6, 60.2, 50.1])
    assert np.abs(mirrored[:, ::-1].astype(int) - drawn).max() <= 1


def test_transposing_the_picture_transposes_the_drawing() -> None:
    drawn = draw_boxes(_GREY, [20.3, 30.6, 60.2, 50.1], lost=[True], labels=[""])
    turned = draw_boxes(
        _GREY.transpose(1, 0, 2), [30.6, 20.3, 50.1, 60.2], lost=[True], labels=[""]
    )
    np.testing.assert_array_equal(turned.transpose(1, 0, 2), drawn)


@pytest.mark.parametrize(
    "box",
    [
        [-500, -500, 100, 100],  # outside
        [1000, 20, 50, 50],
        [-20, -20, 500, 500],  # around the frame
        [150, 110, 50, 50],  # over the corner
        [0, 0, 160, 120],  # the frame itself
        [50, 50, 0.01, 0.01],
        [50.5, 119.99, 1e-9, 1e9],
        [-1e12, -1e12, 2e12, 2e12],
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_boxes_beyond_the_frame_are_cut_off(box: list[float], lost: bool) -> None:
    drawn = draw_boxes(_GREY, box, scores=[0.5], lost=[lost])
    assert drawn.shape == _GREY.shape


def test_a_box_outside_leaves_no_trace() -> None:
    np.testing.assert_array_equal(draw_boxes(_GREY, [200, 20, 50, 50], scores=[0.5]), _GREY)


@pytest.mark.parametrize("box", [[math.nan] * 4, [20, 20, 0, 40], [20, 20, 40, -1]])
def test_absent_targets_are_not_drawn(box: list[float]) -> None:
    np.testing.assert_array_equal(draw_boxes(_GREY, box, scores=[0.5]), _GREY)


def test_several_targets_have_their_own_colours_and_numbers() -> None:
    ground = np.full((720, 900, 3), 128, np.uint8)  # the line is 3.3 pixels: two are covered whole
    boxes = [[100, 100, 200, 200], [500, 100, 200, 200]]
    drawn = draw_boxes(ground, boxes, scores=[0.5, 0.5])
    named = draw_boxes(ground, boxes, names=["1", "2"], scores=[0.5, 0.5])
    np.testing.assert_array_equal(drawn, named)
    for (x, _, _, _), color in zip(boxes, PALETTE, strict=False):
        np.testing.assert_array_equal(drawn[200, x - 1 : x + 1], [color] * 2)


def test_a_single_target_has_no_number() -> None:
    with_score = draw_boxes(_GREY, [50, 50, 60, 40], scores=[0.5])
    named = draw_boxes(_GREY, [50, 50, 60, 40], labels=["0.50"])
    np.testing.assert_array_equal(with_score, named)


def test_a_name_has_the_targets_colour_and_the_score_a_dark_background() -> None:
    chip = chip_image("cat", "0.97", 22, _BLUE)
    middle = chip.shape[0] // 2
    assert chip[middle, 2].tolist() == [*_BLUE, 255]
    assert chip[middle, -3, :3].max() < 40
    assert chip[0, 0, 3] < 128, "corners are round"
    assert chip[middle, :, 3].min() == 255


def test_long_names_are_cut_off_and_stay_one_line() -> None:
    names = ["x" * 24, "x" * 25, "x" * 500]
    widths = [chip_image(name, "", 22, _BLUE).shape[1] for name in names]
    assert widths[1] == widths[2] <= 1.2 * widths[0]
    broken = draw_boxes(_GREY, [50, 50, 60, 40], names=["a\nb"])
    np.testing.assert_array_equal(broken, draw_boxes(_GREY, [50, 50, 60, 40], names=["a b"]))


@pytest.mark.parametrize("color", ["#0000ff", "blue", (0, 0, 255)])
def test_colours_are_accepted_in_any_form(color) -> None:
    drawn = draw_boxes(_GREY, [50, 50, 60, 40], colors=[color], line_width=4)
    np.testing.assert_array_equal(drawn[70, 49:51], [[0, 0, 255]] * 2)


@pytest.mark.parametrize("scores", [None, [math.nan]])
def test_without_a_score_there_is_no_label(scores) -> None:
    drawn = draw_boxes(_GREY, [50, 50, 60, 40], scores=scores)
    assert not _changed(drawn)[:47].any()


def test_a_lost_target_is_dashed_and_labelled() -> None:
    full = draw_boxes(_GREY, [40, 40, 80, 60], colors=[_BLUE])
    dashed = draw_boxes(_GREY, [40, 40, 80, 60], colors=[_BLUE], lost=[True], labels=[""])
    np.testing.assert_array_equal(_changed(full), _changed(dashed), "the dark line is whole")
    blue, dashes = (np.sum(image[:, :, 2] > 150) for image in (full, dashed))
    assert 0.3 < dashes / blue < 0.8
    found, lost = (
        draw_boxes(_GREY, [40, 40, 80, 60], scores=[0.9], lost=[flag])[:37]
        for flag in (False, True)
    )
    assert lost.mean() < found.mean(), "what is lost is said on dark ground"


@pytest.mark.parametrize(
    ("box", "rows"),
    [
        ([50, 60, 60, 40], slice(38, 58)),  # above
        ([50, 2, 60, 40], slice(43, 60)),  # no room above: below
        ([50, 2, 60, 116], slice(3, 20)),  # nor below: inside
    ],
)
def test_a_label_is_placed_where_there_is_space(box: list[float], rows: slice) -> None:
    plain = draw_boxes(_GREY, box, labels=[""])
    labelled = draw_boxes(_GREY, box, scores=[0.5])
    written = np.nonzero(_changed(labelled, plain))[0]
    assert rows.start <= written.min() <= written.max() <= rows.stop


def test_lines_and_text_scale_with_the_picture() -> None:
    def touched(side: int) -> int:
        ground = np.full((side, side, 3), 128, np.uint8)
        box = [side / 4, side / 4, side / 2, side / 2]
        column = _changed(draw_boxes(ground, box), ground)[:, side // 2]
        return int(column[: side // 2].sum())

    assert [touched(255), touched(720), touched(2160)] == [4, 6, 16]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 200), (12, 12)])
def test_tiny_pictures_can_be_drawn_on(size: tuple[int, int]) -> None:
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    drawn = draw_boxes(image, [0, 0, width, height], scores=[0.5])
    assert drawn.shape == image.shape
    assert drawn.any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"boxes": [1, 2, 3]}, r"boxes must be \(N, 4\).*\(3,\)"),
        ({"boxes": [[[1, 2, 3, 4]]]}, "boxes must be"),
        ({"boxes": [[1, 2, 3, 4], [1, 2]]}, r"boxes must be \(N, 4\).* got \[\[1, 2, 3, 4\]"),
        ({"boxes": "1,2,3,4"}, "boxes must be .* got '1,2,3,4'"),
        ({"boxes": [1, 2, 3, 4], "scores": [0.1, 0.2]}, "scores must have one .* 1 boxes; got 2"),
        ({"boxes": [1, 2, 3, 4], "lost": []}, "lost must have one"),
        ({"boxes": [1, 2, 3, 4], "labels": ["a", "b"]}, "labels must have one"),
        ({"boxes": [1, 2, 3, 4], "colors": []}, "colors must have one"),
        (
            {"boxes": [1, 2, 3, 4], "colors": [(300, 0, 0)]},
            "color: expected a name.* from 0 to 255",
        ),
        (
            {"boxes": [1, 2, 3, 4], "colors": [(1, 2, 3, 4)]},
            "color: expected a name.* from 0 to 255",
        ),
        ({"boxes": [1, 2, 3, 4], "colors": [5]}, "color: expected a name.* got 5"),
        ({"boxes": [1, 2, 3, 4], "labels": 5}, "labels must have one element .* got 5"),
        ({"boxes": [1, 2, 3, 4], "line_width": 0}, "line width: expected a number of at least 0.1"),
        ({"boxes": [1, 2, 3, 4], "line_width": math.nan}, "line width: expected a number"),
        ({"boxes": [1, 2, 3, 4], "colors": ["mauvelous"]}, "color: expected a name.*'mauvelous'"),
        ({"boxes": [1, 2, 3, 4], "names": ["a", "b"]}, "names must have one"),
        ({"boxes": [1, 2, 3, 4], "image": np.zeros((4, 4))}, "the picture to draw on must be"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        draw_boxes(**{"image": _GREY, **arguments})


@pytest.mark.parametrize("boxes", [np.empty((0, 4)), []])
def test_no_boxes_leave_a_copy(boxes) -> None:
    drawn = draw_boxes(_GREY, boxes)
    np.testing.assert_array_equal(drawn, _GREY)
    assert drawn is not _GREY


def test_a_trail_leads_from_past_positions_to_the_present_one_and_fades() -> None:
    trail = Trail(10)
    for x in range(10, 110, 10):
        before = trail.draw(_GREY, [[x - 5, 55, 10, 10]], colors=[_BLUE])
    line = before[60].astype(int)
    blueness = line[:, 2] - line[:, 0]
    assert blueness[:8].max() == 0
    assert blueness[105:].max() == 0
    assert 0 < blueness[20] < blueness[50] < blueness[90]
    for x in range(110, 160, 10):
        after = trail.draw(_GREY, [[x - 5, 55, 10, 10]], colors=[_BLUE])
    assert not _changed(after)[:, :40].any(), "what was longer ago is forgotten"


def test_a_trail_runs_through_the_centres_of_the_boxes() -> None:
    trail = Trail(10)
    trail.draw(_GREY, [[10, 40, 10, 40]])
    rows, columns = np.nonzero(_changed(trail.draw(_GREY, [[60, 40, 10, 40]])))
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(60, abs=0.6)
    assert columns.max() + 1 == pytest.approx(65, abs=3)


def test_a_trail_is_interrupted_where_the_target_is_absent() -> None:
    trail = Trail(10)
    for x in (10, 30, math.nan, 80, 100):
        drawn = trail.draw(_GREY, [[x - 5, 55, 10, 10]])
    touched = _changed(drawn)[60]
    assert touched[15:30].all()
    assert not touched[35:75].any()
    assert touched[85:100].all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"boxes": [[1, 2, 3, 4]] * 2}, "the same 1 targets in every frame of a trail; got 2"),
        ({"boxes": [1, 2, 3]}, "boxes must be"),
        ({"boxes": [[1, 2, 3, 4]], "colors": [_BLUE] * 2}, "colors must have one element"),
    ],
)
def test_a_trail_refuses_boxes_that_are_not_of_its_targets(arguments: dict, says: str) -> None:
    trail = Trail(10)
    trail.draw(_GREY, [[10, 10, 20, 20]])
    with pytest.raises(InputError, match=says):
        trail.draw(_GREY, **arguments)


@pytest.mark.parametrize("box", [[-500, -500, 9, 9], [1e9, 5, 9, 9], [-1e9, -1e9, 2e9, 2e9]])
def test_trails_beyond_the_frame_are_cut_off(box: list[float]) -> None:
    trail = Trail(5)
    trail.draw(_GREY, [box])
    assert trail.draw(_GREY, [[10, 10, 20, 20]]).shape == _GREY.shape
