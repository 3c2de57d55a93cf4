"""`siamfc curate`: from a data set to a store, with one-line errors."""

import json
import shutil
from pathlib import Path

import pytest

from siamfc.cli.app import run
from siamfc.crops.store import Store
from siamfc.synthetic import SyntheticDatasetSettings, write_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_dataset(root, SyntheticDatasetSettings(images=6, folders=2, size=96, square=30))
    return root


def test_a_data_set_becomes_a_store_that_verifies(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "store"
    assert run(["curate", "synthetic", str(data), str(place), "--max-shift", "4"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split() == ["kept", "6"]
    assert f"{place}: 6 crops of 277 pixels, 2 tracks, 6 images; SHA-256 " in printed
    assert run(["curate", "--verify", str(place)]) == 0
    assert "6 crops and their index are intact" in capsys.readouterr().out


def test_json_is_one_object(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "store"
    arguments = ["curate", "synthetic", str(data), str(place), "--frame-step", "2", "--json"]
    assert run(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    with Store(place) as store:
        assert result == {
            "store": str(place),
            "crops": 4,
            "crop_size": 285,
            "tracks": 2,
            "images": 6,
            "left_out": {"skipped": 2},
            "problems": [],
            "problem_count": 0,
            "digest": store.digest,
        }
    assert run(["curate", "--verify", str(place), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == result["digest"]


def test_check_ends_with_1_where_something_is_wrong(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(data, tmp_path / "data")
    assert run(["curate", "--check", "synthetic", str(root)]) == 0
    assert "2 videos, 2 targets, 6 images, 6 boxes; 0 problems" in capsys.readouterr().out
    (root / "0001" / "img" / "0002.png").write_bytes(b"no image")
    assert run(["curate", "--check", "synthetic", str(root), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"] == {"unreadable image": 1}
    assert run(["curate", "--check", "synthetic", str(root)]) == 1
    assert "unreadable image" in capsys.readouterr().out


def test_parts_that_cannot_be_read_are_told_of(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(data, tmp_path / "data")
    (root / "0001" / "groundtruth_rect.txt").write_text("a,b,c,d\n")
    assert run(["curate", "synthetic", str(root), str(tmp_path / "store")]) == 0
    errors = capsys.readouterr().err
    assert "warning: 1 problem with the data set, the first: 0001: " in errors


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["vid", "DATA", "OUT"], 1, "expected ILSVRC2015 VID as Data/VID/train/"),
        (["synthetic", "DATA/nowhere", "OUT"], 1, "got no such file or folder"),
        (["synthetik", "DATA", "OUT"], 1, "did you mean 'synthetic'?"),
        (["synthetic", "DATA", "DATA"], 1, "expected a store or an empty folder, found other"),
        (["synthetic", "DATA", "OUT", "--least-side", "0"], 1, "least_side: expected a number of"),
        (
            ["synthetic", "DATA", "OUT", "--workers", "0"],
            1,
            "workers: expected a whole number from 1 to",
        ),
        (["synthetic", "DATA"], 2, "expected FORMAT ROOT STORE"),
        ([], 2, "expected FORMAT ROOT STORE"),
        (["--check", "synthetic"], 2, "expected --check FORMAT ROOT"),
        (["--check", "synthetic", "DATA", "OUT"], 2, "expected --check FORMAT ROOT"),
        (["synthetic", "--verify", "OUT"], 2, "expected --verify STORE and nothing else"),
        (["--verify", "OUT"], 1, "expected a store made by `siamfc curate`, found none"),
        (["synthetic", "DATA", "OUT", "--workers", "2", "--cluster", "x"], 2, "either --workers"),
        (["synthetic", "DATA", "OUT", "--leest-side", "3"], 2, "Did you mean --least-side?"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    out = str(tmp_path / "out")
    words = [word.replace("DATA", str(data)).replace("OUT", out) for word in arguments]
    assert run(["curate", *words]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert list(tmp_path.iterdir()) == []


def test_filters_that_nothing_passes_are_an_error(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "store")
    assert run(["curate", "synthetic", str(data), place, "--least-side", "50"]) == 1
    assert "expected at least one target that passes the filters" in capsys.readouterr().err
