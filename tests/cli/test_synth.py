"""`siamfc synth`: the output of each subcommand, and one-line errors."""

from pathlib import Path

import pytest

from siamfc.cli.app import run
from siamfc.synthetic import SyntheticDatasetSettings, read_dataset_settings


def test_dataset_says_its_need_of_disk_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    arguments = ["--images", "6", "--folders", "2", "--size", "64", "--square", "9", "--seed", "4"]
    assert run(["synth", "dataset", str(out), *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("6 images in 2 folders take about ")
    assert "are free" in printed.err.splitlines()[0]
    assert printed.out == f"{out}: 6 images in 2 folders, settings in dataset.json\n"
    expected = SyntheticDatasetSettings(images=6, folders=2, size=64, square=9, seed=4)
    assert read_dataset_settings(out) == expected


@pytest.mark.parametrize("verb", ["video", "clip"])
@pytest.mark.parametrize(
    ("name", "more", "made"),
    [
        ("v", [], ["v/groundtruth_rect.txt", "v/img/0003.png"]),
        ("v.mp4", [], ["v.mp4", "v.txt"]),
        ("v.mkv", ["--lossless"], ["v.mkv", "v.txt"]),
    ],
    ids=["folder", "h264", "lossless"],
)
def test_a_video_is_a_film_or_a_folder_as_its_name_says(
    tmp_path: Path, verb: str, name: str, more: list[str], made: list[str]
) -> None:
    assert run(["synth", verb, str(tmp_path / name), "--frames", "3", *more]) == 0
    for path in made:
        assert (tmp_path / path).stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["dataset", "OUT", "--images", "0"], 1, "images: expected a whole number of at least 1"),
        (["dataset", "OUT", "--images", "100000000000"], 1, "are needed and "),
        (["dataset", "OUT", "--format", "gif"], 2, "Choose from"),
        (["dataset", "OUT", "--images", "2", "--folders", "1", "--workers", "0"], 1, "workers: "),
        (["video", "OUT", "--target", "300"], 1, "target: expected at most the frame's size"),
        (["video", "OUT", "--lossless"], 1, "--lossless: a folder always is"),
        (["video", "OUT.mp4", "--lossless"], 1, "a lossless video: expected a name ending in .mkv"),
        (["clip", "OUT.gif"], 1, "a video: expected a name ending in"),
        (["clip", "OUT", "--widht", "3"], 2, "Did you mean --width?"),
        (["film"], 2, "unknown command"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    words = [word.replace("OUT", str(tmp_path / "out")) for word in arguments]
    assert run(["synth", *words]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [
        line for line in printed.err.splitlines() if "are free" not in line or "needed" in line
    ]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_video_is_not_written_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["synth", "video", str(tmp_path / "v"), "--frames", "2"]) == 0
    assert run(["synth", "video", str(tmp_path / "v"), "--frames", "2"]) == 1
    assert "v is not empty: choose another folder" in capsys.readouterr().err
