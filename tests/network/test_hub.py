"""Weights from the Hugging Face Hub, by a fake of its library; and model cards."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from siamfc import Tracker
from siamfc.cli.app import run
from siamfc.errors import CheckpointError, MissingDependencyError
from siamfc.network import Metadata, available_weights, export_weights, load_checkpoint
from siamfc.network.export import model_card
from siamfc.network.loader import download_weights, read_metadata


class FakeHub(ModuleType):
    """The library's one function that is called, over a local folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("huggingface_hub")
        self.folder = folder
        self.asked: list[tuple[str, str | None]] = []
        self.error: Exception | None = None

    def snapshot_download(self, repo_id, *, revision=None, allow_patterns=None):
        self.asked.append((repo_id, revision))
        assert set(allow_patterns) == {"model.json", "model.safetensors"}
        if self.error:
            raise self.error
        return str(self.folder)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    fake = FakeHub(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    download_weights.cache_clear()
    yield fake
    download_weights.cache_clear()


def test_an_address_is_downloaded_once_and_tracked_with(hub):
    export_weights(load_checkpoint("light"), hub.folder)
    tracker = Tracker.from_pretrained("hf://somebody/fish-1.0", device="cpu")
    assert tracker.matcher.spec == load_checkpoint("light").metadata.spec
    assert (
        read_metadata("hf://somebody/fish-1.0").digest == load_checkpoint("light").metadata.digest
    )
    assert hub.asked == [("somebody/fish-1.0", None)]


def test_a_revision_follows_an_at_sign(hub):
    download_weights("hf://somebody/fish@v1.2")
    assert hub.asked == [("somebody/fish", "v1.2")]


@pytest.mark.parametrize("address", ["hf://", "hf://fish", "hf://a/b/c", "hf://a/b@", "hf://a/b?c"])
def test_another_address_asks_nobody(hub, address):
    with pytest.raises(CheckpointError, match="expected hf://owner/name"):
        download_weights(address)
    assert hub.asked == []


@pytest.mark.parametrize("error", [OSError("404\nnot found"), ValueError("bad name")])
def test_a_failed_download_is_one_line(hub, error, capsys):
    hub.error = error
    assert run(["export", "--weights", "hf://somebody/fish", "--out", str(hub.folder / "out")]) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "hf://somebody/fish: cannot be downloaded" in line


def test_without_the_library_an_address_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"huggingface_hub.*\[hub\]"):
        download_weights("hf://somebody/other")


@pytest.mark.parametrize("weights", available_weights(), ids=lambda one: one.name)
def test_cards_of_weights_that_ship_are_complete(weights):
    text = model_card(weights.metadata)
    _, front, body = text.split("---\n", 2)
    entries = yaml.safe_load(front)
    assert entries["license"] == "apache-2.0"
    assert entries["library_name"] == "siamfc"
    (result,) = entries["model-index"][0]["results"]
    scores = {one["name"]: one["value"] for one in result["metrics"]}
    assert scores == dict(weights.metadata.card["scores"])
    assert weights.metadata.digest in body
    assert weights.metadata.card["description"] in body
    assert "{" not in body


def test_a_card_without_an_origin_claims_nothing():
    text = model_card(Metadata())
    entries = yaml.safe_load(text.split("---\n", 2)[1])
    assert entries.keys() == {"library_name", "tags"}


def test_what_a_card_quotes_cannot_break_its_front_matter():
    nasty = {"licence": 'a: "b"\n---\n# c', "scores": {"AUC": 0.5}, "scores_are": "x: [y]\n---"}
    metadata = replace(Metadata(), card=nasty)
    front = model_card(metadata).split("\n---\n", 1)[0].removeprefix("---\n")
    entries = yaml.safe_load(front)
    assert entries["license"] == nasty["licence"].lower()
    assert entries["model-index"][0]["results"][0]["dataset"]["name"] == nasty["scores_are"]


def test_an_exported_folder_has_its_card_and_is_loaded_by_its_path(tmp_path):
    export_weights(load_checkpoint("light"), tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == model_card(
        read_metadata(tmp_path)
    )
    assert json.loads((tmp_path / "model.json").read_text())["architecture"] == "siamfc-light"
    Tracker.from_pretrained(tmp_path, device="cpu")
