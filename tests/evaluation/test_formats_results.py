"""Result formats: round trips, and files written by other programs."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.errors import DatasetError, InputError, OutputError
from siamfc.evaluation.formats import RESULT_FORMATS, read_trackers, write_tracker
from siamfc.evaluation.results import ResultFolder
from siamfc.evaluation.runs import RunRecord

BOXES = np.array([[10, 20, 30, 40], [11.5, 19.25, 30, 40], [13, 18, 31.125, 41.5]])


def sequence(name: str, video: str = "", count: int = 3) -> Sequence:
    return Sequence(
        name=name,
        frames=FrameFiles(Path("data") / name, [f"{i + 1:08d}.jpg" for i in range(count)]),
        boxes=np.resize(BOXES, (count, 4)),
        size=(160, 120),
        video=video,
    )


def track(name: str, boxes: np.ndarray = BOXES) -> RunRecord:
    return RunRecord(
        sequence=name,
        boxes=boxes,
        scores=np.linspace(1, 0.25, len(boxes)),
        seconds=np.full(len(boxes), 0.125),
    )


SEQUENCES = [sequence("Ball"), sequence("Jogging-1", "Jogging"), sequence("Jogging-2", "Jogging")]
ONE_BASED = BOXES + np.array([1, 1, 0, 0])
LOST = np.array([[10, 20, 30, 40], [np.nan] * 4, [13, 18, 31.125, 41.5]])
TRACKS = {
    "Ball": track("Ball"),
    "Jogging-1": track("Jogging-1", BOXES * [1, 1, 1.25, 1]),
    "Jogging-2": track("Jogging-2", LOST),
}
PIXELS = {"csv": 5.1e-3, "jsonl": 5.1e-3}
"""Tolerance of numbers by format; 6e-4 by default."""
WITH_SECONDS = {"siamfc", "otb", "got10k", "vot"}


@pytest.mark.parametrize("name", RESULT_FORMATS)
def test_what_is_written_reads_back(tmp_path: Path, name: str) -> None:
    write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format=name)
    (run,) = read_trackers(tmp_path / "run", SEQUENCES, format=name)
    assert (run.name, run.damaged, run.notes) == ("run", (), ())
    assert set(run.tracks) == set(TRACKS)
    for key, expected in TRACKS.items():
        found = run.tracks[key]
        start = 1 if name == "vot" else 0  # which leaves the first box to the truth
        np.testing.assert_allclose(
            found.boxes[start:], expected.boxes[start:], atol=PIXELS.get(name, 6e-4)
        )
        if name in WITH_SECONDS:
            assert found.frames_per_second == pytest.approx(8.0)


TOLD_APART = [name for name in RESULT_FORMATS if name != "trackingnet"]  # it looks as OTB does


@pytest.mark.parametrize("name", TOLD_APART)
def test_a_form_is_recognised_and_its_boxes_are_the_same(tmp_path: Path, name: str) -> None:
    write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format=name)
    (run,) = read_trackers(tmp_path / "run", SEQUENCES)
    assert run.format == {"lasot": "otb", "uav123": "otb"}.get(name, name)
    np.testing.assert_allclose(run.tracks["Ball"].boxes, BOXES, atol=PIXELS.get(name, 6e-4))


FIRST_LINES = [
    ("otb", "Ball.txt", "11.0000,21.0000,30.0000,40.0000", "1-based"),
    ("trackingnet", "Ball.txt", "10.0000,20.0000,30.0000,40.0000", "0-based"),
    ("got10k", "Ball/Ball_001.txt", "10.000,20.000,30.000,40.000", "0-based"),
    ("got10k", "Ball/Ball_time.txt", "0.12500000", "seconds"),
    ("vot", "baseline/Ball/Ball_001.txt", "1", "the frame that starts the tracker"),
    (
        "mot",
        "Ball.txt",
        "1,1,11.0000,21.0000,30.0000,40.0000,1.0000,-1,-1,-1",
        "1-based, frames too",
    ),
]


@pytest.mark.parametrize(("name", "file", "line", "reason"), FIRST_LINES)
def test_files_are_as_the_toolkits_write_them(
    tmp_path: Path, name: str, file: str, line: str, reason: str
) -> None:
    write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format=name)
    assert (tmp_path / "run" / file).read_text().splitlines()[0] == line, reason


def test_the_zip_for_the_server_has_the_sequences_at_its_root(tmp_path: Path) -> None:
    test = [sequence("test/GOT-10k_Test_000001")]
    path = write_tracker(
        tmp_path / "run", {test[0].name: track(test[0].name)}, test, format="got10k"
    )
    assert path == tmp_path / "run.zip"
    assert zipfile.ZipFile(path).namelist() == [
        "GOT-10k_Test_000001/GOT-10k_Test_000001_001.txt",
        "GOT-10k_Test_000001/GOT-10k_Test_000001_time.txt",
    ]
    (run,) = read_trackers(tmp_path / "run", test)
    np.testing.assert_allclose(run.tracks[test[0].name].boxes, BOXES, atol=6e-4)


SEPARATORS = {"commas": ",", "tabs": "\t", "blanks": "  ", "semicolons": ";"}


@pytest.mark.parametrize("separator", SEPARATORS.values(), ids=SEPARATORS.keys())
@pytest.mark.parametrize("file", ["Jogging-1", "jogging.1", "Jogging_1"])
def test_published_files_are_read_whatever_stands_between(
    tmp_path: Path, separator: str, file: str
) -> None:
    folder = tmp_path / "KCF"
    folder.mkdir()
    lines = [separator.join(f"{value:g}" for value in row) for row in ONE_BASED]
    (folder / f"{file}.txt").write_text("\r\n".join(lines) + "\r\n")
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert run.name == "KCF"
    np.testing.assert_allclose(run.tracks["Jogging-1"].boxes, BOXES)


def test_a_folder_of_trackers_is_a_run_each(tmp_path: Path) -> None:
    write_tracker(tmp_path / "KCF", TRACKS, SEQUENCES, format="otb")
    write_tracker(tmp_path / "SiamRPN", TRACKS, SEQUENCES, format="got10k")
    runs = read_trackers(tmp_path, SEQUENCES)
    assert [(run.name, run.format) for run in runs] == [("KCF", "otb"), ("SiamRPN", "got10k")]


GOOD = "11,21,30,40\n"
DAMAGES = [
    (GOOD * 2, r"Ball\.txt: expected 3 boxes, one per frame, got 2", "too few lines"),
    (GOOD * 4, r"Ball\.txt: expected 3 boxes, one per frame, got 4", "too many lines"),
    ("", r"Ball\.txt: expected 3 boxes, one per frame, got 0", "empty"),
    (GOOD * 2 + "11|21|30|40\n", r"line 3: expected 4 numbers, got '11\|21\|30\|40'", "separator"),
    (GOOD * 2 + "11,21,30\n", r"line 3: expected 4 numbers", "three numbers"),
    (GOOD * 2 + "inf,21,30,40\n", "line 3: expected 4 numbers, got 'inf,21", "infinity"),
]


@pytest.mark.parametrize(
    ("text", "message"), [row[:2] for row in DAMAGES], ids=[row[2] for row in DAMAGES]
)
def test_a_damaged_file_is_one_line_and_the_others_are_read(
    tmp_path: Path, text: str, message: str
) -> None:
    write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format="otb")
    (tmp_path / "run" / "Ball.txt").write_text(text)
    (run,) = read_trackers(tmp_path / "run", SEQUENCES)
    assert set(run.tracks) == {"Jogging-1", "Jogging-2"}
    (line,) = run.damaged
    assert "\n" not in line
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(line)


def test_rows_of_nan_and_boxes_without_area_are_missing_boxes(tmp_path: Path) -> None:
    (tmp_path / "Ball.txt").write_text("11,21,30,40\nNaN NaN NaN NaN\n5,5,0,7\n")
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert np.isnan(run.tracks["Ball"].boxes).all(axis=1).tolist() == [False, True, True]
    assert not run.damaged


def test_results_of_other_sequences_are_named_in_one_line(tmp_path: Path) -> None:
    for name in ("Ball", "Car1", "Car2", "Car24", "Car4"):
        (tmp_path / f"{name}.txt").write_text(GOOD * 3)
    (run,) = read_trackers(tmp_path, SEQUENCES)
    (note,) = run.notes
    assert note.endswith("that are not in the data set: 'Car1', 'Car2', 'Car24' and 1 more")


def test_a_supervised_run_of_vot_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "baseline" / "Ball"
    folder.mkdir(parents=True)
    (folder / "Ball_001.txt").write_text("1\n2\n0\n")
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert "expected one pass without restarts, got a failure" in run.damaged[0]


def test_a_polygon_of_vot_is_its_upright_box(tmp_path: Path) -> None:
    folder = tmp_path / "baseline" / "Ball"
    folder.mkdir(parents=True)
    (folder / "Ball_001.txt").write_text("1\n11,31,21,21,31,31,21,41\n11,21,30,40\n")
    (run,) = read_trackers(tmp_path, SEQUENCES)
    np.testing.assert_allclose(run.tracks["Ball"].boxes[1:], [[10, 20, 20, 20], [10, 20, 30, 40]])
    np.testing.assert_allclose(run.tracks["Ball"].boxes[0], BOXES[0])


def test_repetitions_of_a_toolkit_are_runs_of_one_series(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_tracker(folder, TRACKS, SEQUENCES, format="got10k")
    (folder / "Ball" / "Ball_002.txt").write_text("1,2,3,4\n" * 3)
    (folder / "Ball" / "Ball_time.txt").write_text("0.1,0.2\n" * 3)
    first, second = read_trackers(folder, SEQUENCES)
    assert (first.name, second.name) == ("run/1", "run/2")
    assert first.series == second.series is not None
    np.testing.assert_allclose(second.tracks["Ball"].boxes, [[1, 2, 3, 4]] * 3)
    np.testing.assert_allclose(second.tracks["Ball"].seconds, 0.2)
    # What a toolkit didn't repeat, since it comes out the same, stands for all repetitions.
    np.testing.assert_array_equal(second.tracks["Jogging-1"].boxes, first.tracks["Jogging-1"].boxes)


def test_repetitions_that_are_the_same_are_one_run(tmp_path: Path) -> None:
    write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format="got10k")
    first = tmp_path / "run" / "Ball" / "Ball_001.txt"
    first.with_name("Ball_002.txt").write_bytes(first.read_bytes())
    (run,) = read_trackers(tmp_path / "run", SEQUENCES)
    assert run.series is None


def test_a_failure_of_the_tracker_is_said(tmp_path: Path) -> None:
    write_tracker(tmp_path / "run", {"Ball": TRACKS["Ball"]}, SEQUENCES, format="siamfc")
    (tmp_path / "run" / "Jogging-1.failed.json").write_text('{"failure": "frame 2: lost\\nit"}')
    (run,) = read_trackers(tmp_path / "run", SEQUENCES)
    assert run.damaged[0].endswith("the tracker failed: frame 2: lost it")


@pytest.mark.parametrize("name", ["mot", "cvat", "cocovid"])
def test_a_target_never_gets_the_boxes_of_another(tmp_path: Path, name: str) -> None:
    """The first target is called 2, so that the second one's place is the first one's name."""
    targets = [sequence("Race/2", "Race"), sequence("Race/3", "Race")]
    tracks = {"Race/2": track("Race/2"), "Race/3": track("Race/3", LOST)}
    write_tracker(tmp_path / "both", tracks, targets, format=name)
    (run,) = read_trackers(tmp_path / "both", targets)
    np.testing.assert_allclose(run.tracks["Race/3"].boxes, LOST, atol=6e-4)
    write_tracker(tmp_path / "one", {"Race/2": tracks["Race/2"]}, targets, format=name)
    (run,) = read_trackers(tmp_path / "one", targets)
    assert list(run.tracks) == ["Race/2"]


@pytest.mark.parametrize("name", ["../evil", "a//b", "/etc/x"])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    one = [sequence(name, video=name)]
    with pytest.raises(OutputError, match="expected a sequence name that is a valid file name"):
        write_tracker(tmp_path / "run", {name: track(name)}, one, format="cvat")
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format="otb")
    with pytest.raises(OutputError, match="run is not empty: choose another folder"):
        write_tracker(tmp_path / "run", TRACKS, SEQUENCES, format="otb")


def test_unknown_forms_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown result format 'otbb': did you mean 'otb'"):
        read_trackers(tmp_path, SEQUENCES, format="otbb")
    with pytest.raises(DatasetError, match=r"expected results \(one of siamfc, .*found none"):
        read_trackers(tmp_path, SEQUENCES)
    with pytest.raises(DatasetError, match="expected a folder of results, found none"):
        read_trackers(tmp_path / "nowhere", SEQUENCES)


def test_tracks_of_two_schemes_in_one_folder_are_told_of(tmp_path: Path) -> None:
    ResultFolder(path=tmp_path, record={}).save(TRACKS["Ball"])
    ResultFolder(path=tmp_path, record={"protocol": "spatial robustness"}).save(TRACKS["Jogging-1"])
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert "expected a track of one pass, as in the folder's other" in run.damaged[0]
    assert list(run.tracks) == ["Ball"]


def test_tracks_of_an_unknown_scheme_are_told_of(tmp_path: Path) -> None:
    ResultFolder(path=tmp_path, record={"protocol": "by hand"}).save(TRACKS["Ball"])
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert "got one of 'by hand'" in run.damaged[0]


@pytest.mark.parametrize("place", ["Ball_time.txt", "times/Ball_time.txt"])
def test_times_are_read_from_where_toolkits_put_them(tmp_path: Path, place: str) -> None:
    (tmp_path / "Ball.txt").write_text(GOOD * 3)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("0\n0.1\n0.3\n")  # 0: not measured
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert run.tracks["Ball"].frames_per_second == pytest.approx(5)
    assert not run.notes


def test_times_of_another_count_are_named(tmp_path: Path) -> None:
    (tmp_path / "Ball.txt").write_text(GOOD * 3)
    (tmp_path / "Ball_time.txt").write_text("0.1\n")
    (run,) = read_trackers(tmp_path, SEQUENCES)
    assert "Ball_time.txt: expected 3 times, one per frame, got 1" in run.damaged[0]
