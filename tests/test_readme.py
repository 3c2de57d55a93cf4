"""What README says can be typed can be typed."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from siamfc.cli.app import run
from siamfc.cli.verbs import VERBS
from siamfc.data.synthetic import SquareVideo, SquareVideoSettings
from siamfc.frames import open_source, open_writer
from siamfc.tracking import read_results

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[list[str]]:
    """Each call of siamfc, without what stands before and after it."""
    parts = [part for block in blocks("sh") for part in re.split(r"&&|\n", block)]
    words = [shlex.split(part) for part in parts if part.strip()]
    return [line[1:] for line in words if Path(line[0]).name == "siamfc"]


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The video that README speaks of, in the present folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "video.mp4"
    with open_writer(path, frame_rate=25) as writer:
        for index, image in enumerate(SquareVideo(SquareVideoSettings(frames=4, seed=3))):
            writer.write(image, index / 25)
    return path


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_a_verb_and_flags_that_exist(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command[0] in {verb.name for verb in VERBS}
    assert run([command[0], "--help"]) == 0
    text = capsys.readouterr().out
    for word in command[1:]:
        if word.startswith("-"):
            assert word in text


def test_the_track_command_runs(video: Path) -> None:
    (command,) = [line for line in commands() if line[0] == "track"]
    assert run(command) == 0
    assert len(read_results(video.with_name("boxes.csv"))) == 4
    assert video.with_name("tracked.mp4").stat().st_size > 0


def test_the_python_example_runs(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["0", "1", "2", "3"]
    assert names["table"]["frame"].tolist() == [0, 1, 2, 3]
    with open_source(video.with_name("film.mp4")) as film:
        assert len(list(film)) == 4


def test_links_lead_to_files_that_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    missing = [one for one in links if "://" not in one and not (ROOT / one).exists()]
    assert not missing
