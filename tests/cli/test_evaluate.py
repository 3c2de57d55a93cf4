import json
from pathlib import Path

import pytest

from siamfc.cli.app import run
from siamfc.synthetic import SquareVideo, SquareVideoSettings, write_otb


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short videos of a square in OTB layout."""
    root = tmp_path_factory.mktemp("otb")
    for seed, name in enumerate(("One", "Two")):
        settings = SquareVideoSettings(frames=3 + seed, size=96, target=20, seed=seed)
        write_otb(root / name, SquareVideo(settings))
    return root


def test_json_has_the_scores_of_all_and_of_each(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "otb", str(dataset), "--weights", weights, "--json"]) == 0
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    names = {"auc", "precision", "center_error"}
    assert names | {"fps", "sequences"} <= content.keys()
    assert list(content["sequences"]) == ["One", "Two"]
    for one in content["sequences"].values():
        assert names <= one.keys()
    for name in names:
        values = [one[name] for one in content["sequences"].values()]
        assert content[name] == pytest.approx(sum(values) / 2)
    assert content["tracker"]["settings"]["scales"] == 3
    assert len(content["tracker"]["digest"]) == 64
    assert content["failures"] == {}


def test_the_table_ends_with_the_mean(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "otb", str(dataset), "--weights", weights, "--sequence", "Two"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["sequence", "AUC", "precision"]
    assert [row.split()[0] for row in rows] == ["Two", "mean"]
    assert rows[0].split()[1:] == rows[1].split()[1:]


def test_results_are_kept_and_settings_not_mixed(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", weights, "--out", str(tmp_path)]
    assert run([*command, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["One.csv", "Two.csv"]
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sequences"] == first["sequences"]
    assert run([*command, "--scales", "1"]) == 1
    error = capsys.readouterr().err
    assert "belongs to another run (tracker settings scales 3 there, 1 here)" in error
    assert error.count("\n") == 1


def test_a_sequence_that_fails_is_told_of_and_the_rest_goes_on(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    shutil.copytree(dataset, tmp_path / "data")
    (tmp_path / "data" / "One" / "img" / "0002.png").write_text("no image")
    command = ["evaluate", "otb", str(tmp_path / "data"), "--weights", weights, "--json"]
    assert run(command) == 1
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    assert list(content["sequences"]) == ["Two"]
    assert "0002.png" in content["failures"]["One"]
    assert "error: One: frame" in captured.err


def test_a_sequence_whose_counts_differ_can_be_left_out(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    shutil.copytree(dataset, tmp_path / "data")
    (tmp_path / "data" / "One" / "img" / "0009.png").touch()
    command = ["evaluate", "otb", str(tmp_path / "data"), "--weights", weights, "--json"]
    assert run(command) == 1
    assert "got 4 images: remove what is too many, or leave One out" in capsys.readouterr().err
    assert run([*command, "--sequence", "Two"]) == 0


def test_two_workers_give_the_same_scores(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", weights, "--json"]
    contents = []
    for more in ([], ["--workers", "2"]):
        assert run([*command, *more]) == 0
        contents.append(json.loads(capsys.readouterr().out))
    alone, spread = contents
    assert spread["auc"] == pytest.approx(alone["auc"], abs=1e-6)
    assert spread["center_error"] == pytest.approx(alone["center_error"], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        pytest.param(["otp", "."], 1, "unknown format 'otp'", id="no such format"),
        pytest.param(["otb", "nowhere"], 1, "no such file or folder", id="no such folder"),
        pytest.param(["otb", "src"], 1, "<sequence>/img/0001.jpg", id="no such data set"),
        pytest.param(["vid", ".", "--split", "tset"], 1, "expected one of train, val", id="split"),
        pytest.param(
            ["otb", ".", "--workers", "2", "--cluster", "tcp://x:1"], 2, "got both", id="two places"
        ),
        pytest.param(["otb"], 2, "ROOT", id="no root"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    status: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["evaluate", *arguments]) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out


def test_a_sequence_that_there_is_not_gets_advice(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", weights, "--sequence", "Onne"]
    assert run(command) == 2
    assert "no sequence 'Onne': did you mean 'One'?" in capsys.readouterr().err


def test_datasets_are_listed_with_layout_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    from siamfc.datasets.readers import FORMATS

    assert run(["datasets"]) == 0
    text = capsys.readouterr().out
    for one in FORMATS.values():
        for fact in (one.title, one.boxes, one.missing, one.homepage, *one.tree):
            assert fact in text
    assert run(["datasets", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in content["datasets"]] == list(FORMATS)
    assert content["datasets"][0]["splits"] == ["train", "val"]
    assert run(["datasets", "otb"]) == 0
    assert "GOT-10k" not in capsys.readouterr().out
    assert run(["datasets", "got10"]) == 1
    assert "did you mean 'got10k'" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["tre", "sre", "vot-supervised", "vot-multistart"])
def test_each_protocol_has_scores_and_a_folder_of_runs(
    protocol: str, dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", weights, "--out", str(tmp_path)]
    assert run([*command, "--protocol", protocol, "--sequence", "One", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert 0 <= content["auc"] <= 1
    assert list(tmp_path.rglob("*.csv"))
    if protocol.startswith("vot"):
        assert content["benchmark"]["protocol"] == protocol
        assert {"accuracy", "robustness", "eao"} <= content["benchmark"].keys()


def test_protocols_are_not_mixed_in_a_folder(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", weights, "--out", str(tmp_path)]
    assert run([*command, "--protocol", "vot-supervised"]) == 0
    assert run(command) == 1
    assert "belongs to another run (protocol" in capsys.readouterr().err


def test_repetitions_and_checkpoints_have_a_mean_and_a_deviation(
    dataset: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", weights, "--out", str(tmp_path)]
    assert run([*command, "--repeat", "2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["deviation"]["auc"] == 0
    assert [one["auc"] for one in content["repetitions"]] == [content["auc"]] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repetition_1", "repetition_2"]
    assert run([*command[:-1], str(tmp_path / "w"), "--weights", weights]) == 0
    text = capsys.readouterr().out
    assert "mean of 2 evaluations" in text
    assert text.splitlines()[4].split()[:2] == ["deviation", "0.000"]
    assert len(list((tmp_path / "w").iterdir())) == 2


def test_each_of_several_weights_has_its_own_mean(
    dataset: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "otb", str(dataset), "--weights", "light", "--weights", weights]
    assert run([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["weights"] == ["light", weights]
    assert len({one["digest"] for one in content["tracker"]}) == 2
    assert run(command) == 0
    shown = capsys.readouterr().out.splitlines()[5:7]
    for line, name, one in zip(shown, content["weights"], content["repetitions"], strict=True):
        assert line.startswith(f"mean of {name} ")
        assert f"{one['auc']:.3f}" in line.split()


def test_another_tracker_is_evaluated_and_its_failures_told(
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "still_tracker.py").write_text(
        "def still(image, box):\n    return box\n\n"
        "def nothing(image, box):\n    return [float('nan')] * 4\n"
    )
    monkeypatch.chdir(tmp_path)
    command = ["evaluate", "otb", str(dataset), "--json", "--tracker"]
    assert run([*command, "still_tracker:still"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["tracker"]["name"] == "still_tracker:still"
    assert content["precision"] == 1
    assert run([*command, "still_tracker:nothing", "--time-limit", "30"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["failures"].keys() == {"One", "Two"}
    assert captured.err.count("expected a box of 4 finite numbers") == 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        pytest.param(["--tracker", "nowhere:x"], 1, "cannot be imported", id="no module"),
        pytest.param(["--tracker", "CSRT"], 1, "expected opencv:NAME", id="no kind"),
        pytest.param(["--tracker", "a:b", "--weights", "c"], 2, "got both", id="both"),
        pytest.param(["--repeat", "0"], 2, "expected 1 to 1000, got 0", id="no repetition"),
        pytest.param(["--time-limit", "0"], 1, "expected seconds above 0", id="no time"),
        pytest.param(["--protocol", "opee"], 2, "opee", id="no protocol"),
        pytest.param(["--out", ""], 2, "expected the name of a folder, got ''", id="no name"),
        pytest.param(["--out", __file__], 1, "expected a folder for results", id="a file"),
        pytest.param(["--out", f"{__file__}/a"], 1, "expected a folder for", id="in a file"),
    ],
)
def test_impossible_wishes_are_one_line(
    arguments: list[str],
    status: int,
    message: str,
    dataset: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["evaluate", "otb", str(dataset), *arguments]) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
