"""Boxes in several frames on the command line: their objects, and the output."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamfc.cli.app import run
from siamfc.cli.boxes import assign_boxes, parse_place
from siamfc.cli.loop import LostCounter
from siamfc.cli.usage import UsageError
from siamfc.frames import open_source
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from siamfc.tracking import FrameResult, Status, read_results

FILM = SquareVideo(SquareVideoSettings(frames=5, size=96, target=20, max_displacement=3, seed=1))
"""The video that the fixture `film` writes."""
A, B, C = (1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0), (9.0, 9.0, 9.0, 9.0)


@pytest.mark.parametrize(
    ("boxes", "names", "expected"),
    [
        ([(0, A)], [], [{0: A}]),
        ([(0, A)], ["cat"], {"cat": {0: A}}),
        ([(0, A), (0, B)], [], [{0: A}, {0: B}]),
        ([(0, A), (96, B)], [], [{0: A, 96: B}]),
        ([(0, A), (96, B)], ["cat"], {"cat": {0: A, 96: B}}),
        ([(0, A), (96, B)], ["cat", "dog"], {"cat": {0: A}, "dog": {96: B}}),
        ([(0, A), (0, B), (9, C), (9, A)], [], [{0: A, 9: C}, {0: B, 9: A}]),  # by order
        ([(0, A), (0, B), (9, C)], ["cat", "dog", "dog"], {"cat": {0: A}, "dog": {0: B, 9: C}}),
    ],
)
def test_it_is_clear_whose_each_box_is(boxes: list, names: list[str], expected: object) -> None:
    assert assign_boxes(boxes, names) == expected


@pytest.mark.parametrize(
    ("boxes", "names", "message"),
    [
        ([(0, A), (0, B), (9, C)], [], "2 boxes in one frame but 1 in frame 9, so it is not clear"),
        ([(0, A), (0, B), (9, C)], ["cat", "dog"], "give a --name for every --box"),
        ([(0, A), (9, B)], ["a", "b", "c"], "expected 1, one for each object or 2, one for each"),
        ([(0, A), (0, B)], ["cat", "cat"], "'cat' has two boxes in frame 0"),
        (
            [(0, A), (0, B), (9, C), (9, A)],
            ["cat", "cat"],
            "expected a different name for each object",
        ),
        ([(0, A)], [""], "--name: expected a name, got ''"),
    ],
)
def test_what_is_not_clear_is_refused(boxes: list, names: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        assign_boxes(boxes, names)


@pytest.fixture
def arguments(film: Path, weights: str) -> list[str]:
    return ["track", str(film), "--weights", weights, "--scales", "1"]


def typed(frame: int) -> str:
    return ",".join(f"{value:g}" for value in FILM.boxes[frame])


def test_key_frames_by_number_and_time_stand_in_the_results(
    arguments: list[str], tmp_path: Path
) -> None:
    results = tmp_path / "boxes.csv"
    given = ["--box", f"1:{typed(1)}", "--box", f"0:00.16:{typed(4)}", "--name", "square"]
    assert run([*arguments, *given, "--results", str(results)]) == 0
    found = read_results(results)
    assert [one.status for one in found][1:] == ["keyframe", "tracked", "tracked", "keyframe"]
    assert found[0].status in ("tracked", "lost")  # backwards
    assert {one.names for one in found} == {("square",)}
    assert found[4].box.tolist() == FILM.boxes[4].tolist()
    assert found[2].agreements is not None


def test_start_end_and_every_choose_the_frames(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--start", "1", "--end", "0:00.12", "--every", "2", "--smooth", "--json"]
    assert run([*arguments, "--box", typed(1), *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [one["frame"] for one in printed["track"]] == [1, 3]
    assert printed["track"][0]["status"] == ["keyframe"]
    (target,) = printed["targets"]
    assert {"name", "lost_frames", "first_lost"} <= set(target)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--box", "soon:1,2,3,4"], "--box: expected a frame's number or mm:ss.s, got 'soon'"),
        (["--box", "1:2:3:4:1,2,3,4"], "--box: expected a frame's number or mm:ss.s"),
        (["--box", "1,2,30,30", "--start", "x"], "--start: expected a frame's number or mm:ss.s"),
        (["--box", "9:1,2,30,30"], "has frames 0 to 4; got 9"),
        (["--box", "1:00:1,2,30,30"], "ends at 0.160 s; got 60 s"),
        (["--box", "1:1,2,30,30", "--start", "2"], "expected boxes from frame 2 on, got one in 1"),
        (["--box", "1,2,30,30", "--end", "1", "--box", "2:1,2,30,30"], "in frames 0 to 1, got one"),
        (["--box", "1,2,30,30", "--every", "0"], "every: expected a whole number of at least 1"),
        (["--smooth"], "expected a box, got none"),
    ],
)
def test_a_wrong_place_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str], given: list[str], message: str
) -> None:
    assert run([*arguments, *given]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_moving_image_has_a_clock(tmp_path: Path) -> None:
    first, *others = (Image.fromarray(image) for image in FILM)
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=40)
    with open_source(tmp_path / "a.gif") as source:
        expected = min(frame.index for frame in source if frame.time >= 0.1)
        assert expected > 0
        assert parse_place("0:00.1", "--start").in_source(source) == expected


def test_images_have_no_clock(
    tmp_path: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, image in enumerate(FILM):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    assert run(["track", str(tmp_path), "--weights", weights, "--box", f"0:01:{typed(1)}"]) == 2
    assert "has no clock: give the number of a frame" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lost", "at_once", "text"),
    [
        ([], False, "lost in 0 of 30 frames"),
        ([4, 5, 9], True, "lost in 3 of 30 frames, first in frame 4 (0:00.4)"),
        ([20], False, "lost in 1 of 30 frames, first in frame 20 (0:02.0)"),
        ([1], False, "lost in 1 of 30 frames, first in frame 1 (0:00.1)"),  # before its box
    ],
)
def test_the_summary_says_where_an_object_is_lost(
    lost: list[int], at_once: bool, text: str
) -> None:
    tally = LostCounter(0)
    for k in range(30):
        status = Status.KEYFRAME if k == 2 else Status.TRACKED
        flags = np.array([k in lost])
        tally.add(None, FrameResult(k, k / 10, np.ones((1, 4)), np.ones(1), flags, (status,)))
    assert tally.text == text
    assert tally.is_lost_at_once is at_once
    assert tally.hint.startswith("hint: object 1 was lost soon after its box")


class TestReview:
    @pytest.fixture
    def results(self, arguments: list[str], tmp_path: Path, capsys: object) -> Path:
        path = tmp_path / "boxes.csv"
        given = ["--box", f"0:{typed(0)}", "--box", f"4:{typed(4)}", "--name", "square"]
        assert run([*arguments, *given, "--results", str(path)]) == 0
        capsys.readouterr()  # type: ignore[attr-defined]
        return path

    def test_the_worst_frame_is_in_the_first_line(
        self, results: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["review", str(results), "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["frames"] == 5
        first = printed["stretches"][0]
        assert first["name"] == "square"
        assert first["reasons"]
        assert run(["review", str(results)]) == 0
        header, line, *_ = capsys.readouterr().out.splitlines()
        assert header.split()[:2] == ["look", "at"]
        assert line.split()[0] == str(first["worst"])
        assert line.rstrip().endswith(", ".join(first["reasons"]))

    def test_a_sure_track_has_nothing_to_look_at(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "still.txt"
        path.write_text("1,1,20,20\n" * 9)
        assert run(["review", str(path)]) == 0
        assert capsys.readouterr().out == "nothing to review in 9 frames\n"

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("none.csv", None, "none.csv"),
            ("a.csv", "frame,x\n1,2\n", "line 1"),
            ("a.xml", "", "results: expected a name in .txt, .csv or .jsonl"),
        ],
    )
    def test_what_is_no_file_of_results_is_refused(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        name: str,
        text: str | None,
        message: str,
    ) -> None:
        if text is not None:
            (tmp_path / name).write_text(text)
        assert run(["review", str(tmp_path / name)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
