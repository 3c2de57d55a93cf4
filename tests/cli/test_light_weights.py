"""Every verb that tracks, with a network that predicts boxes."""

import json
from pathlib import Path
from typing import Any

import pytest

from network.network_samples import make_light_checkpoint
from siamfc.cli.app import run
from siamfc.evaluation import Got10kTracker, PretrainedTracker
from siamfc.network import export_weights
from siamfc.synthetic import SquareVideo, SquareVideoSettings, write_otb
from siamfc.tracking import LightSettings, read_results


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("weights") / "light"
    export_weights(make_light_checkpoint(), folder)
    return str(folder)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("more", [[], ["--scales", "1"], ["--no-search-again"]], ids=str)
def test_track(
    more: list[str],
    light: str,
    film: Path,
    box: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = tmp_path / "boxes.csv"
    arguments = ["track", str(film), "--box", box, "--weights", light, "--json", *more]
    assert run([*arguments, "--results", str(results)]) == 0
    assert printed(capsys)["frames"] == len(read_results(results)) == 5


def test_demo(light: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "demo.mp4")]
    assert run(["demo", "--frames", "3", "--weights", light, "--json", *out]) == 0
    assert printed(capsys)["frames"] == 3


def test_evaluate_records_its_settings(
    light: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = SquareVideo(SquareVideoSettings(frames=3, size=96, target=20, seed=1))
    write_otb(tmp_path / "One", video)
    assert run(["evaluate", "otb", str(tmp_path), "--weights", light, "--json"]) == 0
    settings = printed(capsys)["tracker"]["settings"]
    assert settings["window_influence"] == LightSettings().window_influence
    assert "scales" not in settings


def test_the_toolkits_class_and_other_processes_make_it_too(light: str) -> None:
    tracker = PretrainedTracker(weights=light, device="cpu")()
    assert tracker.settings == LightSettings()
    video = SquareVideo(SquareVideoSettings(frames=2, size=96, target=20, seed=1))
    tracker.init(video[0], video.boxes[0])
    found = Got10kTracker.from_pretrained(light, "cpu")
    assert found._tracker.settings == LightSettings()
    assert tracker.update(video[1]).shape == (4,)
    assert PretrainedTracker(weights="siamfc", device="cpu").record()["settings"]["scales"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["track", "{film}", "--box", "{box}", "--scales", "5"], "scales: expected 1, or none"),
        (["evaluate", "otb", "{folder}", "--scales", "3"], "scales: expected 1, or none"),
        (["trax", "--scales", "3"], "scales: expected 1, or none"),
        (["serve", "{folder}", "--scales", "3", "--no-browser"], "scales: expected 1, or none"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_the_network_cannot_do_is_one_line(
    arguments: list[str],
    message: str,
    light: str,
    film: Path,
    box: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_otb(tmp_path / "One", SquareVideo(SquareVideoSettings(frames=2, size=96, target=20)))
    filled = [one.format(film=film, box=box, folder=tmp_path) for one in arguments]
    assert run([*filled, "--weights", light]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
