"""Boxes against tables worked out by hand."""

import math

import numpy as np
import pytest

from siamfc import boxes
from siamfc.errors import InputError

NAN = math.nan
ABSENT = [NAN] * 4


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([1, 2, 3, 4], "integers"),
        ((1.0, 2.0, 3.0, 4.0), "a tuple"),
        (np.array([1, 2, 3, 4], dtype=np.uint8), "another number type"),
        (["1", "2", "3", "4"], "numbers in text, as a csv reader gives them"),
    ],
)
def test_as_box_takes_any_four_numbers(value, why):
    box = boxes.as_box(value)
    assert box.dtype == np.float64, why
    assert box.tolist() == [1, 2, 3, 4], why


def test_a_box_may_be_smaller_than_a_pixel():
    assert boxes.as_box([1, 2, 0.5, 0.25]).tolist() == [1, 2, 0.5, 0.25]


def test_as_box_gives_a_copy():
    source = np.array([1.0, 2.0, 3.0, 4.0])
    boxes.as_box(source)[0] = 99
    assert source[0] == 1


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ([1, 2, 3], "3 numbers"),
        ([1, 2, 3, 4, 5], "5 numbers"),
        ([], "0 numbers"),
        ([[1, 2, 3, 4]], "shape (1, 4)"),
        (7, "shape ()"),
        ([1, 2, NAN, 4], "nan"),
        ([1, 2, math.inf, 4], "inf"),
        ([1, 2, 0, 4], "w = 0"),
        ([1, 2, 3, -4], "h = -4"),
        (["a", 2, 3, 4], "'a'"),
        ([1, 2, 3, None], "nan|None"),
        ([[1, 2], [3]], "[[1, 2], [3]]"),
        ([10**400, 2, 3, 4], "got [1000"),
        (None, "None"),
    ],
)
def test_as_box_refuses_in_one_line(value, part):
    with pytest.raises(InputError) as caught:
        boxes.as_box(value)
    message = str(caught.value)
    assert any(option in message for option in part.split("|"))
    assert "\n" not in message
    assert len(message) < 200


@pytest.mark.parametrize(
    ("first", "second", "expected", "why"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1, "the same box"),
        ([0, 0, 10, 10], [10, 0, 10, 10], 0, "touching edges share nothing"),
        ([0, 0, 10, 10], [10, 10, 10, 10], 0, "touching corners share nothing"),
        ([0, 0, 10, 10], [9, 0, 10, 10], 10 / 190, "one column; no pixel is added to an edge"),
        ([0, 0, 10, 10], [2, 2, 5, 5], 25 / 100, "one inside the other"),
        ([-5, -5, 10, 10], [0, 0, 10, 10], 25 / 175, "partly outside the frame"),
        ([0.5, 0, 1, 1], [0, 0, 1, 1], 0.5 / 1.5, "half a pixel counts"),
        ([0, 0, 0, 10], [0, 0, 10, 10], 0, "no area against area"),
        ([3, 3, 0, 0], [3, 3, 0, 0], 0, "no area against itself"),
        (ABSENT, [0, 0, 10, 10], NAN, "absent"),
        ([0, 0, 10, 10], [0, 0, NAN, 10], NAN, "half absent"),
    ],
)
def test_iou_of_hand_worked_pairs(first, second, expected, why):
    for a, b in ((first, second), (second, first)):
        assert float(boxes.iou(a, b)) == pytest.approx(expected, abs=1e-15, nan_ok=True), why


def test_iou_never_exceeds_one():
    generator = np.random.default_rng(0)
    many = generator.uniform(0.1, 1000, (10_000, 4))
    assert boxes.iou(many, many).max() <= 1
    assert boxes.iou(many, many).min() > 1 - 1e-9


def test_iou_broadcasts_to_all_pairs():
    first = np.array([[0, 0, 2, 2], [1, 0, 2, 2.0]])
    second = np.array([[0, 0, 2, 2], [0, 0, 1, 1], [5, 5, 1, 1.0]])
    table = boxes.iou(first[:, None], second)
    assert table == pytest.approx(np.array([[1, 1 / 4, 0], [1 / 3, 0, 0]]))


def test_center_lies_between_the_edges():
    assert boxes.center([0, 0, 1, 1]).tolist() == [0.5, 0.5]
    assert boxes.center([[2, 3, 4, 5], [0, 0, 3, 1]]).tolist() == [[4, 5.5], [1.5, 0.5]]


def test_center_distance_of_a_three_four_five_triangle():
    assert float(boxes.center_distance([0, 0, 2, 2], [3, 4, 2, 2])) == 5
    assert float(boxes.center_distance([0, 0, 2, 2], [-1, -1, 4, 4])) == 0
    assert np.isnan(boxes.center_distance([0, 0, 2, 2], ABSENT))


def test_formats_lead_there_and_back():
    many = np.array([[0, 0, 1, 1], [-3.5, 2.25, 7, 0.5], ABSENT])
    np.testing.assert_allclose(boxes.from_corners(boxes.to_corners(many)), many)
    np.testing.assert_allclose(boxes.from_center(boxes.center(many), many[:, 2:]), many)


def test_corners_of_one_pixel_are_one_apart():
    assert boxes.to_corners([4, 7, 1, 1]).tolist() == [4, 7, 5, 8]


def test_from_center_broadcasts():
    assert boxes.from_center([[5, 5], [9, 9]], [2, 4]).tolist() == [[4, 3, 2, 4], [8, 7, 2, 4]]


@pytest.mark.parametrize(
    ("points", "expected", "why"),
    [
        ([1, 1, 4, 1, 4, 3, 1, 3], [1, 1, 3, 2], "an upright rectangle"),
        ([2, 0, 4, 2, 2, 4, 0, 2], [0, 0, 4, 4], "a diamond"),
        ([0, 0, -2, 1, 3, 5], [-2, 0, 5, 5], "a triangle, partly outside"),
        ([NAN] * 8, ABSENT, "an absent target"),
    ],
)
def test_from_polygon_bounds_the_points(points, expected, why):
    np.testing.assert_array_equal(boxes.from_polygon(points), expected, err_msg=why)
    np.testing.assert_array_equal(boxes.from_polygon([points] * 2), [expected] * 2, err_msg=why)


@pytest.mark.parametrize("points", [[], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], 3])
def test_from_polygon_refuses(points):
    with pytest.raises(InputError, match="three or more points"):
        boxes.from_polygon(points)


def test_from_mask_bounds_the_pixels():
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2, 3] = 255
    assert boxes.from_mask(mask).tolist() == [3, 2, 1, 1]
    mask[5, 7] = 1
    assert boxes.from_mask(mask).tolist() == [3, 2, 5, 4]
    assert boxes.is_absent(boxes.from_mask(np.zeros((4, 4))))
    with pytest.raises(InputError, match=r"\(H, W\)"):
        boxes.from_mask(np.zeros((4, 4, 3)))


@pytest.mark.parametrize(
    ("box", "expected", "why"),
    [
        ([10, 10, 20, 20], [10, 10, 20, 20], "inside"),
        ([-5, -5, 20, 20], [0, 0, 15, 15], "over the corner"),
        ([95, 40, 20, 20], [95, 40, 5, 10], "over the far corner"),
        ([200, 10, 20, 20], [100, 10, 0, 20], "outside"),
        ([-10, -10, 500, 500], [0, 0, 100, 50], "around the frame"),
    ],
)
def test_clip_to_frame(box, expected, why):
    np.testing.assert_array_equal(boxes.clip_to_frame(box, (100, 50)), expected, err_msg=why)


def test_a_row_with_any_nan_is_absent():
    assert boxes.is_absent([[1, 2, 3, 4], ABSENT, [1, 2, 3, NAN]]).tolist() == [False, True, True]


def test_wrong_shape_is_named():
    with pytest.raises(InputError, match=r"\(\.\.\., 4\), got shape \(3,\)"):
        boxes.iou([1, 2, 3], [1, 2, 3, 4])
