"""`siamfc models` and `siamfc export`."""

import json
import re

import pytest
from network_samples import make_checkpoint, make_light_checkpoint

from siamfc.cli.app import run
from siamfc.network import Checkpoint, Metadata, export_weights, load_matcher, loader


@pytest.fixture(autouse=True)
def shipped(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    monkeypatch.setattr(loader, "_SHIPPED", folder)
    return folder


def export_with_card(card, folder):
    tensors = make_checkpoint().tensors
    export_weights(Checkpoint(tensors=tensors, metadata=Metadata(card=card)), folder)


def test_models_are_listed_with_their_cards(shipped, capsys):
    scores = {"auc": 0.6125, "precision": 0.77}
    card = {
        "pairs": 1_200_000,
        "updates_per_second": 5.25,
        "updates_per_second_on_a_gpu": 278,
        "scores": scores,
        "licence": "Apache-2.0",
    }
    export_with_card(card, shipped / "siamfc")
    export_with_card({"scores": "secret", "pairs": None}, shipped / "odd")
    export_weights(make_light_checkpoint(), shipped / "light")
    assert run(["models"]) == 0
    rows = [re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines()]
    header = [
        "name",
        "network",
        "MB",
        "updates/s",
        "on a GPU",
        "pairs",
        "auc",
        "precision",
        "licence",
    ]
    assert rows == [
        header,
        ["light *", "siamfc-light", "5.0", "–", "–", "0", "–", "–", "CC0-1.0"],
        ["odd", "siamfc-alexnet", "28.0", "–", "–", "–", "–", "–", "–"],
        [
            "siamfc",
            "siamfc-alexnet",
            "28.0",
            "5.25",
            "278",
            "1,200,000",
            "0.613",
            "0.770",
            "Apache-2.0",
        ],
    ]
    assert run(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["models"]
    assert [item["name"] for item in found] == ["light", "odd", "siamfc"]
    assert [item["default"] for item in found] == [True, False, False]
    assert found[0]["network"] == "siamfc-light"
    assert found[2]["card"] == card


def test_an_empty_list_of_models_is_no_error(capsys):
    assert run(["models"]) == 0
    assert "includes no weights" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "size"), [(make_checkpoint, "9.3 MB"), (make_light_checkpoint, "1.3 MB")]
)
def test_export_writes_a_folder_that_a_tracker_can_use(make, size, tmp_path, capsys):
    path, out = tmp_path / "best.safetensors", tmp_path / "out"
    make().save(path)
    assert run(["export", "--weights", str(path), "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["digest"] == load_matcher(out, device="cpu", threads=1).metadata.digest
    assert set(printed["files"]) == {str(file) for file in out.iterdir()}

    assert run(["export", "--weights", str(path), "--out", str(out)]) == 1
    assert "exists" in capsys.readouterr().err
    assert run(["export", "--weights", str(path), "--out", str(out), "--overwrite"]) == 0
    assert f"search.onnx  {size}" in capsys.readouterr().out


def test_exporting_an_invalid_checkpoint_is_one_line(tmp_path, capsys):
    path = tmp_path / "best.safetensors"
    path.write_bytes(b"\x80\x04 not safetensors")
    assert run(["export", "--weights", str(path), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {path}: expected safetensors, got a pickle")
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()
