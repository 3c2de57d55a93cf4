from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackers import Finds, Raises, StandsStill, square_sequence

from siamfc.errors import DatasetError, OutputError
from siamfc.evaluation import (
    ResultFolder,
    RunRecord,
    describe_run,
    evaluate,
    evaluate_repeatedly,
    find_scheme,
    read_track,
    run_sequence,
)
from siamfc.evaluation.runs import Pass, one_pass

RECORD = describe_run(
    {"name": "finds", "digest": "12ab", "settings": {"scales": 3, "scale_step": 1.04}},
    {"format": "otb", "split": None},
    weights="default",
)


@pytest.fixture
def run(tmp_path: Path) -> Pass:
    return one_pass(square_sequence(tmp_path / "data", "cats/a"))


@pytest.fixture
def track(run: Pass) -> RunRecord:
    return run.perform(Finds())


def test_a_track_reads_back_as_it_was_written(tmp_path: Path, track: RunRecord) -> None:
    boxes = track.boxes.copy()
    boxes[0] = np.nan
    boxes[1] = np.nextafter(1 / 3, 1)
    unusual = RunRecord(
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


def test_boxes_are_zero_based_numbers_under_a_header(tmp_path: Path, track: RunRecord) -> None:
    path = ResultFolder(path=tmp_path / "out", record=RECORD).save(track)
    first, header, row, *_ = path.read_text().splitlines()
    assert first.startswith('# {"sequence": "cats/a"')
    assert header == "frame,x,y,w,h,score,seconds"
    assert row.startswith("0,3.0,5.0,8.0,8.0,0.75,")


def test_a_finished_track_is_found_again(tmp_path: Path, run: Pass, track: RunRecord) -> None:
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    assert folder.load(run) is None
    folder.save(track)
    loaded = folder.load(run)
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
            {"tracker": {**RECORD["tracker"], "digest": "99"}, "weights": "light"},
            "weights 'default' there, 'light' here",
            id="other weights",
        ),
        pytest.param(
            {"tracker": {**RECORD["tracker"], "digest": "99"}},
            "'default' has changed since",
            id="other weights of the same name",
        ),
        pytest.param({"dataset": {"format": "vot"}}, "dataset format", id="another data set"),
    ],
)
def test_results_of_another_run_are_not_mixed_in(
    tmp_path: Path, run: Pass, track: RunRecord, change: dict[str, Any], message: str
) -> None:
    ResultFolder(path=tmp_path, record=RECORD).save(track)
    with pytest.raises(
        OutputError, match=f"belongs to another run .*{message}.*choose another folder"
    ):
        ResultFolder(path=tmp_path, record={**RECORD, **change}).load(run)


def test_another_machine_or_version_does_not_matter(
    tmp_path: Path, run: Pass, track: RunRecord
) -> None:
    ResultFolder(path=tmp_path, record=RECORD).save(track)
    elsewhere = {**RECORD, "siamfc": {"version": "9"}, "packages": {}, "weights": "/else/where"}
    assert ResultFolder(path=tmp_path, record=elsewhere).load(run) is not None


def test_a_failure_is_written_with_its_reason_and_forgotten_when_mended(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path / "data", "a", width=60)
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    path = folder.save(run_sequence(Raises(), sequence))
    assert path.name == "a.failed.json"
    assert "frame 2: RuntimeError: lost it" in path.read_text()
    assert folder.load(one_pass(sequence)) is None
    folder.save(run_sequence(Finds(), sequence))
    assert not path.exists()


@pytest.mark.parametrize("scheme", ["ope", "tre", "sre", "vot-supervised", "vot-multistart"])
def test_a_track_from_a_box_that_was_corrected_since_is_made_anew(
    scheme: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    right = square_sequence(tmp_path / "data", "a", count=12)
    boxes = right.boxes.copy()
    boxes[0] = (20, 14, 8, 8)
    results = ResultFolder(path=tmp_path / "out", record=RECORD)
    how = find_scheme(scheme)
    evaluate(StandsStill, [replace(right, boxes=boxes)], scheme=how, results=results)
    caplog.clear()
    mended = evaluate(StandsStill, [right], scheme=how, results=results)
    assert "starts from another box than the data set has now" in caplog.text
    assert mended.scores == evaluate(StandsStill, [right], scheme=how).scores
    caplog.clear()
    evaluate(StandsStill, [right], scheme=how, results=results)
    assert not caplog.text


def test_a_box_by_which_a_tracker_was_begun_anew_counts_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    right = square_sequence(tmp_path / "data", "a", count=12)
    results = ResultFolder(path=tmp_path / "out", record=RECORD)
    restarts = find_scheme("vot-supervised")
    evaluate(StandsStill, [right], scheme=restarts, results=results)
    boxes = right.boxes.copy()
    boxes[9, 2] = 6  # lost in frame 4, started again in 9
    evaluate(StandsStill, [replace(right, boxes=boxes)], scheme=restarts, results=results)
    assert "starts from another box" in caplog.text


@pytest.mark.parametrize("gone", [False, True], ids=["a first box came", "the first box went"])
def test_a_track_that_begins_in_another_frame_is_made_anew(gone: bool, tmp_path: Path) -> None:
    whole = square_sequence(tmp_path / "data", "a")
    boxes = whole.boxes.copy()
    boxes[0] = np.nan
    pair = [replace(whole, boxes=boxes), whole]
    before, after = reversed(pair) if gone else pair
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    folder.save(run_sequence(StandsStill(), before))
    assert folder.load(one_pass(before)) is not None
    assert folder.load(one_pass(after)) is None


def test_every_repetition_is_made_anew_after_a_correction(tmp_path: Path) -> None:
    right = square_sequence(tmp_path / "data", "a")
    boxes = right.boxes.copy()
    boxes[0] = (20, 14, 8, 8)
    folders = [ResultFolder(path=tmp_path / str(number), record=RECORD) for number in range(2)]
    for sequence in (replace(right, boxes=boxes), right):
        list(
            evaluate_repeatedly(
                StandsStill, [sequence], repetitions=2, results=folders, deterministic=True
            )
        )
    for folder in folders:
        np.testing.assert_array_equal(read_track(folder.track_path("a"))[0].boxes[3], [3, 5, 8, 8])


def test_a_track_that_cannot_be_made_anew_is_gone(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path / "data", "a", width=60)
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    path = folder.save(run_sequence(Finds(), sequence))
    folder.save(run_sequence(Raises(), sequence))
    assert not path.exists()


DAMAGES = [
    pytest.param(lambda _: "", "no record in line 1: ''", id="empty"),
    pytest.param(lambda text: text.replace("# {", "{{", 1), "no record in line 1", id="no record"),
    pytest.param(lambda _: '# {"a": 1}\n', "no record in line 1", id="no sequence's name"),
    pytest.param(lambda text: text.splitlines()[0], "no header in line 2", id="a record alone"),
    pytest.param(
        lambda text: text.replace("frame,x", "x,frame"), "no header in line 2", id="other columns"
    ),
    pytest.param(
        lambda text: text.replace("\n2,", "\n7,"), "line 5: '7,7.0", id="a frame left out"
    ),
    pytest.param(lambda text: text.replace("8.0", "eight", 1), "line 3: '0,3.0", id="a word"),
    pytest.param(lambda text: text.rsplit(",", 3)[0], "line 6: '3,9.0,5.0,8.0'", id="cut off"),
    pytest.param(lambda text: text + "4\n", "line 7: '4'", id="cut behind a frame's number"),
    pytest.param(lambda text: text + "\0", "null bytes", id="a byte of zero"),
    pytest.param(lambda _: "\udcff", "other bytes", id="a binary file"),
]


@pytest.mark.parametrize(("damage", "found"), DAMAGES)
def test_a_damaged_file_is_named(
    tmp_path: Path, run: Pass, track: RunRecord, damage: Any, found: str
) -> None:
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    path = folder.save(track)
    path.write_bytes(damage(path.read_text()).encode(errors="surrogateescape"))
    with pytest.raises(DatasetError) as caught:
        folder.load(run)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected a result file of siamfc")
    assert f", got {found}" in message
    assert message.endswith("; delete the file to track the sequence again")


def test_a_file_of_another_length_is_named(tmp_path: Path, run: Pass, track: RunRecord) -> None:
    folder = ResultFolder(path=tmp_path / "out", record=RECORD)
    folder.save(track)
    longer = replace(run, sequence=square_sequence(tmp_path / "longer", "a", 5), frames=range(5))
    with pytest.raises(DatasetError, match="expected 5 frames, got 4; delete the file"):
        folder.load(longer)


@pytest.mark.parametrize("name", ["../a", "a//b", "/a", "."])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="expected a sequence name that is a valid file name"):
        ResultFolder(path=tmp_path, record=RECORD).track_path(name)


def test_nothing_half_written_is_left(tmp_path: Path, track: RunRecord) -> None:
    target = tmp_path / "out"
    target.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="out"):
        ResultFolder(path=target, record=RECORD).save(track)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]
