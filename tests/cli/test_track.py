"""`siamfc track` on good input: what it writes and prints, and how it is stopped."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from siamfc.cli.app import run
from siamfc.cli.interrupt import StopRequest, Terminated
from siamfc.frames import Trail, open_source, open_writer
from siamfc.tracking import SiamFCSettings, read_results, read_track, settings_for


@pytest.fixture
def arguments(film: Path, box: str, weights: str) -> list[str]:
    return ["track", str(film), "--box", box, "--weights", weights, "--scales", "1"]


@pytest.fixture
def long_arguments(
    arguments: list[str], film: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The same with a video of 500 frames, which does not end before a signal comes."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with open_source(film) as source, open_writer(path, frame_rate=25) as writer:
        images = [frame.image for frame in source]
        for index in range(500):
            writer.write(images[index % len(images)], index / 25)
    return [str(path) if part == str(film) else part for part in arguments]


def test_film_and_boxes_have_every_frame(
    arguments: list[str], tmp_path: Path, box: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, results = tmp_path / "out.mp4", tmp_path / "boxes.csv"
    assert run([*arguments, "-o", str(out), "--results", str(results)]) == 0
    with open_source(out) as film:
        images = [frame.image for frame in film]
    assert len(images) == 5
    assert images[0].shape == (96, 96, 3)
    colourful = [np.ptp(image.astype(int), axis=2).max() > 60 for image in images]
    assert all(colourful), "the video is grey; only a drawn box has colour"
    boxes = read_results(results)
    assert [one.index for one in boxes] == list(range(5))
    assert boxes[0].boxes[0].tolist() == [float(value) for value in box.split(",")]
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith("5 frames in ")
    assert f"video: {out}" in printed.out
    assert "; lost in " in printed.out
    assert f"boxes: {results}" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    ("name", "made"),
    [("a.txt", ["a_1.txt", "a_2.txt"]), ("a.csv", ["a.csv"]), ("a.jsonl", ["a.jsonl"])],
)
def test_two_objects_in_every_kind_of_file(
    arguments: list[str], tmp_path: Path, name: str, made: list[str]
) -> None:
    assert run([*arguments, "--box", "1,2,30,30", "--results", str(tmp_path / name)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == made
    rows = [read_results(tmp_path / one) for one in made]
    assert all(len(one) == 5 for one in rows)
    assert sum(one[0].boxes.shape[0] for one in rows) == 2


@pytest.mark.parametrize(
    ("name", "form"), [("a.xml", None), ("a.json", None), ("a", "yolo"), ("a.json", "label-studio")]
)
def test_boxes_are_written_for_annotation_tools(
    arguments: list[str], tmp_path: Path, name: str, form: str | None
) -> None:
    chosen = [] if form is None else ["--format", form]
    assert run([*arguments, "--results", str(tmp_path / name), *chosen]) == 0
    found = read_track(tmp_path / name)
    assert (found.size, found.frame_count, len(found.frames)) == ((96, 96), 5, 5)


@pytest.mark.parametrize("name", ["film.webm", "film.mkv", "frames/"])
def test_the_ending_decides_what_kind_of_film_is_written(
    arguments: list[str], tmp_path: Path, name: str
) -> None:
    assert run([*arguments, "-o", f"{tmp_path}/{name}"]) == 0
    with open_source(tmp_path / name) as film:
        assert sum(1 for _ in film) == 5


def test_json_is_one_object_and_holds_the_boxes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"source", "frames", "seconds", "fps", "complete", "targets", "track"} <= set(printed)
    assert printed["frames"] == 5
    assert printed["complete"] is True
    assert [one["frame"] for one in printed["track"]] == list(range(5))
    assert printed["targets"][0]["last_box"] == printed["track"][-1]["boxes"][0]
    assert printed["out"] is None


def test_json_says_whether_the_object_is_lost(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["track"][0]["lost"] == [False]
    assert printed["targets"][0]["lost"] is printed["track"][-1]["lost"][0]


def test_the_exemplar_may_follow_and_a_lost_object_be_searched(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from siamfc.cli import track as verb

    seen: list[SiamFCSettings] = []

    def follow(
        frames: object, boxes: object, matcher: object, settings: SiamFCSettings, **rest: object
    ) -> object:
        seen.append(settings)
        return tracking_follow(frames, boxes, matcher, settings, **rest)

    tracking_follow = verb.follow  # type: ignore[attr-defined]
    monkeypatch.setattr(verb, "follow", follow)
    assert run([*arguments, "--update", "previous", "--search-again"]) == 0
    assert seen[0] == settings_for(1, update="previous", search_again=True)
    assert seen[0].update.rate == 1
    assert seen[0].lost.windows > 0


def test_json_names_the_files_instead_where_there_are_some(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = str(tmp_path / "boxes.jsonl")
    assert run([*arguments, "--json", "--results", results]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["results"] == [results]
    assert "track" not in printed


def test_a_film_that_is_cut_off_is_tracked_as_far_as_it_goes(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    random = np.random.default_rng(0)
    with open_writer(whole) as writer:
        for _ in range(5):  # of noise, so that every frame takes as many bytes
            writer.write(random.integers(0, 256, (96, 96, 3), np.uint8), math.nan)
    content = whole.read_bytes()
    cut.write_bytes(content[: (content.index(b"mdat") + len(content)) // 2])
    arguments[1] = str(cut)
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert 0 < json.loads(printed.out)["frames"] < 5
    assert printed.err.startswith("warning: ")
    assert printed.err.count("\n") == 1


def test_overwrite_replaces(arguments: list[str], tmp_path: Path) -> None:
    out, results = tmp_path / "out.mp4", tmp_path / "boxes.txt"
    for path in (out, results):
        path.write_text("old")
    files = ["-o", str(out), "--results", str(results)]
    assert run([*arguments, *files]) == 1
    assert out.read_text() == results.read_text() == "old"
    assert run([*arguments, *files, "--overwrite"]) == 0
    assert out.read_bytes()[4:8] == b"ftyp"
    assert len(results.read_text().splitlines()) == 5


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS, ids=["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_a_request_to_end_keeps_what_was_tracked_in_whole_files(
    number: signal.Signals,
    long_arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def press() -> None:
        deadline = time.monotonic() + 300
        while not _is_tracking() and time.monotonic() < deadline:
            time.sleep(0.001)
        if _is_tracking():
            os.kill(os.getpid(), number)

    out, results = tmp_path / "out.mp4", tmp_path / "boxes.csv"
    before = signal.signal(number, lambda *_: None)  # were it late, it would end the tests
    thread = threading.Thread(target=press)
    thread.start()
    status = run([*long_arguments, "--json", "-o", str(out), "--results", str(results)])
    thread.join()
    signal.signal(number, before)
    printed = capsys.readouterr()
    assert status == 128 + number
    frames = json.loads(printed.out)["frames"]
    assert json.loads(printed.out)["complete"] is False
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert f"stopped by {name} after {frames} frame" in printed.err
    with open_source(out) as film:
        assert sum(1 for _ in film) == frames
    assert len(read_results(results)) == frames
    assert not _is_tracking()


def _is_tracking() -> bool:
    return isinstance(getattr(signal.getsignal(signal.SIGINT), "__self__", None), StopRequest)


@pytest.mark.parametrize("number", SIGNALS, ids=["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_a_second_request_ends_at_once(number: signal.Signals) -> None:
    ends = KeyboardInterrupt if number == signal.SIGINT else Terminated
    before = signal.signal(number, lambda *_: None)  # the tests may run where it is ignored
    try:
        with StopRequest() as stop:
            signal.raise_signal(number)
            assert stop.requested
            with pytest.raises(ends):
                signal.raise_signal(number)
    finally:
        signal.signal(number, before)
    assert not _is_tracking()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_termination_before_the_first_frame_leaves_no_files(
    number: signal.Signals, long_arguments: list[str], tmp_path: Path
) -> None:
    files = ["-o", str(tmp_path / "out.mp4"), "--results", str(tmp_path / "boxes.csv")]
    command = [sys.executable, "-m", "siamfc", *long_arguments, *files]
    before = signal.signal(number, signal.SIG_DFL)  # what is ignored here would be there too
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(number, before)
    while not any(tmp_path.iterdir()) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    left = {path.name for path in tmp_path.iterdir()}
    assert left in (set(), {"out.mp4", "boxes.csv"}), "both, had the first frame come before it"


def test_a_request_to_end_does_not_wait_for_a_frame_that_does_not_come() -> None:
    def stalled() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGTERM)
        time.sleep(60)
        yield 2

    with StopRequest() as stop:
        frames = stalled()
        assert stop.next_from(frames) == 1
        assert stop.next_from(frames) is None
        assert stop.requested


def test_standard_input_is_a_source(arguments: list[str], tmp_path: Path) -> None:
    results = tmp_path / "boxes.csv"
    command = [sys.executable, "-m", "siamfc", "track", "-", *arguments[2:]]
    with Path(arguments[1]).open("rb") as film:
        subprocess.run([*command, "--results", str(results)], stdin=film, check=True)
    assert len(read_results(results)) == 5


def test_a_source_that_fails_midway_keeps_what_was_tracked(
    arguments: list[str], film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = tmp_path / "frames", tmp_path / "boxes.csv"
    with open_source(film) as source, open_writer(folder) as writer:
        for frame in source:
            writer.write(frame.image)
    (folder / "000003.png").write_bytes(b"no image")
    status = run(["track", str(folder), *arguments[2:], "--results", str(results)])
    assert status == 1
    assert "000003.png cannot be read" in capsys.readouterr().err
    assert len(read_results(results)) == 3


@pytest.mark.parametrize(("every", "frames"), [(1, 25), (5, 5)])
def test_a_trail_lasts_a_second_whatever_is_skipped(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, frames: int
) -> None:
    asked = []
    monkeypatch.setattr(
        "siamfc.cli.track.Trail", lambda length: asked.append(length) or Trail(length)
    )
    more = ["--trail", "--every", str(every), "-o", str(tmp_path / "a.mp4")]
    assert run([*arguments, *more]) == 0
    assert asked == [frames]


def test_the_sound_is_copied_unless_told_otherwise(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(
        "siamfc.cli.sinks.open_writer",
        lambda *args, **options: asked.append(options) or open_writer(*args, **options),
    )
    assert run([*arguments, "-o", str(tmp_path / "a.mp4")]) == 0
    assert run([*arguments, "-o", str(tmp_path / "b.mp4"), "--no-sound"]) == 0
    assert [options["sound"] for options in asked] == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("windows_influence=0.3", "no setting named 'windows_influence': did you mean"),
        ("window_influence=2", "settings: window_influence: expected a number from 0 to 1, got 2"),
        ("lost.windows=many", "lost.windows: expected a whole number, got 'many'"),
        ("scale_step", "expected NAME=VALUE"),
    ],
)
def test_a_wrong_setting_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert run([*arguments, "--set", text]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_set_changes_any_setting(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing but the window to go by, the target stays where it is."""
    still = ["--set", "window_influence=1", "--set", "lost.lost_threshold=0"]
    assert run([*arguments, "--json", *still]) == 0
    track = json.loads(capsys.readouterr().out)["track"]
    np.testing.assert_allclose([one["boxes"] for one in track], [track[0]["boxes"]] * 5, atol=0.1)


BOTH = ["--name", "Ana", "--box", "50,50,20,20", "--name", "Ben"]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([], ("Ana", "Ben")),
        (["person"], ("person", "person")),
        (["woman", "man"], ("woman", "man")),
    ],
)
def test_classes_stand_in_the_file_beside_the_names(
    arguments: list[str], tmp_path: Path, classes: list[str], expected: tuple[str, ...]
) -> None:
    given = [word for one in classes for word in ("--class", one)]
    assert run([*arguments, *BOTH, *given, "--results", str(tmp_path / "boxes.xml")]) == 0
    found = read_track(tmp_path / "boxes.xml")
    assert (found.names, found.labels) == (("Ana", "Ben"), expected)


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        (["--class", "a"], 2, "--class, --format: expected --results FILE"),
        (["--format", "coco"], 2, "--class, --format: expected --results FILE"),
        (["--codec", "vp9"], 2, "--codec, --trail, --no-sound: expected -o FILE"),
        (["--trail", "--results", "a.csv"], 2, "--codec, --trail, --no-sound: expected -o FILE"),
        (["-o", "a", "--results", "./a", "--format", "yolo"], 2, "expected two names, got a twice"),
        (["--class", "a", "--results", "b.csv"], 1, "expected a format that has them, mot, coco,"),
        (["--class", "a", "--class", "b", "--class", "c", "--results", "b.xml"], 1, "got 3"),
    ],
)
def test_flags_without_their_file_are_refused(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*arguments, *BOTH, *given]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.glob("b.*"))
