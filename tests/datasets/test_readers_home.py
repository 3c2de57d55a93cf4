from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reader_trees import (
    frame_names,
    numbered,
    only,
    read,
    write_images,
    write_json,
    write_rows,
    write_text,
)
from siamfc.datasets.sequences import Problem
from siamfc.errors import DatasetError

NAN = float("nan")


def test_a_folder_of_frames_with_a_text_file_in_it(tmp_path: Path) -> None:
    write_images(tmp_path / "cat", ["a2.png", "a10.png"])
    write_rows(tmp_path / "cat" / "boxes.txt", [(3, 4, 5, 6), (0, 0, 0, 0)])
    cat = only("frames", tmp_path)
    assert (cat.name, frame_names(cat)) == ("cat", ["a2.png", "a10.png"])
    np.testing.assert_array_equal(cat.boxes, [[2, 3, 5, 6], [NAN] * 4])


def test_a_folder_of_frames_with_a_text_file_beside_it(tmp_path: Path) -> None:
    write_images(tmp_path / "cat.v2", numbered(1, 2))
    write_rows(tmp_path / "cat.v2.txt", [(3, 4, 5, 6)] * 2)
    assert only("frames", tmp_path / "cat.v2").name == "cat.v2"


def test_a_video_file_with_a_text_file(tmp_path: Path) -> None:
    from siamfc.frames import open_writer

    frames = [np.full((32, 48, 3), level, dtype=np.uint8) for level in (40, 200)]
    with open_writer(tmp_path / "cat.mp4", frame_rate=10) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number / 10)
    write_rows(tmp_path / "cat.txt", [(3, 4, 5, 6)] * 2)
    write_text(tmp_path / "other.txt", "no video has this name")
    cat = only("video", tmp_path)
    assert (cat.name, cat.frames) == ("cat", tmp_path / "cat.mp4")
    levels = [int(image.mean()) for image in cat.images()]
    np.testing.assert_allclose(levels, [40, 200], atol=4)


def test_a_video_file_with_a_text_file_for_each_of_two_targets(tmp_path: Path) -> None:
    for name in ("cat.mp4", "cat_3.mp4"):
        (tmp_path / name).touch()
    for name in ("cat_1", "cat_2", "cat_3"):
        write_rows(tmp_path / f"{name}.txt", [(3, 4, 5, 6)] * 2)
    first, second, other = read("video", tmp_path)
    assert [one.name for one in (first, second, other)] == ["cat/1", "cat/2", "cat_3"]
    assert first.video == second.video == "cat"
    assert first.frames == second.frames == tmp_path / "cat.mp4"
    assert [one.name for one in read("video", tmp_path / "cat.mp4")] == ["cat/1", "cat/2"]
    write_rows(tmp_path / "cat.txt", [(3, 4, 5, 6)] * 2)
    with pytest.raises(DatasetError, match=r"cat\.txt, or cat_1\.txt for one of several"):
        read("video", tmp_path)


def test_a_video_file_without_boxes_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("cat.mp4", "dog.mp4"):
        (tmp_path / name).touch()
    write_rows(tmp_path / "cat.txt", [(3, 4, 5, 6)])
    assert only("video", tmp_path).name == "cat"
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'dog.mp4'}: expected a text file of boxes, got none: it is skipped"
    ]


MOT_ROWS = [
    (1, 7, 1, 1, 10, 8, 1, 1, 1),
    (2, 7, 2, 1, 10, 8, 1, 1, 0.25),
    (1, 3, 5, 5, 4, 4, 0, 1, 1),
    (2, 12, 5, 5, 4, 4, 1, 1, 1),
]


def test_mot_is_one_based_in_frames_and_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "MOT17-02"
    write_images(folder / "img1", numbered(1, 2, 6))
    write_rows(folder / "gt" / "gt.txt", MOT_ROWS)
    write_text(
        folder / "seqinfo.ini", "[Sequence]\nimDir=img1\nseqLength=2\nimWidth=40\nimHeight=30\n"
    )
    seven, twelve = read("mot", tmp_path)
    assert (seven.name, twelve.name, seven.size) == ("MOT17-02/7", "MOT17-02/12", (40, 30))
    np.testing.assert_array_equal(seven.boxes, [[0, 0, 10, 8], [1, 0, 10, 8]])
    np.testing.assert_array_equal(seven.visibility, [1, 0.25])
    assert seven.occluded.tolist() == [False, True]
    np.testing.assert_array_equal(twelve.boxes, [[NAN] * 4, [4, 4, 4, 4]])
    assert twelve.absent.tolist() == [True, False]


def test_mot_refuses_boxes_in_frames_that_do_not_exist(tmp_path: Path) -> None:
    write_images(tmp_path / "a" / "img1", numbered(1, 1, 6))
    write_rows(tmp_path / "a" / "gt" / "gt.txt", MOT_ROWS[:2])
    with pytest.raises(DatasetError, match="1 frames, got one in frame 1"):
        read("mot", tmp_path)
    problems: list[Problem] = []
    (seven,) = read("mot", tmp_path, problems=problems)
    assert len(seven) == 1
    assert [problem.kind for problem in problems] == ["wrong count"]


def cvat_box(frame: int, left: float, *, outside: int = 0, occluded: int = 0) -> str:
    return (
        f'<box frame="{frame}" xtl="{left}" ytl="5.5" xbr="{left + 10}" ybr="13.5" '
        f'outside="{outside}" occluded="{occluded}" keyframe="1"/>'
    )


def write_cvat(path: Path, tracks: str, size: int) -> None:
    meta = (
        f"<meta><task><size>{size}</size><original_size><width>40</width><height>30</height>"
        "</original_size></task></meta>"
    )
    write_text(path, f"<annotations><version>1.1</version>{meta}{tracks}</annotations>")


def test_cvat_tracks_are_interpolated_until_they_go_outside(tmp_path: Path) -> None:
    write_images(tmp_path / "job" / "images", [f"frame_{n:06d}.png" for n in range(7)])
    boxes = cvat_box(1, 2, occluded=1) + cvat_box(3, 6) + cvat_box(4, 6, outside=1) + cvat_box(6, 0)
    write_cvat(
        tmp_path / "job" / "annotations.xml", f'<track id="0" label="cat">{boxes}</track>', 7
    )
    cat = only("cvat", tmp_path)
    assert (cat.name, cat.label, cat.size) == ("job/0", "cat", (40, 30))
    np.testing.assert_array_equal(cat.boxes[:, 0], [NAN, 2, 4, 6, NAN, NAN, 0])
    np.testing.assert_array_equal(cat.boxes[1], [2, 5.5, 10, 8])
    assert cat.occluded.tolist() == [False, True, True, False, False, False, False]
    assert cat.absent.tolist() == [True, False, False, False, True, True, False]


def test_cvat_may_have_a_video_beside_it(tmp_path: Path) -> None:
    (tmp_path / "cat.mp4").touch()
    write_cvat(tmp_path / "cat.xml", f'<track id="0" label="a">{cvat_box(0, 1)}</track>', 3)
    cat = only("cvat", tmp_path / "cat.xml")
    assert (cat.frames, len(cat)) == (tmp_path / "cat.mp4", 3)


def test_cvat_says_how_to_export_tracks(tmp_path: Path) -> None:
    write_text(tmp_path / "a.xml", '<annotations><image id="0" name="a.jpg"/></annotations>')
    with pytest.raises(DatasetError, match=r"export it as `CVAT for video 1\.1`"):
        read("cvat", tmp_path)


def labelme(*shapes: dict[str, Any]) -> dict[str, Any]:
    return {"version": "5.4.1", "shapes": list(shapes), "imagePath": "x.jpg", "imageData": None}


def test_labelme_tracks_by_label_and_group(tmp_path: Path) -> None:
    write_images(tmp_path / "walk", numbered(1, 3))
    cat = {
        "label": "cat",
        "points": [[12, 13], [2, 3]],
        "group_id": None,
        "shape_type": "rectangle",
    }
    dog = {
        "label": "dog",
        "points": [[0, 0], [4, 2], [1, 6]],
        "group_id": 2,
        "shape_type": "polygon",
        "flags": {"occluded": True},
    }
    write_json(tmp_path / "walk" / "0001.json", labelme(cat, dog))
    write_json(tmp_path / "walk" / "0003.json", labelme(cat))
    first, second = read("labelme", tmp_path)
    assert (first.name, second.name, second.label) == ("walk/cat", "walk/dog-2", "dog")
    np.testing.assert_array_equal(first.boxes, [[2, 3, 10, 10], [NAN] * 4, [2, 3, 10, 10]])
    np.testing.assert_array_equal(second.boxes[0], [0, 0, 4, 6])
    assert second.occluded.tolist() == [True, False, False]
    assert second.absent.tolist() == [False, False, True], "the second image has no annotation"


def coco_image(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 40, "height": 30}


def test_coco_images_are_videos_of_one_frame(tmp_path: Path) -> None:
    write_images(tmp_path / "val2017", ["000000000001.jpg", "000000000002.jpg"])
    annotations = [
        {"image_id": 1, "bbox": [0, 2.5, 10, 8], "iscrowd": 0, "category_id": 1},
        {"image_id": 1, "bbox": [4, 4, 4, 4], "iscrowd": 1, "category_id": 1},
        {"image_id": 1, "bbox": [5, 5, 6, 7], "iscrowd": 0, "category_id": 1},
    ]
    content = {
        "info": {"year": 2017},
        "annotations": annotations,
        "images": [coco_image(1, "000000000001.jpg"), coco_image(2, "000000000002.jpg")],
    }
    write_json(tmp_path / "annotations" / "instances_val2017.json", content)
    write_json(tmp_path / "annotations" / "captions_val2017.json", {"annotations": []})
    first, second = read("coco", tmp_path, "val")
    assert (first.name, second.name) == (
        "val2017/000000000001/0",
        "val2017/000000000001/1",
    )
    assert (first.video, first.size, len(first)) == ("val2017/000000000001", (40, 30), 1)
    np.testing.assert_array_equal(first.boxes, [[0, 2.5, 10, 8]])
    np.testing.assert_array_equal(second.boxes, [[5, 5, 6, 7]])


def test_coco_names_a_missing_image_when_it_is_read(tmp_path: Path) -> None:
    content = {
        "images": [coco_image(1, "a.jpg")],
        "annotations": [{"image_id": 1, "bbox": [0, 0, 4, 4]}],
    }
    write_json(tmp_path / "annotations" / "instances_train2017.json", content)
    with pytest.raises(DatasetError, match=r"train2017/a.jpg: expected the image of frame 0"):
        read("coco", tmp_path)


@pytest.mark.parametrize("dialect", ["CocoVID", "TAO"])
def test_coco_video_gives_tracks_in_the_order_of_frames(tmp_path: Path, dialect: str) -> None:
    frame, track = (
        ("frame_id", "instance_id") if dialect == "CocoVID" else ("frame_index", "track_id")
    )
    write_images(tmp_path / "images", ["v/2.jpg", "v/1.jpg"])
    content = {
        "videos": [{"id": 5, "name": "v"}],
        "images": [
            {"id": 11, "video_id": 5, frame: 1, "file_name": "v/2.jpg"},
            {"id": 12, "video_id": 5, frame: 0, "file_name": "v/1.jpg"},
        ],
        "annotations": [
            {"image_id": 11, track: 3, "bbox": [1, 2, 3, 4], "category_id": 9, "occluded": True},
            {"image_id": 12, track: 4, "bbox": [0, 0, 5, 5], "category_id": 9},
        ],
        "categories": [{"id": 9, "name": "cat"}],
    }
    write_json(tmp_path / "annotations" / "tracks.json", content)
    three, four = read("cocovid", tmp_path)
    assert (three.name, four.name, three.label) == ("v/3", "v/4", "cat")
    assert frame_names(three) == ["v/1.jpg", "v/2.jpg"]
    assert all(path.exists() for path in three.frames)
    np.testing.assert_array_equal(three.boxes, [[NAN] * 4, [1, 2, 3, 4]])
    assert three.occluded.tolist() == [False, True]


def test_coco_video_takes_a_video_file_in_place_of_images(tmp_path: Path) -> None:
    content = {
        "videos": [{"id": 1, "name": "v", "file_name": "v.mp4"}],
        "images": [
            {"id": frame, "video_id": 1, "frame_id": frame, "file_name": f"{frame:06d}.png"}
            for frame in (0, 2)
        ],
        "annotations": [
            {"image_id": 2, "track_id": 3, "bbox": [1, 2, 3, 4], "category_id": 9},
        ],
        "categories": [{"id": 9, "name": "cat"}],
    }
    write_json(tmp_path / "v.json", content)
    (tmp_path / "v.mp4").touch()
    cat = only("cocovid", tmp_path)
    assert cat.frames == tmp_path / "v.mp4"
    np.testing.assert_array_equal(cat.boxes, [[NAN] * 4, [NAN] * 4, [1, 2, 3, 4]])
    assert cat.absent.tolist() == [True, False, False]  # frame 1 is not annotated
    (tmp_path / "v.mp4").unlink()
    with pytest.raises(DatasetError, match="expected the image of frame 0"):
        read("cocovid", tmp_path)


@pytest.mark.parametrize(
    ("name", "path", "text", "message"),
    [
        pytest.param("cocovid", "a.json", "{", "expected JSON", id="no JSON"),
        pytest.param(
            "cocovid",
            "a.json",
            '{"videos": [{"id": 1}], "images": [{"id": 2}], "annotations": []}',
            "missing or wrong: 'video_id'",
            id="an image of no video",
        ),
        pytest.param(
            "coco",
            "annotations/instances_val2017.json",
            '{"annotations": [{"image_id": 1, "bbox": [1, 2]}], "images": []}',
            "a bbox of four numbers",
            id="a box of two numbers",
        ),
        pytest.param("labelme", "1.json", '{"shapes": [{"label": "a"}]}', "points", id="no points"),
        pytest.param(
            "mot", "gt/gt.txt", "1,2,3\n", "line 1: expected frame,id,left", id="three numbers"
        ),
        pytest.param("cvat", "a.xml", "<annotations>", "expected a CVAT annotation", id="cut off"),
        pytest.param(
            "cvat",
            "a.xml",
            '<annotations><track id="0"><box frame="x"/></track></annotations>',
            "missing or wrong",
            id="a frame that is no number",
        ),
    ],
)
def test_damaged_annotation_is_named(
    tmp_path: Path, name: str, path: str, text: str, message: str
) -> None:
    write_images(tmp_path, ["1.jpg"])
    write_text(tmp_path / path, text)
    with pytest.raises(DatasetError, match=message) as caught:
        read(name, tmp_path)
    assert path in str(caught.value)
