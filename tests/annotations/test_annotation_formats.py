"""Formats of annotation: what is written reads back, and other programs read the same."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc.annotations import (
    ANNOTATION_FORMATS,
    VideoAnnotation,
    annotation_paths,
    find_annotation_format,
    read_annotation,
    write_annotation,
)
from siamfc.annotations.cvat import LEAST_PIXELS, TOLERANCE, key_frames
from siamfc.datasets.readers import find_format
from siamfc.errors import DatasetError, InputError, OutputError

SUFFIXES = {name: one.suffix for name, one in ANNOTATION_FORMATS.items()}
PIXELS = {"voc": 1.01, "cvat": 0.0101, "got10k": 6e-4}
"""By how much a number may differ: VOC has whole pixels, and CVAT edges rather than sizes."""


@st.composite
def annotations(draw) -> VideoAnnotation:
    count, targets = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    size = (draw(st.integers(40, 2000)), draw(st.integers(40, 1200)))
    share = st.floats(0, 1)
    boxes = np.full((count, targets, 4), np.nan)
    for frame in range(count):
        for target in range(targets):
            if frame == 0 or draw(st.booleans()):
                w, h = 4 + draw(share) * (size[0] - 4), 4 + draw(share) * (size[1] - 4)
                x, y = draw(share) * (size[0] - w), draw(share) * (size[1] - h)
                boxes[frame, target] = x, y, w, h
    return VideoAnnotation(
        frames=np.arange(count),
        boxes=boxes,
        scores=np.round(draw(share), 4) * np.ones((count, targets)),
        key=np.arange(count)[:, None] * np.ones(targets, int) == 0,
        names=draw(st.sampled_from([(), tuple("ABC"[:targets]), ("näme <&", "b", "c")[:targets]])),
        labels=("car", "person: tall", "car & trailer")[:targets],
        video="clip.mp4",
        size=size,
        frame_rate=25.0,
        frame_count=count + draw(st.integers(0, 2)),
    )


def in_every_frame(annotation: VideoAnnotation, count: int) -> np.ndarray:
    boxes = np.full((count, annotation.boxes.shape[1], 4), np.nan)
    boxes[annotation.frames] = annotation.boxes
    return boxes


@pytest.mark.parametrize("name", ANNOTATION_FORMATS)
@given(written=annotations())
@settings(max_examples=25, deadline=None)
def test_what_is_written_reads_back(name: str, written: VideoAnnotation) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"boxes{SUFFIXES[name]}"
        paths = write_annotation(path, written, format=name)
        found = [read_annotation(one, format=name) for one in paths]
    last = int(written.frames[-1]) + 1
    boxes = np.concatenate([in_every_frame(one, written.frame_count) for one in found], axis=1)
    np.testing.assert_allclose(
        boxes[:last],
        written.boxes,
        atol=PIXELS.get(name, max(0.0051, 1.1e-6 * max(written.size or ()))),
    )
    assert np.isnan(boxes[last:]).all(), "nothing follows the last frame"
    (one, *others) = found
    if others or len(written.names) != len(one.names) or name in ("otb", "vot", "lasot", "got10k"):
        return  # a file for each target says neither class nor name
    assert one.labels == written.labels
    if name not in ("mot", "yolo"):
        assert one.names == written.names
    assert one.size == written.size
    assert one.video in ("clip.mp4", "boxes.mp4")
    if name in ("coco", "cvat", "label-studio", "mot"):
        assert one.frame_count == written.frame_count


@given(written=annotations())
@settings(max_examples=25, deadline=None)
def test_a_mot_file_keeps_scores(written: VideoAnnotation) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "boxes.txt"
        write_annotation(path, written, format="mot")
        found = read_annotation(path)
    assert found.boxes.shape[1] == written.boxes.shape[1]
    known = found.present
    at = np.ix_(np.isin(written.frames, found.frames))
    np.testing.assert_allclose(found.scores[known], written.scores[at][known], atol=5e-5)


def annotation(**changes) -> VideoAnnotation:
    """A target that moves at a steady rate, turns round, and is away in frames 6 and 7."""
    x = np.array([10, 12, 14, 16, 14, 12, np.nan, np.nan, 30, 31.0])
    boxes = np.stack([x, 0 * x + 20, 0 * x + 8, 0 * x + 6], axis=1)[:, None]
    whole = VideoAnnotation(
        frames=np.arange(10),
        boxes=boxes,
        video="clip.mp4",
        size=(64, 48),
        frame_rate=25.0,
        frame_count=12,
        labels=("ball",),
    )
    return replace(whole, **changes)


class TestKeyFrames:
    def test_ends_and_turns_suffice(self) -> None:
        given = annotation()
        chosen = key_frames(given.frames, given.boxes[:, 0], np.zeros(10, np.bool_))
        assert np.flatnonzero(chosen).tolist() == [0, 3, 5, 8, 9]

    def test_what_a_person_drew_stays_one(self) -> None:
        given = annotation()
        chosen = key_frames(given.frames, given.boxes[:, 0], np.arange(10) == 2)
        assert np.flatnonzero(chosen).tolist() == [0, 2, 3, 5, 8, 9]

    @given(
        st.lists(
            st.tuples(*[st.floats(0, 400)] * 2, *[st.floats(1, 90)] * 2), min_size=1, max_size=40
        )
    )
    @settings(deadline=None)
    def test_lines_between_them_stay_within_the_tolerance(self, rows) -> None:
        boxes = np.array(rows)
        frames = np.arange(len(boxes))
        key = np.flatnonzero(key_frames(frames, boxes, np.zeros(len(boxes), np.bool_)))
        for column, edge in enumerate((boxes[:, 0], boxes[:, 0] + boxes[:, 2])):
            drawn = np.interp(frames, key, edge[key])
            limit = max(LEAST_PIXELS, TOLERANCE * boxes[:, 2:].mean())
            assert np.abs(drawn - edge).max() <= limit + 1e-9, column


class TestCvat:
    def rows(self, tmp_path: Path) -> list[dict[str, str]]:
        write_annotation(tmp_path / "clip.xml", annotation())
        return [dict(box.attrib) for box in ET.parse(tmp_path / "clip.xml").iterfind("track/box")]

    def test_a_target_that_goes_is_outside_until_it_is_back(self, tmp_path: Path) -> None:
        outside = {
            row["frame"]: row["keyframe"] for row in self.rows(tmp_path) if row["outside"] == "1"
        }
        assert outside == {"6": "1", "10": "1"}, "when it goes, and after the last box"

    def test_few_frames_are_key_frames(self, tmp_path: Path) -> None:
        key = [row["frame"] for row in self.rows(tmp_path) if row["keyframe"] == "1"]
        assert key == ["0", "3", "5", "6", "8", "9", "10"]

    def test_the_reader_of_data_sets_reads_it(self, tmp_path: Path) -> None:
        write_annotation(tmp_path / "clip.xml", annotation())
        (tmp_path / "clip.mp4").touch()
        (video,) = find_format("cvat").open(tmp_path)
        (sequence,) = video.read()
        np.testing.assert_allclose(sequence.boxes[:10], annotation().boxes[:, 0])
        assert (sequence.label, len(sequence)) == ("ball", 12)


def test_the_reader_of_mot_data_sets_reads_a_folder(tmp_path: Path) -> None:
    from PIL import Image

    write_annotation(tmp_path / "clip", annotation(), format="mot")
    for frame in range(12):
        path = tmp_path / "clip" / "img1" / f"{frame + 1:06d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 48)).save(path)
    (video,) = find_format("mot").open(tmp_path)
    (sequence,) = video.read()
    np.testing.assert_allclose(sequence.boxes[:10], annotation().boxes[:, 0])
    assert sequence.size == (64, 48)


LINES = [
    ("otb", "boxes.txt", "11.00,21.00,8.00,6.00", "1-based"),
    ("got10k", "boxes.txt", "10.000,20.000,8.000,6.000", "0-based, thousandths"),
    ("mot", "boxes.txt", "1,1,11.00,21.00,8.00,6.00,1.0000,-1,-1,-1", "frames 1-based"),
    ("mot", "boxes/gt/gt.txt", "1,1,11.00,21.00,8.00,6.00,1,1,1", "flag, class, visibility"),
    ("yolo", "boxes/labels/000000.txt", "0 0.218750 0.479167 0.125000 0.125000", "centre, size"),
]


@pytest.mark.parametrize(("name", "file", "line", "reason"), LINES)
def test_first_lines(tmp_path: Path, name: str, file: str, line: str, reason: str) -> None:
    path = tmp_path / file.partition("/")[0]
    write_annotation(path, annotation(), format=name)
    assert (tmp_path / file).read_text().splitlines()[0] == line, reason


def test_voc_has_whole_pixels_from_one(tmp_path: Path) -> None:
    write_annotation(tmp_path / "boxes", annotation(), format="voc")
    box = ET.parse(tmp_path / "boxes" / "Annotations" / "000000.xml").find("object/bndbox")
    assert [one.text for one in box] == ["11", "21", "18", "26"]


def test_label_studio_ends_a_lifespan_with_the_last_box_before_a_gap(tmp_path: Path) -> None:
    write_annotation(tmp_path / "boxes.json", annotation(), format="label-studio")
    (task,) = json.loads((tmp_path / "boxes.json").read_text())
    sequence = task["annotations"][0]["result"][0]["value"]["sequence"]
    assert [one["frame"] for one in sequence if not one["enabled"]] == [6, 10]
    assert [one["frame"] for one in sequence] == [1, 2, 3, 4, 5, 6, 9, 10]


@pytest.mark.parametrize(
    ("enabled", "places", "reason"),
    [
        ((True, True), [0, 5, 10, 10, 10], "a last box that is enabled holds to the end"),
        ((True, False), [0, 5, 10, np.nan, np.nan], "the target is gone after the last box"),
        ((False, True), [0, np.nan, 10, 10, 10], "the target is gone between the boxes"),
    ],
)
def test_a_box_of_label_studio_holds_while_it_is_enabled(
    tmp_path: Path, enabled: tuple[bool, bool], places: list[float], reason: str
) -> None:
    write_annotation(tmp_path / "boxes.json", annotation(), format="label-studio")
    (task,) = json.loads((tmp_path / "boxes.json").read_text())
    region = task["annotations"][0]["result"][0]
    box = {"y": 0, "width": 5, "height": 5}
    sequence = [
        {"frame": frame, "enabled": is_enabled, "x": x * 100 / region["original_width"], **box}
        for frame, x, is_enabled in zip((1, 3), (0, 10), enabled, strict=True)
    ]
    region["value"] = {"labels": ["cat"], "framesCount": 5, "sequence": sequence}
    task["annotations"][0]["result"] = [region]
    (tmp_path / "boxes.json").write_text(json.dumps([task]))
    found = read_annotation(tmp_path / "boxes.json")
    np.testing.assert_allclose(found.boxes[:, 0, 0], places, err_msg=reason)


LOST = np.arange(10)[:, None] == 4


@pytest.mark.parametrize("name", ["mot", "coco", "cvat", "yolo", "label-studio", "voc"])
def test_a_lost_target_is_not_annotated(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"boxes{SUFFIXES[name]}"
    write_annotation(path, annotation(lost=LOST), format=name)
    found = read_annotation(path, format=name)
    at = {frame: row for row, frame in enumerate(found.frames.tolist())}
    assert 3 in at
    assert 4 not in at or np.isnan(found.boxes[at[4]]).all()


def test_results_of_a_benchmark_have_a_box_where_the_target_is_lost(tmp_path: Path) -> None:
    write_annotation(tmp_path / "boxes.txt", annotation(lost=LOST))
    np.testing.assert_allclose(read_annotation(tmp_path / "boxes.txt").boxes, annotation().boxes)


@pytest.mark.parametrize("name", ANNOTATION_FORMATS)
def test_a_track_that_begins_late_keeps_its_frames(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"boxes{SUFFIXES[name]}"
    late = VideoAnnotation(frames=np.array([3, 4]), boxes=annotation().boxes[:2], size=(64, 48))
    write_annotation(path, late, format=name)
    found = read_annotation(path, format=name)
    where = found.frames[found.present[:, 0]]
    assert where.tolist() == [3, 4]


TOLD_APART = [("boxes.txt", "otb"), ("boxes.txt", "mot"), ("boxes.json", "coco"),
    ("boxes.json", "label-studio"), ("boxes.xml", "cvat"), ("boxes", "yolo"), ("boxes", "voc"),
    ("boxes", "mot")]  # fmt: skip


@pytest.mark.parametrize(("file", "name"), TOLD_APART)
def test_a_format_is_recognised(tmp_path: Path, file: str, name: str) -> None:
    write_annotation(tmp_path / file, annotation(), format=name)
    found = read_annotation(tmp_path / file)
    np.testing.assert_allclose(
        found.boxes[found.present], annotation().boxes[annotation().present], atol=1e-3
    )


def test_targets_of_a_benchmark_get_a_file_each(tmp_path: Path) -> None:
    two = VideoAnnotation(
        frames=np.arange(10), boxes=np.repeat(annotation().boxes, 2, axis=1), size=(64, 48)
    )
    paths = write_annotation(tmp_path / "run.txt", two)
    assert [path.name for path in paths] == ["run_1.txt", "run_2.txt"]
    assert paths == annotation_paths(tmp_path / "run.txt", 2)


REFUSED = [
    ("boxes.avi", None, "boxes: expected a name in .txt, .json, .xml", "an ending of no format"),
    ("boxes.xml", "yolo", "format yolo: expected a folder", "a file where a folder is written"),
    ("boxes", "cvat", "format cvat: expected a name in .xml", "a folder where a file is written"),
    ("boxes.xml", "cvta", "unknown format 'cvta': did you mean 'cvat'?", "a slip"),
]


@pytest.mark.parametrize(("path", "name", "message", "reason"), REFUSED)
def test_what_goes_with_no_format_is_refused(path, name, message, reason) -> None:
    with pytest.raises(InputError) as caught:
        find_annotation_format(path, name)
    assert str(caught.value).startswith(message), reason


@pytest.mark.parametrize("name", ["yolo", "voc", "label-studio"])
def test_fractions_of_a_frame_of_unknown_size_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"boxes{SUFFIXES[name]}"
    with pytest.raises(DatasetError, match="size of the frames"):
        write_annotation(path, annotation(size=None), format=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_an_image_whose_name_is_not_utf_8_is_described(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"boxes{SUFFIXES[name]}"
    images = [f"{frame}\udcff.png" for frame in range(20)]
    write_annotation(path, replace(annotation(), image_names=images), format=name)
    assert read_annotation(path, format=name).present.any()


@pytest.mark.parametrize("start", ["img", "2026080"])  # a date is no frame
@pytest.mark.parametrize("name", ["voc", "yolo"])
def test_frames_named_by_images_stay_in_natural_order(
    tmp_path: Path, name: str, start: str
) -> None:
    boxes = np.array([[[x, 20, 8, 6.0]] for x in range(12)])
    images = [f"{start}{number}.png" for number in range(1, 13)]
    written = VideoAnnotation(frames=np.arange(12), boxes=boxes, size=(64, 48), image_names=images)
    write_annotation(tmp_path / "boxes", written, format=name)
    found = read_annotation(tmp_path / "boxes", format=name)
    np.testing.assert_allclose(found.boxes[:, 0, 0], np.arange(12), atol=1e-3)
    assert list(found.image_names) == images


@pytest.mark.parametrize("name", ANNOTATION_FORMATS)
def test_nothing_is_overwritten_unasked(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"boxes{SUFFIXES[name]}"
    write_annotation(path, annotation(), format=name)
    with pytest.raises(OutputError):
        write_annotation(path, annotation(), format=name)
    write_annotation(path, annotation(), format=name, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(OutputError):
        write_annotation(tmp_path, annotation(), format="yolo", overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize(
    ("name", "images"), [("yolo", "images"), ("voc", "JPEGImages"), ("mot", "img1")]
)
def test_a_data_set_with_its_images_is_never_replaced(
    tmp_path: Path, name: str, images: str
) -> None:
    write_annotation(tmp_path / "set", annotation(), format=name)
    (tmp_path / "set" / images).mkdir()
    (tmp_path / "set" / images / "000000.jpg").touch()
    with pytest.raises(OutputError, match=f"also holds {images}, which would be lost"):
        write_annotation(tmp_path / "set", annotation(), format=name, overwrite=True)
    assert (tmp_path / "set" / images / "000000.jpg").exists()


DAMAGED = [
    ("boxes.xml", "<annotations><track><box/></track></annotations>", "no edges"),
    ("boxes.xml", "<annotations", "cut off"),
    ("boxes.json", "{}", "no videos"),
    ("boxes.json", "[1, 2]", "not a task"),
    ("boxes.txt", "1,2,3\n", "three numbers"),
    ("boxes.txt", "1,1,5,5,-4,3,1,-1,-1,-1\n", "a negative width"),
]


@pytest.mark.parametrize(("name", "text", "reason"), DAMAGED)
def test_damage_is_one_line(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError) as caught:
        read_annotation(tmp_path / name)
    assert "\n" not in str(caught.value), reason
    assert name in str(caught.value)


def test_a_box_without_width_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "boxes.txt").write_text("1,1,5,5,0,3,1,-1,-1,-1\n")
    assert read_annotation(tmp_path / "boxes.txt").boxes.tolist() == [[[4, 4, 0, 3]]]


@pytest.mark.parametrize(
    ("frames", "reason"), [((1, 0), "listed in another order"), ((4, 2), "only some of the frames")]
)
def test_images_of_coco_belong_to_their_frames(
    tmp_path: Path, frames: tuple[int, int], reason: str
) -> None:
    images = [
        {"id": number, "frame_id": frame, "file_name": f"image {frame}.png"}
        for number, frame in enumerate(frames)
    ]
    box = {"image_id": 0, "category_id": 1, "track_id": 1, "bbox": [1, 2, 3, 4]}
    content = {
        "categories": [{"id": 1, "name": "cat"}],
        "videos": [{"id": 1}],
        "images": images,
        "annotations": [box],
    }
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(content))
    found = read_annotation(path)
    names = {frame: found.image_name(frame) for frame in frames}
    assert names == {frame: f"image {frame}.png" for frame in frames}, reason
    assert found.frame_count == max(frames) + 1
    np.testing.assert_array_equal(found.boxes[frames[0], 0], [1, 2, 3, 4])


def test_coco_states_the_area_of_each_box(tmp_path: Path) -> None:
    write_annotation(tmp_path / "boxes.json", annotation())
    found = json.loads((tmp_path / "boxes.json").read_text())["annotations"]
    assert [one["area"] for one in found] == [8 * 6] * 8


@pytest.mark.parametrize(("frame_count", "gone"), [(12, ["6", "10"]), (10, ["6"])])
def test_cvat_ends_a_track_within_the_video(
    tmp_path: Path, frame_count: int, gone: list[str]
) -> None:
    write_annotation(tmp_path / "boxes.xml", annotation(frame_count=frame_count))
    boxes = ET.parse(tmp_path / "boxes.xml").iterfind("track/box")
    assert [one.get("frame") for one in boxes if one.get("outside") == "1"] == gone


def test_boxes_are_cut_off_at_the_frame_where_a_format_wants_it(tmp_path: Path) -> None:
    boxes = np.array([[[-4, 40, 8, 20.0]], [[70, 0, 5, 5.0]]])
    beyond = VideoAnnotation(frames=np.arange(2), boxes=boxes, size=(64, 48))
    write_annotation(tmp_path / "boxes", beyond, format="yolo")
    found = read_annotation(tmp_path / "boxes")
    np.testing.assert_allclose(found.boxes[0, 0], [0, 40, 4, 8], atol=1e-4)
    assert np.isnan(found.boxes[1]).all(), "nothing of it is in the frame"
