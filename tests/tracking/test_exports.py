"""Writing and reading tracks in every file format."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from siamfc.annotations import read_annotation
from siamfc.errors import InputError, OutputError
from siamfc.frames import open_source
from siamfc.tracking import (
    EXPORT_FORMATS,
    FrameResult,
    Status,
    VideoInfo,
    export_paths,
    export_results,
    open_export,
    read_results,
    read_track,
    to_annotation,
)

ENDINGS = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "coco": ".json",
    "label-studio": ".json",
    "cvat": ".xml",
    **dict.fromkeys(("otb", "vot", "lasot", "got10k"), ".txt"),
}
VIDEO = VideoInfo(name="clip.mp4", size=(320, 240), frame_rate=25.0, frame_count=12)
STATUSES = (Status.KEYFRAME, Status.TRACKED, Status.LOST, Status.INTERPOLATED)


def results(count: int = 4, names: tuple[str, ...] = ()) -> list[FrameResult]:
    return [
        FrameResult(
            index=frame,
            time=frame / 25,
            boxes=np.array([[10.0 + 3 * frame, 20, 30, 40]]),
            scores=np.array([0.5]),
            lost_flags=np.array([STATUSES[frame] == Status.LOST]),
            statuses=(STATUSES[frame],),
            names=names,
        )
        for frame in range(count)
    ]


def test_the_ground_truth_in_a_mot_folder_reads_by_itself(tmp_path: Path) -> None:
    export_results(tmp_path / "clip", results(), format="mot", video=VIDEO)
    track = read_track(tmp_path / "clip" / "gt" / "gt.txt")
    np.testing.assert_array_equal(track.boxes, read_track(tmp_path / "clip").boxes)


@pytest.mark.parametrize("name", ["vot", "mot"])
def test_text_files_tell_their_format_and_keep_gaps(tmp_path: Path, name: str) -> None:
    export_results(tmp_path / "boxes.txt", results()[1:2], format=name, video=VIDEO)
    track = read_track(tmp_path / "boxes.txt")
    assert track.boxes[track.present].tolist() == [[13, 20, 30, 40]]
    assert track.frames[track.present[:, 0]].tolist() == [1]
    again = read_results(tmp_path / "boxes.txt")
    assert again[-1].index == 1
    assert again[-1].boxes.tolist() == [[13, 20, 30, 40]]


def place(folder: Path, name: str) -> Path:
    return folder / f"boxes{ENDINGS.get(name, '')}"


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_track_reads_back_from_every_format(tmp_path: Path, name: str) -> None:
    path = place(tmp_path, name)
    assert export_results(path, results(), format=name, video=VIDEO) == [path]
    assert export_paths(path, 1, name) == [path]
    found = read_track(path, format=name)
    sure = [0, 1, 3]
    at = np.searchsorted(found.frames, sure)
    expected = np.stack([one.boxes for one in results()])[sure]
    np.testing.assert_allclose(found.boxes[at], expected, atol=0.51 if name == "voc" else 0.0051)


def test_key_frames_and_lost_rows_are_those_of_the_results() -> None:
    found = to_annotation(results(), video=VIDEO)
    assert found.key[:, 0].tolist() == [True, False, False, False]
    assert found.lost[:, 0].tolist() == [False, False, True, False], "a bridge is not lost"
    assert (found.size, found.frame_count, found.video) == ((320, 240), 12, "clip.mp4")


def test_a_name_is_the_class_unless_one_is_given(tmp_path: Path) -> None:
    named = results(names=("Ana",))
    export_results(tmp_path / "a.xml", named, video=VIDEO)
    export_results(tmp_path / "b.xml", named, video=VIDEO, labels=("person",))
    first, second = read_annotation(tmp_path / "a.xml"), read_annotation(tmp_path / "b.xml")
    assert (first.names, first.labels) == (("Ana",), ("Ana",))
    assert (second.names, second.labels) == (("Ana",), ("person",))


def test_the_rate_follows_from_the_times_without_a_video() -> None:
    assert to_annotation(results()).frame_rate == pytest.approx(25)
    timeless = [FrameResult(0, math.nan, np.ones((1, 4)), np.ones(1))]
    assert to_annotation(timeless).frame_rate is None


def test_a_folder_of_images_describes_itself(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("b.png", "a.png"):
        Image.new("RGB", (32, 24)).save(tmp_path / name)
    with open_source(tmp_path) as source:
        found = VideoInfo.of(source)
    assert (found.size, found.frame_count, found.image_names) == ((32, 24), 2, ["a.png", "b.png"])


REFUSED = [
    ("boxes.csv", "jsonl", "format jsonl: expected a name in .jsonl", "an ending of another"),
    ("boxes.avi", None, "results: expected a name in .csv, .jsonl, .txt", "no format's ending"),
    ("boxes", None, "results: expected a name in", "a folder, but of which format?"),
    ("boxes", "yoloo", "unknown format 'yoloo': did you mean 'yolo'?", "a slip"),
]


@pytest.mark.parametrize(("name", "form", "message", "reason"), REFUSED)
def test_names_without_a_format_are_refused(tmp_path, name, form, message, reason) -> None:
    with pytest.raises(InputError) as caught:
        export_results(tmp_path / name, results(), format=form)
    assert str(caught.value).startswith(message), reason
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_existing_file_is_refused_before_tracking(tmp_path: Path, name: str) -> None:
    path = place(tmp_path, name)
    export_results(path, results(), format=name, video=VIDEO)
    with pytest.raises(OutputError), open_export(path, targets=1, format=name):
        pytest.fail("it began all the same")


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_video_whose_name_is_no_text_is_written_and_read(tmp_path: Path, name: str) -> None:
    class Source:
        name, size, frame_rate, frame_count = "a\nb\x01\udcff.mp4", (320, 240), 25.0, 4

    path = place(tmp_path, name)
    video = VideoInfo.of(Source())  # type: ignore[arg-type]
    export_results(path, results(), format=name, video=video)
    assert len(read_track(path, format=name).names) == 1


def test_the_class_of_an_object_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"class: expected one line of text in UTF-8, got 'a\\nb'"):
        export_results(tmp_path / "a.json", results(), labels=["a\nb"])


def test_a_video_is_asked_for_its_frames_after_the_last_result(tmp_path: Path) -> None:
    class Source:
        name, size, frame_rate, frame_count = "clip.mkv", (320, 240), 25.0, 116

    source = Source()
    with open_export(tmp_path / "boxes.json", targets=1, video=source) as add:  # type: ignore[arg-type]
        for one in results():
            add(one)
        source.frame_count = 4  # a variable rate: the container's guess was wrong
    assert len(json.loads((tmp_path / "boxes.json").read_text())["images"]) == 4


def test_a_failed_track_leaves_no_file(tmp_path: Path) -> None:
    def track_and_fail() -> None:
        with open_export(tmp_path / "boxes.xml", targets=1, video=VIDEO) as add:
            add(results()[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        track_and_fail()
    assert not list(tmp_path.iterdir())
