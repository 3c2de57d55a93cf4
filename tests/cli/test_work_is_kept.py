"""Work survives a lost standard error, a bad sequence and a request to stop."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from killing import tree_digest
from siamfc.cli.app import run
from siamfc.evaluation import read_track
from siamfc.frames import open_source, open_writer
from siamfc.synthetic import (
    SquareVideo,
    SquareVideoSettings,
    SyntheticDatasetSettings,
    write_dataset,
    write_otb,
)
from siamfc.tracking import read_results


def command_line(*arguments: object) -> str:
    """Return a shell command, which can close a stream before Python starts."""
    words = [sys.executable, "-m", "siamfc", *map(str, arguments)]
    return " ".join(f"'{word}'" for word in words)


@pytest.mark.parametrize(
    ("redirection", "reason"),
    [
        ("2>&-", "closed: the next file that is opened must not take its place"),
        pytest.param(
            "2>/dev/full",
            "it takes nothing",
            marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full"),
        ),
        ("0<&- 1>&- 2>&-", "none of the three is open"),
    ],
)
def test_without_standard_error_the_work_is_done(
    redirection: str, reason: str, film: Path, box: str, weights: str, tmp_path: Path
) -> None:
    out, results = tmp_path / "out.mp4", tmp_path / "boxes.csv"
    files = ["-o", out, "--results", results]
    command = command_line("track", film, "--box", box, "--weights", weights, *files)
    answer = subprocess.run(["sh", "-c", f"exec {command} {redirection}"], stdout=subprocess.PIPE)
    assert answer.returncode == 0, reason
    with open_source(out) as made:
        assert sum(1 for _ in made) == 5
    assert len(read_results(results)) == 5


def test_an_error_that_nobody_can_read_keeps_its_status(tmp_path: Path) -> None:
    command = command_line("track", tmp_path / "missing.mp4", "--box", "1,2,3,4")
    assert subprocess.run(["sh", "-c", f"exec {command} 2>&-"]).returncode == 1


@pytest.fixture(scope="module")
def otb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short videos of a square in OTB's layout."""
    root = tmp_path_factory.mktemp("otb")
    for seed, name in enumerate(("One", "Three", "Two")):
        settings = SquareVideoSettings(frames=4, size=96, target=20, seed=seed)
        write_otb(root / name, SquareVideo(settings))
    return root


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("squares")
    write_dataset(root, SyntheticDatasetSettings(images=6, folders=2, size=96, square=30))
    return root


# --- Progress to a file ---------------------------------------------------------------------------

Verb = Callable[[Path, Path, Path, str, str], list[object]]

LONG: dict[str, Verb] = {
    "track": lambda out, otb, _, box, weights: [
        *("track", otb / "One" / "img", "--box", box, "--weights", weights),
        *("--results", out / "a.csv"),
    ],
    "evaluate": lambda _, otb, __, ___, weights: ["evaluate", "otb", otb, "--weights", weights],
    "check": lambda _, otb, __, ___, ____: ["curate", "--check", "otb", otb],
    "curate": lambda out, _, squares, __, ___: ["curate", "synthetic", squares, out / "store"],
    "demo": lambda out, _, __, ___, ____: ["demo", "--frames", "5", "-o", out / "a.mp4"],
    "synth": lambda out, *_: ["synth", "video", out / "v", "--frames", "5", "--size", "64"],
}
"""Verbs that show progress."""


@pytest.mark.parametrize("verb", LONG)
def test_a_verb_shows_its_progress_in_a_file(
    verb: str,
    otb: Path,
    squares: Path,
    box: str,
    weights: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("siamfc.cli.progress.INTERVAL_SECONDS", 0.0)
    arguments = LONG[verb](tmp_path, otb, squares, box, weights)
    assert run([str(one) for one in arguments]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert verb == "synth" or lines, "it has no bar, and ends at once"
    for line in lines:
        assert re.fullmatch(r"\w+: \d+(/\d+)? \w+(, [\d.]+/s(, \d+ s left)?)?", line)


# --- One bad sequence -----------------------------------------------------------------------------


def cut_annotation(folder: Path) -> None:
    path = folder / "groundtruth_rect.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def break_annotation(folder: Path) -> None:
    (folder / "groundtruth_rect.txt").write_text("1,2,3\n")


def break_image(folder: Path) -> None:
    (sorted((folder / "img").iterdir())[2]).write_bytes(b"no image")


def remove_boxes(folder: Path) -> None:
    (folder / "groundtruth_rect.txt").write_text("nan,nan,nan,nan\n" * 4)


BAD = [
    pytest.param(cut_annotation, "expected an image for each of the 3 boxes, got 4", id="short"),
    pytest.param(break_annotation, "line 1: expected 4 numbers", id="damaged annotation"),
    pytest.param(break_image, "frame 2: .* cannot be read as an image", id="damaged image"),
    pytest.param(remove_boxes, "expected at least one target, found none", id="no target"),
]


def copy(root: Path, place: Path) -> Path:
    subprocess.run(["cp", "-r", str(root), str(place)], check=True)
    return place


@pytest.mark.parametrize(("damage", "message"), BAD)
def test_one_bad_sequence_does_not_stop_the_others(
    damage: Callable[[Path], None],
    message: str,
    otb: Path,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = copy(otb, tmp_path / "data")
    damage(root / "Three")
    arguments = ["evaluate", "otb", str(root), "--weights", weights]
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()[1:]] == ["One", "Two", "mean"]
    assert "nan" not in printed.out
    (error,) = [line for line in printed.err.splitlines() if not line.startswith("evaluate: ")]
    assert re.search(rf"^error: Three: .*{message}", error)
    assert run([*arguments, "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert list(content["failures"]) == ["Three"]
    assert list(content["sequences"]) == ["One", "Two"]


@pytest.mark.parametrize(("damage", "message"), BAD)
def test_when_no_sequence_is_left_there_is_no_mean(
    damage: Callable[[Path], None],
    message: str,
    otb: Path,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = copy(otb, tmp_path / "data")
    for folder in root.iterdir():
        damage(folder)
    assert run(["evaluate", "otb", str(root), "--weights", weights]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(rf"(?m)^error: .*{message}", printed.err)


def test_a_damaged_result_file_does_not_stop_the_others(
    otb: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "otb", str(otb), "--weights", weights, "--out", str(tmp_path)]
    assert run(arguments) == 0
    (tmp_path / "Three.csv").write_text("damaged")
    assert run(arguments) == 1
    assert "error: Three: " in capsys.readouterr().err
    assert (tmp_path / "Three.csv").read_text() == "damaged", "it is the user's to delete"


# --- Requests to end ------------------------------------------------------------------------------


def end_by(
    number: signal.Signals, arguments: list[object], begun: Callable[[], bool]
) -> tuple[int, str]:
    """Start a command, signal it once it works, and return its status and standard error."""
    command = [sys.executable, "-m", "siamfc", *map(str, arguments)]
    before = signal.signal(number, signal.SIG_DFL)  # what is ignored here would be there too
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    finally:
        signal.signal(number, before)
    while process.poll() is None and not begun():
        time.sleep(0.002)
    process.send_signal(number)
    _, errors = process.communicate()
    return process.returncode, errors.decode()


REQUESTS = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"]
)


@REQUESTS
def test_evaluate_keeps_the_tracks_of_whole_sequences(
    number: signal.Signals, weights: str, tmp_path: Path
) -> None:
    for name, frames in (("a", 4), ("b", 4000)):  # b outlasts a late signal
        settings = SquareVideoSettings(frames=frames, size=96, target=20)
        write_otb(tmp_path / "data" / name, SquareVideo(settings))
    out = tmp_path / "out"
    arguments = ["evaluate", "otb", tmp_path / "data", "--weights", weights, "--out", out]
    status, errors = end_by(number, arguments, lambda: (out / "a.csv").exists())
    assert status == 128 + number
    assert errors.splitlines()[-1] == f"error: stopped by {number.name}"
    assert "Traceback" not in errors
    assert [path.name for path in out.iterdir()] == ["a.csv"]
    assert len(read_track(out / "a.csv")[0].boxes) == 4


@REQUESTS
def test_an_edit_names_the_signal_that_stopped_it_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    film, boxes, out = tmp_path / "film.mp4", tmp_path / "boxes.txt", tmp_path / "out"
    with open_writer(film, frame_rate=25) as writer:
        for _ in range(4000):  # outlasts a late signal
            writer.write(np.zeros((96, 96), np.uint8))
    boxes.write_text("10,10,20,20\n" * 4000)
    arguments = ["redact", film, "--results", boxes, "-o", out]

    def begun() -> bool:
        return any(
            one.name.startswith(".out") and any(one.iterdir())
            for one in list(tmp_path.iterdir())
            if one.is_dir()
        )

    status, errors = end_by(number, arguments, begun)
    assert (status, errors.splitlines()[-1]) == (128 + number, f"error: stopped by {number.name}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.txt", "film.mp4"]


@REQUESTS
def test_curate_goes_on_and_ends_with_the_same_store(
    number: signal.Signals, tmp_path: Path
) -> None:
    data, store = tmp_path / "data", tmp_path / "store"
    write_dataset(data, SyntheticDatasetSettings(images=400, folders=4, size=96, square=30))
    arguments = ["curate", "synthetic", data, store, "--max-shift", "4"]
    status, errors = end_by(number, arguments, lambda: (store / "data.mdb").exists())
    assert (status, errors.splitlines()[-1]) == (128 + number, f"error: stopped by {number.name}")
    assert "Traceback" not in errors
    assert run([str(one) for one in arguments]) == 0
    whole = tmp_path / "whole"
    assert run([*map(str, arguments[:3]), str(whole), "--max-shift", "4"]) == 0
    verify = [sys.executable, "-m", "siamfc", "curate", "--json", "--verify"]
    digests = [
        json.loads(subprocess.check_output([*verify, str(place)]))["digest"]
        for place in (store, whole)
    ]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_train_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    number = signal.SIGTERM
    less = ["--set", "epochs=1", "--set", "pairs_per_epoch=64", "--set", "validation_pairs=16"]
    runs = [tmp_path / "ended", tmp_path / "whole"]
    arguments = ["train", "tiny", "--device", "cpu", *less, "--out"]
    status, errors = end_by(number, [*arguments, runs[0]], lambda: (runs[0] / "log.jsonl").exists())
    assert (status, errors.splitlines()[-1]) == (128 + number, f"error: stopped by {number.name}")
    assert "Traceback" not in errors
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for place in runs:
        command = [sys.executable, "-m", "siamfc", *arguments, str(place), "--resume"]
        subprocess.run(command, check=True, capture_output=True, env=environment)
    digests = [tree_digest(place)["weights.safetensors"] for place in runs]
    assert digests[0] == digests[1]
