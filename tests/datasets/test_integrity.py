import json
from pathlib import Path

import numpy as np
import pytest

from reader_trees import numbered, write_images, write_rows, write_text
from siamfc.datasets.integrity import CheckReport, check_dataset
from siamfc.datasets.readers import open_dataset
from siamfc.workers import Workers


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Six sequences: one without faults, each of the others with different ones."""
    for name, images in (("a_whole", 3), ("b_boxes", 4), ("c_images", 4), ("d_gap", 3)):
        write_images(tmp_path / name / "img", numbered(1, images))
    write_rows(tmp_path / "a_whole" / "groundtruth_rect.txt", [(1, 1, 4, 4)] * 3)
    rows = [(1, 1, 4, 4), (2, 2, 0, 5), (60, 5, 4, 4), (39, 5, 4, 4)]  # frames are 40 by 30
    write_rows(tmp_path / "b_boxes" / "groundtruth_rect.txt", rows)
    write_rows(tmp_path / "c_images" / "groundtruth_rect.txt", [(1, 1, 4, 4)] * 4)
    cut = (tmp_path / "c_images" / "img" / "0002.jpg").read_bytes()[:300]
    (tmp_path / "c_images" / "img" / "0002.jpg").write_bytes(cut)
    write_text(tmp_path / "c_images" / "img" / "0003.jpg", "no image")
    write_images(tmp_path / "c_images" / "img", ["0004.jpg"], size=(20, 30))
    (tmp_path / "d_gap" / "img" / "0002.jpg").unlink()
    write_rows(tmp_path / "d_gap" / "groundtruth_rect.txt", [(1, 1, 4, 4)] * 3)
    write_images(tmp_path / "e_count" / "img", numbered(1, 5))
    write_rows(tmp_path / "e_count" / "groundtruth_rect.txt", [(1, 1, 4, 4)] * 2)
    write_images(tmp_path / "f_text" / "img", numbered(1, 1))
    write_text(tmp_path / "f_text" / "groundtruth_rect.txt", "one,two\n")
    return tmp_path


EXPECTED = [
    ("b_boxes", 1, "empty box"),
    ("b_boxes", 2, "box outside"),
    ("c_images", 1, "unreadable image"),
    ("c_images", 2, "unreadable image"),
    ("c_images", 3, "frame size"),
    ("d_gap", 1, "missing frame"),
    ("e_count", None, "wrong count"),
    ("f_text", None, "unreadable annotation"),
]


def summary(report: CheckReport) -> list[tuple[str, int | None, str]]:
    return [(one.sequence, one.frame, one.kind) for one in report.problems]


def test_every_problem_is_found(broken: Path) -> None:
    report = check_dataset(open_dataset("otb", broken))
    assert summary(report) == EXPECTED
    assert (report.videos, report.sequences, report.frames, report.boxes) == (6, 5, 16, 15)
    assert report.counts["unreadable image"] == 2


def test_without_images_only_the_annotation_is_looked_at(broken: Path) -> None:
    seen_only_in_images = {"unreadable image", "frame size", "box outside"}
    report = check_dataset(open_dataset("otb", broken), images=False)
    assert summary(report) == [one for one in EXPECTED if one[2] not in seen_only_in_images]


def test_any_number_of_workers_finds_the_same(broken: Path) -> None:
    videos = open_dataset("otb", broken)
    with Workers(2) as workers:
        assert check_dataset(videos, workers=workers) == check_dataset(videos)


def test_a_report_is_a_table_and_json(broken: Path) -> None:
    heard: list[CheckReport] = []
    report = check_dataset(open_dataset("otb", broken), on_video=heard.append)
    assert [one.videos for one in heard] == [1] * 6
    rows = list(report.rows())
    assert rows[0][:3] == ("b_boxes", "1", "empty box")
    assert all(text for row in rows for text in (row[0], row[2], row[3]))
    content = json.loads(json.dumps(report.to_json()))
    assert content["counts"]["box outside"] == 1
    assert content["problems"][2]["frame"] == 1


def test_a_video_file_is_decoded_to_its_end(tmp_path: Path) -> None:
    from siamfc.frames import open_writer

    with open_writer(tmp_path / "cat.mp4", frame_rate=10) as writer:
        for number in range(3):
            writer.write(np.full((32, 48, 3), 90, dtype=np.uint8), number / 10)
    write_rows(tmp_path / "cat.txt", [(1, 1, 4, 4)] * 5)
    report = check_dataset(open_dataset("video", tmp_path))
    assert summary(report) == [("cat", None, "wrong count")]


def test_frames_of_two_targets_are_counted_once(tmp_path: Path) -> None:
    write_images(tmp_path / "Jogging" / "img", numbered(1, 3))
    for target in (1, 2):
        rows = [(target, 1, 4, 4)] * 3
        write_rows(tmp_path / "Jogging" / f"groundtruth_rect.{target}.txt", rows)
    report = check_dataset(open_dataset("otb", tmp_path))
    assert (report.sequences, report.frames, report.boxes) == (2, 3, 6)
    assert not report.problems


def test_a_video_without_targets_is_told_of(tmp_path: Path) -> None:
    write_text(tmp_path / "Annotations/VID/val/a/000000.xml", "<annotation></annotation>")
    write_images(tmp_path / "Data/VID/val/a", ["000000.JPEG"])
    report = check_dataset(open_dataset("vid", tmp_path))
    assert summary(report) == [("val/a", None, "no target")]
