"""`siamfc compare`."""

import json
import sys
from pathlib import Path

import pytest

from siamfc.cli import main
from siamfc.frames import open_source


class Still:
    """A tracker to name on the command line."""

    def init(self, _image: object, box: object) -> None:
        self.box = box

    def update(self, _image: object) -> object:
        return self.box


class Fails(Still):
    """A tracker that fails early."""

    def update(self, _image: object) -> object:
        raise RuntimeError("lost it")


def test_one_film_has_the_boxes_of_all(
    film: Path, box: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, results = tmp_path / "all.mp4", tmp_path / "all.csv"
    arguments = [str(film), "--box", box, "-o", str(out), "--weights", weights, "--json"]
    named = ["--tracker", f"{__name__}:Still", "--results", str(results)]
    assert main(["compare", *arguments, *named]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["frames"] == 5
    assert list(answer["trackers"]) == ["siamfc", f"{__name__}:Still"]
    still = answer["trackers"][f"{__name__}:Still"]
    assert still["last_box"] == [float(value) for value in box.split(",")]
    assert still["failure"] is None
    with open_source(out) as source:
        assert sum(1 for _ in source) == 5
    assert len(results.read_text().splitlines()) == 1 + 2 * 5


def test_a_tracker_that_fails_is_said_and_the_film_is_kept(
    film: Path, box: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all.mp4"
    arguments = ["compare", str(film), "--box", box, "-o", str(out), "--weights", weights]
    assert main([*arguments, "--tracker", f"{__name__}:Fails"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert errors == [f"error: {__name__}:Fails: frame 1: RuntimeError: lost it"]
    assert out.exists()


def test_without_opencv_one_line_says_what_to_do(
    film: Path,
    box: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    out = tmp_path / "all.mp4"
    assert main(["compare", str(film), "--box", box, "-o", str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: OpenCV's trackers need cv2: `pip install")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "1,2,3"], "expected 4 numbers"),
        (["--box", "1,2,3,4", "--tracker", "KCF"], "expected opencv:NAME"),
        (["--box", "200,200,6,7", "--tracker", f"{__name__}:Still"], "a box inside the frame"),
        (
            ["--box", "1,2,3,4", "--tracker", "a:b", "--tracker", "a:b"],
            "expected each tracker once",
        ),
    ],
)
def test_bad_arguments_are_one_line(
    film: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = ["-o", str(tmp_path / "all.mp4"), "--results", str(tmp_path / "all.csv")]
    assert main(["compare", str(film), *arguments, *files]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []
