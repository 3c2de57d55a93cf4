"""`siamfc report`."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamfc.cli import main

BOXES = np.array([[3 + 2 * frame, 5, 8, 8] for frame in range(4)])


def lines(boxes: np.ndarray, separator: str = ",") -> str:
    return "".join(separator.join(f"{value:g}" for value in row) + "\n" for row in boxes)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "squares"
    for name in ("a", "b"):
        (root / name / "img").mkdir(parents=True)
        for frame in range(4):
            image = Image.new("RGB", (40, 30), "white")
            image.save(root / name / "img" / f"{frame + 1:04d}.jpg")
        (root / name / "groundtruth_rect.txt").write_text(lines(BOXES))
    return root


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of two trackers, as OTB files."""
    for tracker, shift in (("good", 0), ("bad", 6)):
        folder = tmp_path / "results" / tracker
        folder.mkdir(parents=True)
        for name in ("a", "b"):
            (folder / f"{name}.txt").write_text(lines(BOXES + np.array([shift, 0, 0, 0])))
    return tmp_path / "results"


def run(*arguments: object) -> int:
    return main(["report", *map(str, arguments)])


def test_a_folder_of_trackers_becomes_a_report(
    data: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(results, "--data", data, "--out", tmp_path / "out", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["trackers"]) == {"bad", "good"}
    assert answer["trackers"]["good"]["center_error"] == 0
    assert answer["trackers"]["bad"]["center_error"] == pytest.approx(6 * 3 / 4)
    assert answer["page"] == str(tmp_path / "out" / "index.html")
    assert "squares (otb)" in Path(answer["page"]).read_text()


def test_an_unknown_speed_is_a_dash(
    data: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(results, "--data", data, "--out", tmp_path / "out") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[-1] for row in rows[:3]] == ["frames/s", "–", "–"]


def test_trackers_can_be_named_and_the_first_is_compared(
    data: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [f"mine={results / 'good'}", results / "bad"]
    assert run(*named, "--data", data, "--out", tmp_path / "out") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:3]] == [
        "mine",
        "bad",
    ]
    assert "auc,mine,bad," in (tmp_path / "out" / "differences.csv").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lines(BOXES[:3]), "b.txt: expected 4 boxes, one per frame, got 3"),
        (lines(BOXES, "|"), "b.txt, line 1: expected 4 numbers, got '3|5|8|8'"),
        ("a picture\n", "b.txt, line 1: expected 4 numbers, got 'a picture'"),
    ],
    ids=["too few lines", "another separator", "no numbers"],
)
def test_a_damaged_file_is_one_line_and_the_rest_is_shown(
    data: Path,
    results: Path,
    tmp_path: Path,
    text: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (results / "bad" / "b.txt").write_text(text)
    assert run(results, "--data", data, "--out", tmp_path / "out") == 1
    errors = capsys.readouterr().err.splitlines()
    assert [line for line in errors if line.startswith("error: ")] == [
        f"error: {results / 'bad'}/{message}"
    ]
    assert "note: bad: no results of 1: b" in errors
    assert "b: no results of bad" in (tmp_path / "out" / "index.html").read_text()


def test_frames_without_a_box_and_unknown_sequences_are_noted(
    data: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "bad" / "a.txt").write_text("3,5,8,8\nNaN,NaN,NaN,NaN\n3,5,8,8\nnan nan nan nan\n")
    (results / "bad" / "zebra.txt").write_text(lines(BOXES))
    assert run(results, "--data", data, "--out", tmp_path / "out") == 0
    notes = capsys.readouterr().err.splitlines()
    assert "note: bad: 2 frames without a box count as misses" in notes
    unknown = "results of sequences that are not in the data set: 'zebra'"
    assert f"note: {results / 'bad'}: {unknown}" in notes


def test_boxes_can_be_exported_for_a_server(data: Path, results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(results / "good", "--data", data, "--out", out, "--export", "got10k") == 0
    assert zipfile.ZipFile(out / "export" / "1_good.zip").namelist() == [
        "a/a_001.txt",
        "a/a_time.txt",
        "b/b_001.txt",
        "b/b_time.txt",
    ]


def test_boxes_of_a_split_with_first_boxes_alone_are_exported_without_a_page(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        folder = tmp_path / "withheld" / "test" / name
        folder.mkdir(parents=True)
        for frame in range(4):
            (folder / f"{frame}.jpg").touch()
        (folder / "groundtruth.txt").write_text(lines(BOXES[:1]))
    command = [results / "good", "--data", tmp_path / "withheld", "--format", "got10k"]
    command += ["--split", "test", "--out", tmp_path / "out"]
    assert run(*command) == 1
    assert "expected ground truth, got only first boxes" in capsys.readouterr().err
    for more in ([], ["--overwrite"]):
        assert run(*command, "--export", "got10k", *more) == 0
        written = capsys.readouterr()
        assert written.out == f"boxes: {tmp_path / 'out' / 'export' / '1_good.zip'}\n"
        assert "nothing to score, and no page" in written.err
    with zipfile.ZipFile(tmp_path / "out" / "export" / "1_good.zip") as archive:
        assert len(archive.namelist()) == 4
        assert len(archive.read("b/b_001.txt").splitlines()) == 4
    assert run(*command, "--export", "got10k") == 1
    assert "allow to overwrite" in capsys.readouterr().err


def test_what_does_not_count_is_exported_all_the_same(
    data: Path, results: Path, tmp_path: Path
) -> None:
    (data / "b" / "groundtruth_rect.txt").write_text(lines(BOXES[:1]) + "NaN,NaN,NaN,NaN\n" * 3)
    out = tmp_path / "out"
    assert run(results / "good", "--data", data, "--out", out, "--export", "got10k") == 0
    with zipfile.ZipFile(out / "export" / "1_good.zip") as archive:
        assert "b/b_001.txt" in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: expected a folder of results, found none"),
        (["squares/a/groundtruth_rect.txt"], "expected a folder of results, found a file"),
        (["results"], "expected --data ROOT: the results do not name the data set's folder"),
        (["nowhere", "--data", "squares"], "nowhere: expected a folder of results, found none"),
        (["results", "--data", "squares", "--results-format", "otbb"], "did you mean 'otb'"),
        (["results", "--data", "squares", "--export", "x"], "unknown result format 'x'"),
        (["results", "--data", "squares", "--format", "vott"], "unknown format 'vott'"),
        (["results", "--data", "squares", "--snapshots", "-1"], "snapshots: expected 0 or more"),
        (["--data", "squares"], "expected a folder of results, got none"),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(
    data: Path,
    results: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(data.parent)
    assert run(*arguments, "--out", "out") in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("out").exists()
    shutil.rmtree(results)


def test_results_say_themselves_where_the_data_set_is(
    data: Path, results: Path, tmp_path: Path
) -> None:
    record = {"sequence": "a", "dataset": {"format": "otb", "split": None}, "root": str(data)}
    rows = "".join(
        f"{frame},{x - 1},{y - 1},{w},{h},,0.1\n" for frame, (x, y, w, h) in enumerate(BOXES)
    )
    ours = tmp_path / "ours"
    ours.mkdir()
    text = f"# {json.dumps(record)}\nframe,x,y,w,h,score,seconds\n{rows}"
    (ours / "a.csv").write_text(text)
    assert run(results / "bad", ours, "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "summary.csv").read_text().splitlines()[2].startswith("ours,0.95")
