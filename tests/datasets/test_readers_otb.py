from pathlib import Path

import numpy as np
import pytest

from reader_trees import frame_names, numbered, only, read, write_images, write_rows, write_text
from siamfc.datasets.sequences import Problem
from siamfc.errors import DatasetError


def write_sequence(folder: Path, images: list[str], rows: int) -> None:
    """A sequence whose box in row n is x = n + 1, so that rows can be told apart."""
    write_images(folder / "img", images)
    boxes = [(row + 1, 5, 10, 8) for row in range(rows)]
    write_rows(folder / "groundtruth_rect.txt", boxes)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("3,5,10,8\n4.5,6,10,8\n", id="commas, as most sequences have"),
        pytest.param("3\t5\t10\t8\n4.5\t6\t10\t8\n", id="tabs, as Girl's"),
        pytest.param("3 5 10 8\n4.5 6  10 8\n", id="blanks, as Jogging's"),
        pytest.param("3, 5, 10, 8 \r\n 4.5, 6, 10, 8,\r\n\r\n", id="mixed, other line ends"),
        pytest.param("\ufeff3;5;10;8\n4.5;6;10;8", id="semicolons, a byte order mark, no end"),
    ],
)
def test_boxes_are_one_based_whatever_separates_them(tmp_path: Path, text: str) -> None:
    write_images(tmp_path / "Cat" / "img", numbered(1, 2))
    write_text(tmp_path / "Cat" / "groundtruth_rect.txt", text)
    cat = only("otb", tmp_path)
    assert cat.name == cat.video == "Cat"
    np.testing.assert_array_equal(cat.boxes, [[2, 4, 10, 8], [3.5, 5, 10, 8]])
    assert not cat.absent.any()


def test_rows_of_nan_or_zeros_are_absent(tmp_path: Path) -> None:
    write_images(tmp_path / "Cat" / "img", numbered(1, 3))
    write_text(tmp_path / "Cat" / "groundtruth_rect.txt", "1,1,4,4\nNaN,NaN,NaN,NaN\n0,0,0,0\n")
    problems: list[Problem] = []
    (cat,) = read("otb", tmp_path, problems=problems)
    assert cat.absent.tolist() == [False, True, True]
    assert np.isnan(cat.boxes[1:]).all()
    assert not problems


def test_a_box_without_area_is_dropped_and_told_of(tmp_path: Path) -> None:
    write_images(tmp_path / "Cat" / "img", numbered(1, 2))
    write_text(tmp_path / "Cat" / "groundtruth_rect.txt", "1,1,4,4\n7,7,0,4\n")
    problems: list[Problem] = []
    (cat,) = read("otb", tmp_path, problems=problems)
    assert cat.annotated.tolist() == [True, False]
    assert [(problem.kind, problem.frame) for problem in problems] == [("empty box", 1)]
    assert only("otb", tmp_path).annotated.tolist() == [True, False]


def test_two_targets_are_two_sequences_of_one_video(tmp_path: Path) -> None:
    write_images(tmp_path / "Jogging" / "img", numbered(1, 2))
    for target in (1, 2):
        path = tmp_path / "Jogging" / f"groundtruth_rect.{target}.txt"
        write_rows(path, [(target, 1, 4, 4)] * 2)
    first, second = read("otb", tmp_path)
    assert (first.name, second.name) == ("Jogging-1", "Jogging-2")
    assert first.video == second.video == "Jogging"
    assert (first.boxes[0, 0], second.boxes[0, 0]) == (0, 1)


def test_an_empty_annotation_is_no_target(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_sequence(tmp_path / "Human4", numbered(1, 3), 3)
    (tmp_path / "Human4" / "groundtruth_rect.txt").rename(
        tmp_path / "Human4" / "groundtruth_rect.2.txt"
    )
    write_text(tmp_path / "Human4" / "groundtruth_rect.1.txt", "")
    assert only("otb", tmp_path).name == "Human4"
    assert not caplog.text


@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_a_sequence_whose_annotation_is_gone_is_named(
    tmp_path: Path, empty: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("Cat", "Dog"):
        write_sequence(tmp_path / name, numbered(1, 3), 3)
    gone = tmp_path / "Dog" / "groundtruth_rect.txt"
    gone.write_text("") if empty else gone.unlink()
    (tmp_path / "results").mkdir()
    assert only("otb", tmp_path).name == "Cat"
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path / 'Dog'}: expected an annotation")


@pytest.mark.parametrize(
    ("name", "images", "rows", "first_image", "first_x", "length"),
    [
        pytest.param("David", (1, 770), 471, "0300", 0, 471, id="annotated from image 300"),
        pytest.param("David", (1, 471), 471, "0001", 0, 471, id="only the annotated images"),
        pytest.param("Football1", (1, 81), 74, "0001", 0, 74, id="images after the last row"),
        pytest.param("Freeman3", (1, 474), 460, "0001", 0, 460, id="images after the last row"),
        pytest.param("Diving", (1, 231), 215, "0001", 0, 215, id="images after the last row"),
        pytest.param("Tiger1", (1, 354), 354, "0006", 5, 349, id="first five not evaluated"),
        pytest.param("Tiger1", (1, 354), 349, "0006", 0, 349, id="first five not annotated"),
        pytest.param("BlurCar1", (247, 988), 742, "0247", 0, 742, id="numbered from 247"),
        pytest.param("BlurCar3", (3, 359), 357, "0003", 0, 357, id="numbered from 3"),
        pytest.param("Board", (1, 6), 6, "0001", 0, 6, id="a regular sequence"),
    ],
)
def test_irregular_sequences_begin_where_the_benchmark_says(
    tmp_path: Path,
    name: str,
    images: tuple[int, int],
    rows: int,
    first_image: str,
    first_x: float,
    length: int,
) -> None:
    write_sequence(tmp_path / name, numbered(*images), rows)
    sequence = only("otb", tmp_path)
    assert len(sequence) == length
    assert frame_names(sequence)[0] == f"{first_image}.jpg"
    assert sequence.boxes[0, 0] == first_x
    assert sequence.boxes[-1, 0] == first_x + length - 1


def test_gaps_in_the_numbers_do_not_matter_if_the_counts_agree(tmp_path: Path) -> None:
    write_sequence(tmp_path / "Cat", ["0001.jpg", "0003.jpg", "0010.jpg"], 3)
    assert frame_names(only("otb", tmp_path)) == ["0001.jpg", "0003.jpg", "0010.jpg"]


def test_images_are_in_natural_order(tmp_path: Path) -> None:
    write_sequence(tmp_path / "Cat", ["img10.jpg", "img9.JPG", "img1.jpg"], 3)
    assert frame_names(only("otb", tmp_path)) == ["img1.jpg", "img9.JPG", "img10.jpg"]


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        pytest.param(["0001.jpg", "0002.jpg", "0004.jpg"], [2], id="in the middle"),
        pytest.param(["0002.jpg", "0003.jpg", "0004.jpg"], [0], id="at the beginning"),
    ],
)
def test_missing_images_are_found_by_number(
    tmp_path: Path, present: list[str], missing: list[int]
) -> None:
    write_sequence(tmp_path / "Cat", present, 4)
    with pytest.raises(DatasetError, match=r"000\d\.jpg: expected the image of frame"):
        only("otb", tmp_path)
    problems: list[Problem] = []
    (cat,) = read("otb", tmp_path, problems=problems)
    assert [(problem.kind, problem.frame) for problem in problems] == [
        ("missing frame", frame) for frame in missing
    ]
    assert frame_names(cat) == numbered(1, 4)


def test_counts_that_do_not_agree_are_refused_or_cut(tmp_path: Path) -> None:
    write_sequence(tmp_path / "Cat", numbered(1, 5), 3)
    with pytest.raises(
        DatasetError, match=r"the 3 boxes, got 5 images: remove .* or leave Cat out"
    ):
        only("otb", tmp_path)
    problems: list[Problem] = []
    (cat,) = read("otb", tmp_path, problems=problems)
    assert [problem.kind for problem in problems] == ["wrong count"]
    assert len(cat) == 3


def test_a_surplus_line_is_no_missing_image(tmp_path: Path) -> None:
    """OTB counts from 1: expecting an image 0 would shift every box by one."""
    write_sequence(tmp_path / "Cat", numbered(1, 6), 7)
    with pytest.raises(DatasetError, match="an image for each of the 7 boxes, got 6 images"):
        only("otb", tmp_path)


def test_the_root_may_be_one_sequence(tmp_path: Path) -> None:
    write_sequence(tmp_path / "Cat", numbered(1, 2), 2)
    assert only("otb", tmp_path / "Cat").name == "Cat"


def test_a_link_to_a_sequence_keeps_its_own_name(tmp_path: Path) -> None:
    write_sequence(tmp_path / "Jogging-1", numbered(1, 2), 2)
    (tmp_path / "Jogging-2").symlink_to(tmp_path / "Jogging-1")
    assert [one.name for one in read("otb", tmp_path)] == ["Jogging-1", "Jogging-2"]


def test_visibility_and_attributes_are_read_where_they_are(tmp_path: Path) -> None:
    write_sequence(tmp_path / "Cat", numbered(1, 3), 3)
    write_text(tmp_path / "Cat" / "visibility.txt", "1\n0.5\n0\n")
    write_text(tmp_path / "Cat" / "attrs.txt", "IV, SV, OCC\n")
    cat = only("synthetic", tmp_path)
    np.testing.assert_array_equal(cat.visibility, [1, 0.5, 0])
    assert cat.occluded.tolist() == [False, True, True]
    assert cat.attributes == ("IV", "SV", "OCC")


@pytest.mark.parametrize("line", ["1,2,three,4", "inf,1,2,3", "1,2,-inf,4"])
def test_a_line_that_is_no_box_is_named(tmp_path: Path, line: str) -> None:
    write_images(tmp_path / "Cat" / "img", numbered(1, 2))
    write_text(tmp_path / "Cat" / "groundtruth_rect.txt", f"1,2,3,4\n{line}\n")
    with pytest.raises(DatasetError, match=r"groundtruth_rect.txt, line 2: expected 4 numbers"):
        only("otb", tmp_path)
