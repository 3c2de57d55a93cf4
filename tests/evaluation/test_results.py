from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackers import Finds, Raises, square_sequence

from siamfc.errors import DatasetError, OutputError
from siamfc.evaluation import ResultFolder, Track, read_track, run_record, run_sequence

RECORD = run_record(
    {"name": "finds", "digest": "12ab", "settings": {"scales": 3, "scale_step": 1.04}},
    {"format": "otb", "split": None},
    weights="default",
)


@pytest.fixture
def track(tmp_path: Path) -> Track:
    return run_sequence(Finds(), square_sequence(tmp_path / "data", "cats/a"))


def test_a_track_reads_back_as_it_was_written(tmp_path: Path, track: Track) -> None:
    boxes = track.boxes.copy()
    boxes[0] = np.nan
    boxes[1] = np.nextafter(1 / 3, 1)
    unusual = Track(
        sequence="cats/a",
        boxes=boxes,
        scores=np.array([np.nan, 1e-300, 1, 0.1]),
        seconds=track.seconds,
        finished=track.finished,
        machine=track.machine,
    )
    path = ResultFolder(path=tmp_path / "out", record=RECORD).save(unusual)
    assert path == tmp_path / "out" / "cats" / "a.csv"
    again, record = read_track(path)
    for name in ("boxes", "scores", "seconds"):
        np.testing.assert_array_equal(getattr(again, name), getattr(unusual, name))
    assert (again.sequence, again.finished) == ("cats/a", track.finished)
    assert record["tracker"]["digest"] == "12ab"
    assert record["machine"]["python"]
    assert record["siamfc"]["version"]
    assert record["packages"]["numpy"] == np.__version__


def test_boxes_are_zero_based_numbers_under_a_header(tmp_path: Path, track: Track) -> None:
    path = ResultFolder(path=tmp_path / "out", record=RECORD).save(track)
    first, header, row, *_ = path.read_text().splitlines()
    assert first.startswith('# {"sequence": "cats/a"')
    assert header == "frame,x,y,w,h,score,seconds"
    assert row.startswith("0,3.0,5.0,8.0,8.0,0.75,")


def test_a_finished_track_is_found_again(tmp_path: Path, track: Track) -> None:
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    assert folder.load("cats/a", 4) is None
    folder.save(track)
    loaded = folder.load("cats/a", 4)
    assert loaded is not None
    np.testing.assert_array_equal(loaded.boxes, track.boxes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"tracker": {**RECORD["tracker"], "settings": {"scales": 3, "scale_step": 1.02}}},
            "tracker settings scale_step 1.04 there, 1.02 here",
            id="another setting",
        ),
        pytest.param(
            {"tracker": {**RECORD["tracker"], "digest": "99"}},
            "tracker digest '12ab' there, '99' here",
            id="other weights",
        ),
        pytest.param({"dataset": {"format": "vot"}}, "dataset format", id="another data set"),
    ],
)
def test_results_of_another_run_are_not_mixed_in(
    tmp_path: Path, track: Track, change: dict[str, Any], message: str
) -> None:
    ResultFolder(path=tmp_path, record=RECORD).save(track)
    with pytest.raises(OutputError, match=f"is of another run .*{message}.*choose another folder"):
        ResultFolder(path=tmp_path, record={**RECORD, **change}).load("cats/a", 4)


def test_another_machine_or_version_does_not_matter(tmp_path: Path, track: Track) -> None:
    ResultFolder(path=tmp_path, record=RECORD).save(track)
    elsewhere = {**RECORD, "siamfc": {"version": "9"}, "packages": {}, "weights": "/else/where"}
    assert ResultFolder(path=tmp_path, record=elsewhere).load("cats/a", 4) is not None


def test_a_failure_is_written_with_its_reason_and_forgotten_when_mended(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path / "data", "a", width=60)
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    path = folder.save(run_sequence(Raises(), sequence))
    assert path.name == "a.failed.json"
    assert "frame 2: RuntimeError: lost it" in path.read_text()
    assert folder.load("a", 4) is None
    folder.save(run_sequence(Finds(), sequence))
    assert not path.exists()


DAMAGES = [
    pytest.param(lambda _: "", id="empty"),
    pytest.param(lambda text: text.replace("# {", "{{", 1), id="no record"),
    pytest.param(lambda text: text.replace("frame,x", "x,frame"), id="other columns"),
    pytest.param(lambda text: text.replace("\n2,", "\n7,"), id="a frame left out"),
    pytest.param(lambda text: text.replace("8.0", "eight", 1), id="a word"),
    pytest.param(lambda text: text.rsplit(",", 3)[0], id="a line cut off"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(tmp_path: Path, track: Track, damage: Any) -> None:
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    path = folder.save(track)
    path.write_text(damage(path.read_text()))
    with pytest.raises(DatasetError, match=r"a\.csv: expected a result file of siamfc"):
        folder.load("cats/a", 4)


def test_a_file_of_another_length_is_named(tmp_path: Path, track: Track) -> None:
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    folder.save(track)
    with pytest.raises(DatasetError, match="expected 5 frames, got 4; delete the file"):
        folder.load("cats/a", 5)


@pytest.mark.parametrize("name", ["../a", "a//b", "/a", "."])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="expected a sequence's name fit for a file"):
        ResultFolder(path=tmp_path, record=RECORD).track_path(name)


def test_nothing_half_written_is_left(tmp_path: Path, track: Track) -> None:
    target = tmp_path / "out"
    target.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="out"):
        ResultFolder(path=target, record=RECORD).save(track)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]
