import logging
from pathlib import Path

import numpy as np
import pytest

from reader_trees import (
    frame_names,
    numbered,
    only,
    read,
    write_images,
    write_mask,
    write_rows,
    write_text,
)
from siamfc.datasets.sequences import FrameFiles, Problem
from siamfc.errors import DatasetError

NAN = float("nan")


def write_vid(root: Path, name: str, frames: list[str]) -> None:
    """A video of ILSVRC VID, each frame given as the text of its objects."""
    for number, objects in enumerate(frames):
        text = (
            f"<annotation><size><width>40</width><height>30</height></size>{objects}</annotation>"
        )
        write_text(root / "Annotations" / "VID" / name / f"{number:06d}.xml", text)
    write_images(root / "Data" / "VID" / name, numbered(0, len(frames) - 1, 6, ".JPEG"))


def vid_object(track: int, box: tuple[int, int, int, int], occluded: int = 0) -> str:
    left, top, right, bottom = box
    return (
        f"<object><trackid>{track}</trackid><name>n02084071</name><bndbox><xmax>{right}</xmax>"
        f"<xmin>{left}</xmin><ymax>{bottom}</ymax><ymin>{top}</ymin></bndbox>"
        f"<occluded>{occluded}</occluded><generated>0</generated></object>"
    )


def test_vid_gives_each_track_of_a_video_and_counts_the_last_pixel(tmp_path: Path) -> None:
    name = "train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
    frames = [
        vid_object(0, (0, 0, 9, 4)) + vid_object(1, (20, 10, 29, 19)),
        vid_object(1, (21, 10, 30, 19), occluded=1),
    ]
    write_vid(tmp_path, name, frames)
    first, second = read("vid", tmp_path)
    assert (first.name, second.name) == (f"{name}/0", f"{name}/1")
    assert first.video == second.video == name
    np.testing.assert_array_equal(first.boxes, [[0, 0, 10, 5], [NAN] * 4])
    assert first.absent.tolist() == [False, True]
    np.testing.assert_array_equal(second.boxes[1], [21, 10, 10, 10])
    assert second.occluded.tolist() == [False, True]
    assert (first.size, first.label, first.split) == ((40, 30), "n02084071", "train")
    assert frame_names(first) == ["000000.JPEG", "000001.JPEG"]


def test_vid_has_its_validation_one_folder_higher(tmp_path: Path) -> None:
    write_vid(tmp_path, "val/ILSVRC2015_val_00000000", [vid_object(0, (1, 1, 5, 5))])
    write_vid(tmp_path, "train/batch/video", [vid_object(0, (1, 1, 5, 5))])
    assert only("vid", tmp_path, "val").name == "val/ILSVRC2015_val_00000000/0"
    assert len(read("vid", tmp_path)) == 2


def test_vid_names_a_frame_without_image_and_a_video_without_objects(tmp_path: Path) -> None:
    write_vid(tmp_path, "val/a", [vid_object(0, (1, 1, 5, 5))] * 2)
    (tmp_path / "Data" / "VID" / "val" / "a" / "000001.JPEG").unlink()
    write_vid(tmp_path, "val/b", ["", ""])
    problems: list[Problem] = []
    assert [one.name for one in read("vid", tmp_path, problems=problems)] == ["val/a/0"]
    assert [(one.kind, one.frame) for one in problems] == [("missing frame", 1)]


def test_vid_names_a_frame_without_xml_and_keeps_the_others_in_their_places(tmp_path: Path) -> None:
    write_vid(tmp_path, "val/a", [vid_object(0, (n, n, n + 4, n + 4)) for n in range(4)])
    (tmp_path / "Annotations" / "VID" / "val" / "a" / "000001.xml").unlink()
    problems: list[Problem] = []
    (track,) = read("vid", tmp_path, problems=problems)
    assert [(one.kind, one.frame) for one in problems] == [("unreadable annotation", 1)]
    assert "000001.xml" in str(problems[0].path)
    assert frame_names(track) == numbered(0, 3, 6, ".JPEG")
    np.testing.assert_array_equal(track.boxes[:, 0], [0, NAN, 2, 3])


def test_vid_names_an_xml_that_is_none(tmp_path: Path) -> None:
    write_vid(tmp_path, "val/a", ["<object>"])
    with pytest.raises(DatasetError, match=r"000000.xml: expected an XML annotation"):
        read("vid", tmp_path)


def write_got10k(root: Path, split: str, name: str, rows: list[str]) -> Path:
    folder = root / split / name
    write_images(folder, numbered(1, 3, 8))
    write_text(folder / "groundtruth.txt", "\n".join(rows) + "\n")
    return folder


def test_got10k_is_zero_based_with_absence_and_cover(tmp_path: Path) -> None:
    rows = ["0.0000,2.5000,10.0000,8.0000", "1,2,10,8", "2,2,10,8"]
    folder = write_got10k(tmp_path, "val", "GOT-10k_Val_000001", rows)
    write_text(folder / "absence.label", "0\n1\n0\n")
    write_text(folder / "cover.label", "8\n8\n4\n")
    write_text(folder / "cut_by_image.label", "1\n0\n0\n")
    write_text(folder / "meta_info.ini", "[METAINFO]\nobject_class: bear\nresolution: (40, 30)\n")
    write_text(tmp_path / "val" / "list.txt", "GOT-10k_Val_000001\n")
    bear = only("got10k", tmp_path, "val")
    assert (bear.name, bear.label, bear.size) == ("val/GOT-10k_Val_000001", "bear", (40, 30))
    np.testing.assert_array_equal(bear.boxes[[0, 2]], [[0, 2.5, 10, 8], [2, 2, 10, 8]])
    assert bear.absent.tolist() == [False, True, False]
    np.testing.assert_array_equal(bear.visibility, [1, 1, 0.5])
    assert bear.occluded.tolist() == [False, False, True]
    assert bear.tags["cut_by_image"].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        pytest.param("0\n" * 4, "label: expected 3 numbers, one per frame, got 4", id="too many"),
        pytest.param("0\nno\n0\n", "line 2: expected one number per frame, got 'no'", id="word"),
    ],
)
def test_a_label_file_has_a_number_for_each_frame(tmp_path: Path, label: str, message: str) -> None:
    folder = write_got10k(tmp_path, "val", "GOT-10k_Val_000001", ["1,2,10,8"] * 3)
    write_text(folder / "absence.label", label)
    with pytest.raises(DatasetError, match=message):
        only("got10k", tmp_path, "val")


def test_a_label_file_that_ends_early_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_got10k(tmp_path, "val", "GOT-10k_Val_000001", ["1,2,10,8"] * 3)
    write_text(folder / "absence.label", "0\n1\n")
    with caplog.at_level(logging.WARNING):
        assert only("got10k", tmp_path, "val").absent.tolist() == [False, True, False]
    (line,) = caplog.messages
    assert line.endswith("label: expected 3 numbers, one per frame, got 2: the others count as 0")


def test_got10k_withholds_the_truth_of_its_test_split(tmp_path: Path) -> None:
    write_got10k(tmp_path, "test", "GOT-10k_Test_000001", ["1,2,10,8"])
    sequence = only("got10k", tmp_path)
    assert len(sequence) == 3
    assert sequence.annotated.tolist() == [True, False, False]
    assert not sequence.absent.any()  # nobody says so


def test_lasot_drops_boxes_of_targets_that_are_hidden_or_gone(tmp_path: Path) -> None:
    folder = tmp_path / "airplane" / "airplane-1"
    write_images(folder / "img", numbered(1, 3, 8))
    write_rows(folder / "groundtruth.txt", [(1, 1, 5, 5), (2, 1, 5, 5), (0, 0, 0, 0)])
    write_text(folder / "full_occlusion.txt", "0,1,0")
    write_text(folder / "out_of_view.txt", "0,0,1")
    plane = only("lasot", tmp_path)
    np.testing.assert_array_equal(plane.boxes, [[0, 0, 5, 5], [NAN] * 4, [NAN] * 4])
    assert plane.absent.tolist() == [False, True, True]
    assert plane.tags["full_occlusion"].tolist() == [False, True, False]
    assert plane.label == "airplane"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        pytest.param("airplane-1", "test", id="listed"),
        pytest.param("airplane-2", "train", id="not listed"),
        pytest.param("atv-1", "extension", id="a class that came later"),
    ],
)
def test_lasot_has_the_official_split(tmp_path: Path, name: str, split: str) -> None:
    write_images(tmp_path / name / "img", numbered(1, 1, 8))  # flat, as the test download
    write_rows(tmp_path / name / "groundtruth.txt", [(1, 1, 5, 5)])
    assert only("lasot", tmp_path, split).split == split


def test_lasot_names_a_sequence_of_the_split_whose_annotation_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("airplane-1", "airplane-2", "airplane-9"):
        write_images(tmp_path / "airplane" / name / "img", numbered(1, 1, 8))
    write_rows(tmp_path / "airplane" / "airplane-1" / "groundtruth.txt", [(1, 1, 5, 5)])
    assert only("lasot", tmp_path, "test").name == "airplane-1"
    (line,) = caplog.messages
    assert "airplane-9: expected an annotation, got none" in line


def test_lasot_tests_280_sequences_of_70_classes() -> None:
    from siamfc.datasets.readers.lasot import CLASSES, TEST_SEQUENCES

    assert (len(CLASSES), len(TEST_SEQUENCES)) == (70, 280)


def test_trackingnet_is_zero_based_and_in_numeric_order(tmp_path: Path) -> None:
    write_images(tmp_path / "TRAIN_3" / "frames" / "-0a_1", [f"{n}.jpg" for n in range(11)])
    rows = [(n, 0, 5, 5) for n in range(11)]
    write_rows(tmp_path / "TRAIN_3" / "anno" / "-0a_1.txt", rows)
    sequence = only("trackingnet", tmp_path, "train")
    assert sequence.name == "TRAIN_3/-0a_1"
    assert frame_names(sequence)[9:] == ["9.jpg", "10.jpg"]
    np.testing.assert_array_equal(sequence.boxes[10], [10, 0, 5, 5])


def test_trackingnet_withholds_the_truth_of_its_test_split(tmp_path: Path) -> None:
    write_images(tmp_path / "TEST" / "frames" / "a", ["0.jpg", "1.jpg"])
    write_rows(tmp_path / "TEST" / "anno" / "a.txt", [(3, 4, 5, 5)])
    sequence = only("trackingnet", tmp_path)
    assert sequence.split == "test"
    assert sequence.annotated.tolist() == [True, False]


VOT_REGIONS = [
    pytest.param("3,5,10,8", [2, 4, 10, 8], id="a rectangle, 1-based"),
    pytest.param("3,1,5,3,3,5,1,3", [0, 0, 4, 4], id="a polygon: the upright box about it"),
    pytest.param("m2,1,3,2,1,2,1,1,1", [3, 1, 2, 2], id="a mask, 0-based: .## over .#."),
    pytest.param("m0,0,2,2,4", [NAN] * 4, id="a mask without pixels"),
    pytest.param("nan,nan,nan,nan", [NAN] * 4, id="absent, as in the long-term challenges"),
    pytest.param("0", [NAN] * 4, id="a special code: not annotated"),
]


@pytest.mark.parametrize(("region", "box"), VOT_REGIONS)
def test_vot_regions_become_boxes(tmp_path: Path, region: str, box: list[float]) -> None:
    write_images(tmp_path / "bag" / "color", numbered(1, 2, 8))
    write_text(tmp_path / "bag" / "groundtruth.txt", f"{region}\n1,1,4,4\n")
    write_text(tmp_path / "list.txt", "bag\n")
    bag = only("vot", tmp_path)
    np.testing.assert_array_equal(bag.boxes[0], box)
    assert bag.absent[0] == (region.startswith(("nan", "m0")))


def test_vot_until_2015_has_images_beside_the_annotation(tmp_path: Path) -> None:
    write_images(tmp_path / "ball1", numbered(1, 2, 8))
    write_text(tmp_path / "ball1" / "groundtruth.txt", "1,1,4,4\n2,1,4,4\n")
    write_text(tmp_path / "ball1" / "occlusion.label", "0\n1\n")
    write_text(tmp_path / "ball1" / "camera_motion.tag", "1\n")
    ball = only("vot", tmp_path)
    assert frame_names(ball) == ["00000001.jpg", "00000002.jpg"]
    assert ball.occluded.tolist() == [False, True]
    assert ball.tags["camera_motion"].tolist() == [True, False]


def test_tags_and_values_of_vot_are_cut_with_its_boxes(tmp_path: Path) -> None:
    write_images(tmp_path / "ball" / "color", numbered(1, 2, 8))
    write_text(tmp_path / "ball" / "groundtruth.txt", "1,1,4,4\n" * 3)
    write_text(tmp_path / "ball" / "occlusion.tag", "0\n1\n0\n")
    write_text(tmp_path / "ball" / "anchor.value", "1\n0\n-1\n")
    problems: list[Problem] = []
    (ball,) = read("vot", tmp_path, problems=problems)
    assert [problem.kind for problem in problems] == ["wrong count"]
    assert ball.occluded.tolist() == [False, True]
    assert ball.values["anchor"].tolist() == [1, 0]


def test_vot_workspaces_channels_and_several_objects(tmp_path: Path) -> None:
    folder = tmp_path / "sequences" / "birds"
    write_images(folder / "left", numbered(1, 2, 8, ".png"))
    write_text(folder / "sequence", "name=birds\nchannels.color=left/%08d.png\n")
    write_text(folder / "groundtruth_a.txt", "1,1,4,4\n1,1,4,4\n")
    write_text(folder / "groundtruth_b.txt", "2,1,4,4\n")
    first, second = read("vot", tmp_path)
    assert (first.name, second.name) == ("birds/a", "birds/b")
    assert frame_names(first) == ["00000001.png", "00000002.png"]
    assert second.annotated.tolist() == [True, False]  # frames after the last line are unknown


def test_vot_names_a_region_that_is_none(tmp_path: Path) -> None:
    write_images(tmp_path / "bag" / "color", numbered(1, 1, 8))
    write_text(tmp_path / "bag" / "groundtruth.txt", "1,2,3\n")
    with pytest.raises(DatasetError, match=r"line 1: expected a rectangle, polygon, mask"):
        read("vot", tmp_path)


def write_uav(root: Path, part: str, name: str, rows: int) -> None:
    boxes = [(row + 1, 5, 10, 8) for row in range(rows)]
    write_rows(root / "anno" / part / f"{name}.txt", boxes)


def test_uav123_has_several_sequences_in_one_folder(tmp_path: Path) -> None:
    write_images(tmp_path / "data_seq" / "UAV123" / "bird1", numbered(1, 780, 6))
    write_uav(tmp_path, "UAV123", "bird1_1", 253)
    write_uav(tmp_path, "UAV123", "bird1_2", 6)
    flags = ",".join("1" if n in (0, 3) else "0" for n in range(12))
    write_text(tmp_path / "anno" / "UAV123" / "att" / "bird1_2.txt", flags)
    first, second = read("uav123", tmp_path)
    assert (first.name, second.name) == ("bird1_1", "bird1_2")
    assert first.video == second.video == "bird1"
    assert frame_names(first) == numbered(1, 253, 6)
    assert frame_names(second) == numbered(775, 780, 6)
    np.testing.assert_array_equal(second.boxes[0], [0, 4, 10, 8])
    assert second.attributes == ("SV", "FM")


def test_uav123_marks_absent_targets_with_nan(tmp_path: Path) -> None:
    write_images(tmp_path / "data_seq" / "UAV123" / "bike1", numbered(1, 2, 6))
    write_text(tmp_path / "anno" / "UAV123" / "bike1.txt", "1,1,4,4\nNaN,NaN,NaN,NaN\n")
    assert only("uav123", tmp_path).absent.tolist() == [False, True]


def test_uav20l_shares_the_images_of_uav123(tmp_path: Path) -> None:
    write_images(tmp_path / "data_seq" / "UAV123" / "bird1", numbered(1, 5, 6))
    write_uav(tmp_path, "UAV20L", "bird1", 5)
    assert frame_names(only("uav20l", tmp_path)) == numbered(1, 5, 6)


def test_uav123_at_10_fps_has_every_third_image(tmp_path: Path) -> None:
    # Image 259 of the 10 fps version is image 775 of the other, says its configSeqs.m.
    write_images(tmp_path / "data_seq" / "UAV123_10fps" / "bird1", numbered(1, 262, 6))
    write_uav(tmp_path, "UAV123_10fps", "bird1_2", 4)
    assert frame_names(only("uav123_10fps", tmp_path)) == numbered(259, 262, 6)


def test_uav123_says_when_the_images_end_too_early(tmp_path: Path) -> None:
    write_images(tmp_path / "data_seq" / "UAV123" / "bike1", numbered(1, 2, 6))
    write_uav(tmp_path, "UAV123", "bike1", 3)
    problems: list[Problem] = []
    (bike,) = read("uav123", tmp_path, problems=problems)
    assert [problem.kind for problem in problems] == ["wrong count"]
    assert len(bike) == 2


def nfs_row(frame: int, left: int = 4, lost: int = 0, occluded: int = 0) -> str:
    return f'0 {left} 5 {left + 10} 13 {frame} {lost} {occluded} 1 "bike rider"\n'


def test_nfs_has_corners_flags_and_a_quoted_label(tmp_path: Path) -> None:
    write_images(tmp_path / "bee" / "240" / "bee", numbered(1, 3, 5))
    text = nfs_row(1) + nfs_row(2, occluded=1) + nfs_row(3, lost=1)
    write_text(tmp_path / "bee" / "240" / "bee.txt", text)
    bee = only("nfs", tmp_path, "240fps")
    np.testing.assert_array_equal(bee.boxes[:2], [[4, 5, 10, 8]] * 2)
    assert bee.absent.tolist() == [False, False, True]
    assert bee.occluded.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("rows", "images", "expected"),
    [
        pytest.param(17, 2, [0, 8], id="240 fps annotation, last line without image"),
        pytest.param(16, 2, [0, 8], id="240 fps annotation"),
        pytest.param(3, 2, [0, 1], id="one line too many"),
        pytest.param(2, 3, [0, 1], id="one image too many"),
    ],
)
def test_nfs_annotation_may_be_at_the_higher_rate(
    tmp_path: Path, rows: int, images: int, expected: list[int]
) -> None:
    write_images(tmp_path / "bee" / "30" / "bee", numbered(1, images, 5))
    text = "".join(nfs_row(n, left=n) for n in range(rows))
    write_text(tmp_path / "bee" / "30" / "bee.txt", text)
    assert only("nfs", tmp_path, "30fps").boxes[:, 0].tolist() == expected


def test_temple_color_says_which_frames_are_annotated(tmp_path: Path) -> None:
    write_images(tmp_path / "Ball_ce" / "img", numbered(1, 6))
    write_rows(tmp_path / "Ball_ce" / "Ball_ce_gt.txt", [(1, 1, 4, 4)] * 3)
    write_text(tmp_path / "Ball_ce" / "Ball_ce_frames.txt", "2,4\n")
    ball = only("tcolor128", tmp_path)
    assert frame_names(ball) == numbered(2, 4)
    np.testing.assert_array_equal(ball.boxes[0], [0, 0, 4, 4])


def test_dtb70_is_one_based(tmp_path: Path) -> None:
    write_images(tmp_path / "Animal1" / "img", numbered(1, 2, 5))
    write_rows(tmp_path / "Animal1" / "groundtruth_rect.txt", [(3, 4, 5, 6)] * 2)
    np.testing.assert_array_equal(only("dtb70", tmp_path).boxes[0], [2, 3, 5, 6])


def write_davis(root: Path, name: str, masks: list[np.ndarray], mode: str = "P") -> None:
    write_images(root / "JPEGImages" / "480p" / name, numbered(0, len(masks) - 1, 5))
    for number, mask in enumerate(masks):
        write_mask(root / "Annotations" / "480p" / name / f"{number:05d}.png", mask, mode)


def test_davis_gives_a_sequence_for_each_value_in_the_masks(tmp_path: Path) -> None:
    first = np.zeros((30, 40))
    first[2:5, 10:20] = 1
    first[8:9, 0:2] = 2
    second = np.zeros((30, 40))
    second[3:6, 11:21] = 1
    second[0, 0] = 255  # void
    write_davis(tmp_path, "dogs", [first, second])
    write_text(tmp_path / "ImageSets" / "2017" / "val.txt", "dogs\n")
    one, two = read("davis", tmp_path, "val")
    assert (one.name, two.name, one.split) == ("dogs/1", "dogs/2", "val")
    np.testing.assert_array_equal(one.boxes, [[10, 2, 10, 3], [11, 3, 10, 3]])
    np.testing.assert_array_equal(two.boxes, [[0, 8, 2, 1], [NAN] * 4])
    assert two.absent.tolist() == [False, True]


def test_davis_2016_has_one_object_of_value_255(tmp_path: Path) -> None:
    mask = np.zeros((30, 40))
    mask[2:5, 10:20] = 255
    write_davis(tmp_path, "bear", [mask], mode="L")
    bear = only("davis", tmp_path)
    assert bear.name == "bear/1"
    np.testing.assert_array_equal(bear.boxes, [[10, 2, 10, 3]])


def test_opening_lists_a_data_set_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from siamfc.datasets.readers import open_dataset

    for number in range(300):
        folder = tmp_path / "TRAIN_0"
        write_text(folder / "anno" / f"{number}.txt", "1,1,4,4\n")
    monkeypatch.setattr(Path, "read_text", None)
    monkeypatch.setattr(FrameFiles, "__init__", None)
    assert len(open_dataset("trackingnet", tmp_path)) == 300
