"""Annotation from which a box could silently be read in a wrong place."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reader_trees import numbered, only, read, write_images, write_mask, write_text
from siamfc.datasets.sequences import Problem, Sequence
from siamfc.errors import DatasetError

NAN = float("nan")
ROWS = ["2,3,4,5", "3,3,4,5", "4,3,4,5"]


def otb(root: Path, lines: list[str]) -> str:
    write_images(root / "a" / "img", numbered(1, 3))
    write_text(root / "a" / "groundtruth_rect.txt", "\n".join(lines))
    return "otb"


def vot(root: Path, lines: list[str]) -> str:
    write_images(root / "a" / "color", numbered(1, 3, 8))
    write_text(root / "a" / "groundtruth.txt", "\n".join(lines))
    return "vot"


def lasot(root: Path, lines: list[str]) -> str:
    write_images(root / "cat" / "cat-1" / "img", numbered(1, 3, 8))
    write_text(root / "cat" / "cat-1" / "groundtruth.txt", "\n".join(lines))
    return "lasot"


def got10k(root: Path, lines: list[str]) -> str:
    write_images(root / "val" / "a", numbered(1, 3, 8))
    write_text(root / "val" / "a" / "groundtruth.txt", "\n".join(lines))
    return "got10k"


def trackingnet(root: Path, lines: list[str]) -> str:
    write_images(root / "TRAIN_0" / "frames" / "a", numbered(0, 2, 1))
    write_text(root / "TRAIN_0" / "anno" / "a.txt", "\n".join(lines))
    return "trackingnet"


def uav123(root: Path, lines: list[str]) -> str:
    write_images(root / "data_seq" / "UAV123" / "a", numbered(1, 3, 6))
    write_text(root / "anno" / "UAV123" / "a.txt", "\n".join(lines))
    return "uav123"


def tcolor128(root: Path, lines: list[str]) -> str:
    write_images(root / "a" / "img", numbered(1, 3))
    write_text(root / "a" / "a_gt.txt", "\n".join(lines))
    return "tcolor128"


def dtb70(root: Path, lines: list[str]) -> str:
    write_images(root / "a" / "img", numbered(1, 3, 5))
    write_text(root / "a" / "groundtruth_rect.txt", "\n".join(lines))
    return "dtb70"


def frames(root: Path, lines: list[str]) -> str:
    write_images(root / "a", numbered(1, 3))
    write_text(root / "a" / "boxes.txt", "\n".join(lines))
    return "frames"


def nfs(root: Path, lines: list[str]) -> str:
    write_images(root / "a" / "30" / "a", numbered(1, 3, 5))
    rows = [
        f'0 1 1 5 5 {frame} 0 0 1 "x"' if line.strip() else "" for frame, line in enumerate(lines)
    ]
    write_text(root / "a" / "30" / "a.txt", "\n".join(rows))
    return "nfs"


BY_LINE = (otb, vot, lasot, got10k, trackingnet, uav123, tcolor128, dtb70, frames, nfs)
"""Formats in which only its line assigns a box to a frame."""


@pytest.mark.parametrize("tree", BY_LINE)
def test_a_blank_line_does_not_move_later_boxes_to_other_frames(tree: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"line 2: expected .*, got a blank line"):
        read(tree(tmp_path, [ROWS[0], "", ROWS[1], ROWS[2]]), tmp_path)


@pytest.mark.parametrize("tree", BY_LINE)
def test_blank_lines_at_the_end_are_no_frames(tree: Any, tmp_path: Path) -> None:
    assert len(only(tree(tmp_path, [*ROWS, "", "  ", ""]), tmp_path)) == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2,,3,4", "an empty field moves the numbers behind it to the left"),
        (",2,3,4", "so does one at the start"),
        ("2,3,4,5,6", "a number too many"),
        ("2,3,4", "a number too few"),
        ("1e400,3,4,5", "a number that no computer holds"),
        ("-inf,3,4,5", "an infinite edge"),
        (f"{'9' * 5000},3,4,5", "more digits than Python writes out"),
        ("two,3,4,5", "a word"),
        ("0x10,3,4,5", "a number in another notation"),
    ],
)
@pytest.mark.parametrize("tree", BY_LINE[:9])
def test_a_line_that_is_no_box_is_refused_with_its_number(
    tree: Any, line: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"line 2: expected ") as caught:
        read(tree(tmp_path, [ROWS[0], line, ROWS[2]]), tmp_path)
    assert len(str(caught.value)) < len(str(tmp_path)) + 300, reason


@pytest.mark.parametrize("tree", [one for one in BY_LINE if one not in (vot, nfs, uav123)])
def test_a_file_that_ends_early_is_refused(tree: Any, tmp_path: Path) -> None:
    # VOT's toolkit takes the frames after the last line for unknown, NfS's drop one, and a folder
    # of UAV123 holds the images of several sequences.
    with pytest.raises(DatasetError, match="expected an image for each of the 2 boxes, got 3"):
        read(tree(tmp_path, ROWS[:2]), tmp_path)


def test_nfs_frames_that_jump_are_refused(tmp_path: Path) -> None:
    name = nfs(tmp_path, ROWS)
    rows = "".join(f'0 1 1 5 5 {frame} 0 0 1 "x"\n' for frame in (0, 1, 3))
    write_text(tmp_path / "a" / "30" / "a.txt", rows)
    with pytest.raises(DatasetError, match="line 3: expected frames at equal distances, got 3"):
        read(name, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_in_windows_encodings_is_read_or_named(encoding: str, tmp_path: Path) -> None:
    name = otb(tmp_path, ROWS)
    path = tmp_path / "a" / "groundtruth_rect.txt"
    path.write_bytes("\r\n".join(ROWS).encode(encoding))
    if encoding in ("utf-8-sig", "utf-16"):
        np.testing.assert_array_equal(only(name, tmp_path).boxes[1], [2, 2, 4, 5])
    else:
        with pytest.raises(DatasetError, match="UTF-16 without its mark: save it as UTF-8"):
            read(name, tmp_path)


# --- Two boxes of one target in one frame ---------------------------------------------------------


def shape(points: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"label": "cow", "points": points, "group_id": None, "shape_type": "rectangle", **more}


def labelme(root: Path, *shapes: dict[str, Any]) -> str:
    write_images(root / "v", ["1.jpg"])
    write_text(root / "v" / "1.json", json.dumps({"shapes": shapes}))
    return "labelme"


def twice_labelme(root: Path) -> str:
    return labelme(root, shape([[1, 1], [5, 5]]), shape([[9, 9], [15, 15]]))


def twice_mot(root: Path) -> str:
    write_images(root / "v" / "img1", ["000001.jpg"])
    write_text(root / "v" / "gt" / "gt.txt", "1,7,1,1,4,4,1,1,1\n1,7,9,9,6,6,1,1,1\n")
    return "mot"


def twice_cvat(root: Path) -> str:
    edges = 'outside="0" occluded="0" xtl="1" ytl="1" xbr="5" ybr="5"'
    return cvat(root, f'<box frame="0" {edges}/><box frame="0" {edges}/>', count=1)


def twice_cocovid(root: Path) -> str:
    write_images(root, ["1.jpg"])
    one = {"image_id": 1, "track_id": 7, "bbox": [1, 1, 4, 4]}
    image = {"id": 1, "video_id": 1, "frame_id": 0, "file_name": "1.jpg"}
    videos = [{"id": 1, "name": "v"}]
    content = {"videos": videos, "images": [image], "annotations": [one, one]}
    write_text(root / "a.json", json.dumps(content))
    return "cocovid"


def twice_vid(root: Path) -> str:
    box = "<xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax>"
    one = f"<object><trackid>0</trackid><name>n</name><bndbox>{box}</bndbox></object>"
    write_images(root / "Data" / "VID" / "val" / "v", ["000000.JPEG"])
    path = root / "Annotations" / "VID" / "val" / "v" / "000000.xml"
    write_text(path, f"<annotation>{one}{one}</annotation>")
    return "vid"


@pytest.mark.parametrize("tree", [twice_labelme, twice_mot, twice_cvat, twice_cocovid, twice_vid])
def test_two_boxes_of_one_target_in_a_frame_do_not_overwrite_each_other(
    tree: Any, tmp_path: Path
) -> None:
    name = tree(tmp_path)
    with pytest.raises(DatasetError, match=r"expected one box of .* in frame 0, got two"):
        read(name, tmp_path)
    problems: list[Problem] = []
    (found,) = read(name, tmp_path, problems=problems)
    assert [one.kind for one in problems] == ["two boxes"]
    assert np.isnan(found.boxes).all(), "neither of the two is taken"


def test_labelme_shapes_of_one_group_are_parts_of_one_target(tmp_path: Path) -> None:
    parts = (shape([[1, 2], [5, 6]], group_id=3), shape([[9, 1], [15, 4]], group_id=3))
    np.testing.assert_array_equal(only(labelme(tmp_path, *parts), tmp_path).boxes, [[1, 1, 14, 5]])


def test_mot_identities_of_many_digits_stay_apart(tmp_path: Path) -> None:
    write_images(tmp_path / "v" / "img1", ["000001.jpg"])
    lines = "1,1234567,1,1,4,4,1,1,1\n1,1234568,9,9,6,6,1,1,1\n"
    write_text(tmp_path / "v" / "gt" / "gt.txt", lines)
    assert [one.name for one in read("mot", tmp_path)] == ["v/1234567", "v/1234568"]


# --- Geometry that a format can express -----------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "points", "box"),
    [
        ({"shape_type": "circle"}, [[10, 10], [13, 14]], [5, 5, 10, 10]),
        ({"shape_type": "mask"}, [[2, 3], [8, 9]], [2, 3, 6, 6]),
        ({"shape_type": "polygon"}, [[0, 0], [4, 2], [1, 6]], [0, 0, 4, 6]),
        ({"shape_type": "rotation"}, [[2, 0], [4, 2], [2, 4], [0, 2]], [0, 0, 4, 4]),
        ({"shape_type": "rectangle"}, [[12, 13], [2, 3]], [2, 3, 10, 10]),
    ],
)
def test_labelme_shapes_with_a_box(more: Any, points: Any, box: Any, tmp_path: Path) -> None:
    name = labelme(tmp_path, shape(points, **more))
    np.testing.assert_allclose(only(name, tmp_path).boxes, [box])


@pytest.mark.parametrize("kind", ["point", "line", "linestrip", "points", "something new"])
def test_labelme_shapes_without_a_box_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    name = labelme(tmp_path, shape([[1, 1], [5, 5]]), shape([[1, 1], [2, 2]], shape_type=kind))
    with pytest.raises(DatasetError, match=f"expected a shape with a box .*, got a {kind}"):
        read(name, tmp_path)
    problems: list[Problem] = []
    assert len(read(name, tmp_path, problems=problems)) == 1
    assert [one.kind for one in problems] == ["unsupported shape"]


def cvat(root: Path, shapes: str, *, count: int, meta: str = "", images: Any = None) -> str:
    names = images if images is not None else [f"frame_{n:06d}.jpg" for n in range(count)]
    write_images(root / "images", names)
    task = f"<meta><task><size>{count}</size>{meta}</task></meta>"
    track = f'<track id="0" label="car">{shapes}</track>'
    write_text(root / "annotations.xml", f"<annotations>{task}{track}</annotations>")
    return "cvat"


def cvat_box(frame: int, left: float = 10, more: str = "") -> str:
    return (
        f'<box frame="{frame}" outside="0" occluded="0" xtl="{left}" ytl="10" xbr="{left + 8}" '
        f'ybr="14" {more}/>'
    )


@pytest.mark.parametrize(
    ("shapes", "box"),
    [
        pytest.param(cvat_box(0, more='rotation="90.0"'), [12, 8, 4, 8], id="a quarter turn"),
        pytest.param(cvat_box(0, more='rotation="180"'), [10, 10, 8, 4], id="half a turn"),
        pytest.param(
            cvat_box(0, more='rotation="45"'),
            [14 - 6 / 2**0.5, 12 - 6 / 2**0.5, 12 / 2**0.5, 12 / 2**0.5],
            id="the upright box about it",
        ),
        pytest.param(
            '<polygon frame="0" outside="0" occluded="0" points="1,2;5,2;5,8;1,8"/>',
            [1, 2, 4, 6],
            id="polygon",
        ),
        pytest.param(
            '<ellipse frame="0" outside="0" cx="10" cy="10" rx="4" ry="2"/>',
            [6, 8, 8, 4],
            id="ellipse",
        ),
        pytest.param(
            '<ellipse frame="0" outside="0" cx="10" cy="10" rx="4" ry="2" rotation="90"/>',
            [8, 6, 4, 8],
            id="turned ellipse",
        ),
        pytest.param(
            '<mask frame="0" outside="0" left="3" top="4" width="5" height="6" rle="30"/>',
            [3, 4, 5, 6],
            id="mask",
        ),
    ],
)
def test_cvat_shapes_are_read_as_the_upright_box(shapes: str, box: Any, tmp_path: Path) -> None:
    found = only(cvat(tmp_path, shapes, count=1), tmp_path)
    np.testing.assert_allclose(found.boxes, [box], atol=1e-9)


def test_cvat_turns_the_shorter_way_between_key_frames(tmp_path: Path) -> None:
    shapes = cvat_box(0, more='rotation="350"') + cvat_box(2, more='rotation="10"')
    found = only(cvat(tmp_path, shapes, count=3), tmp_path)
    np.testing.assert_allclose(found.boxes[1], [10, 10, 8, 4], atol=1e-9)


@pytest.mark.parametrize("tag", ["polyline", "points", "cuboid", "skeleton"])
def test_cvat_shapes_without_a_box_are_refused_by_name(tag: str, tmp_path: Path) -> None:
    shapes = cvat_box(0) + f'<{tag} frame="1" outside="0" points="1,2;3,4"/>'
    name = cvat(tmp_path, shapes, count=2)
    with pytest.raises(DatasetError, match=f"expected tracks of box, .*, got a {tag}"):
        read(name, tmp_path)


def test_a_cvat_track_of_nothing_is_no_target(tmp_path: Path) -> None:
    assert read(cvat(tmp_path, "", count=2), tmp_path) == []


STEP = "<start_frame>20</start_frame><stop_frame>30</stop_frame><frame_filter>step=5</frame_filter>"


@pytest.mark.parametrize(
    ("images", "boxes"),
    [
        pytest.param(
            [f"frame_{n:06d}.jpg" for n in (20, 25, 30)], {0: 10, 1: 15, 2: 20}, id="the task's"
        ),
        pytest.param([f"{n:04d}.jpg" for n in (1, 2, 3)], {0: 10, 1: 15, 2: 20}, id="renamed"),
        pytest.param(
            [f"{n:04d}.jpg" for n in range(40)], {20: 10, 25: 15, 30: 20}, id="the whole video's"
        ),
    ],
)
def test_cvat_frames_begin_and_step_as_the_task_says(
    images: list[str], boxes: dict[int, float], tmp_path: Path
) -> None:
    shapes = cvat_box(20, 10) + cvat_box(30, 20)
    found = only(cvat(tmp_path, shapes, count=3, meta=STEP, images=images), tmp_path)
    assert len(found) == len(images)
    assert {int(f): found.boxes[f, 0] for f in np.flatnonzero(found.annotated)} == boxes
    assert not found.absent.any(), "frames between those of the task are not annotated"


@pytest.mark.parametrize(
    ("shapes", "meta", "message"),
    [
        (cvat_box(22), STEP, "expected frames from 20 in steps of 5, .*, got frame 22"),
        (cvat_box(0), STEP, "expected frames from 20 in steps of 5, .*, got frame 0"),
        (cvat_box(0), "<frame_filter>odd</frame_filter>", "frame_filter: expected step=N"),
        (cvat_box(0), "<start_frame>1e400</start_frame>", "expected a whole number from 0"),
        (cvat_box(0, more='rotation="1e999"'), "", "missing or wrong in a box"),
        (cvat_box(0, more='rotation="nan"'), "", "missing or wrong in a box"),
    ],
)
def test_cvat_numbers_that_fit_no_frame_are_refused(
    shapes: str, meta: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=message):
        read(cvat(tmp_path, shapes, count=3, meta=meta), tmp_path)


def davis(root: Path, masks: list[str], images: list[str]) -> str:
    write_images(root / "JPEGImages" / "480p" / "v", images)
    for place, name in enumerate(masks):
        pixels = np.zeros((30, 40), np.uint8)
        pixels[2:6, place : place + 4] = 1
        write_mask(root / "Annotations" / "480p" / "v" / name, pixels)
    return "davis"


def test_davis_masks_belong_to_the_images_of_their_names(tmp_path: Path) -> None:
    images = numbered(0, 4, 5)
    name = davis(tmp_path, ["00000.png", "00004.png"], images)
    found: Sequence = only(name, tmp_path)
    assert np.flatnonzero(found.annotated).tolist() == [0, 4]
    np.testing.assert_array_equal(found.boxes[4], [1, 2, 4, 4])
    assert not found.absent.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: Image.new("RGB", (40, 30), (128, 0, 0)).save(path), "image of mode RGB"),
        (lambda path: path.write_bytes(b"no image"), "expected a mask image"),
        (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "expected a mask image"),
    ],
)
def test_davis_masks_without_numbers_of_objects_are_refused(
    make: Any, message: str, tmp_path: Path
) -> None:
    name = davis(tmp_path, ["00000.png"], ["00000.jpg"])
    make(tmp_path / "Annotations" / "480p" / "v" / "00000.png")
    with pytest.raises(DatasetError, match=message):
        read(name, tmp_path)


def test_images_and_their_masks_in_one_folder_are_not_taken_in_turn(tmp_path: Path) -> None:
    name = otb(tmp_path, ROWS)
    write_images(tmp_path / "a" / "img", numbered(1, 3, suffix=".png"))
    with pytest.raises(DatasetError, match=r"expected one image for each frame, got 0001\.\w+ and"):
        read(name, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"images": 1, "annotations": []},
        {"images": [], "annotations": {"a": 1}},
        {"images": [1], "annotations": []},
        {"images": [{"id": "two"}], "annotations": []},
        {"images": [], "annotations": ["bbox"]},
        {"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, 3]}]},
        {"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 10**400]}]},
        {"images": [], "annotations": [{"image_id": [1], "bbox": [1, 2, 3, 4]}]},
    ],
)
def test_coco_that_is_another_structure_is_refused(content: Any, tmp_path: Path) -> None:
    write_images(tmp_path / "val2017", ["1.jpg"])
    write_text(tmp_path / "annotations" / "instances_val2017.json", json.dumps(content))
    with pytest.raises(DatasetError, match="expected "):
        read("coco", tmp_path)
