"""`siamfc train`: what it prints, and what it refuses in one line."""

import json

import pytest
from small import SIZES

from siamfc.cli import main
from siamfc.network.checkpoint import Checkpoint

SMALL = {
    **SIZES,
    "epochs": 1,
    "pairs_per_epoch": 2,
    "batch": 2,
    "validation_pairs": 2,
    "validation_batch": 2,
    "optimiser.warm_up_steps": 1,
}


def _train(capsys, *arguments):
    status = main(["train", *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out, output.err


def _set(**changes):
    values = {**SMALL, **{k.replace("__", "."): v for k, v in changes.items()}}
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def test_a_run_prints_one_object_and_its_progress_elsewhere(tmp_path, capsys):
    out = tmp_path / "run"
    status, printed, progress = _train(capsys, "tiny", "--out", out, *_set(), "--json")
    assert status == 0, progress
    result = json.loads(printed)
    assert result["weights"] == str(out / "weights.safetensors")
    assert (result["best_epoch"], result["steps"], result["pairs"]) == (1, 1, 2)
    assert result["epochs"][0]["tracking_center_error"] >= 0
    assert Checkpoint.load(result["weights"]).metadata.card["recipe"] == "tiny"
    assert progress.startswith("epoch 1/1: training loss 0.")
    status, _, complaint = _train(capsys, "tiny", "--out", out, *_set())
    assert status == 1
    assert complaint.startswith(f"error: {out}: there is a run already: --resume")
    status, _, complaint = _train(capsys, "tiny", "--out", out, *_set(batch=1), "--resume")
    assert status == 1
    assert "recipe.batch was 2 and is 1" in complaint
    status, printed, _ = _train(capsys, "tiny", "--out", out, *_set(), "--resume")
    assert status == 0
    assert printed.splitlines()[0] == f"{out}/weights.safetensors: the weights after 1 epoch"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["procedual"], "no recipe named 'procedual': did you mean 'procedural'?"),
        (["tiny", "--set", "bach=8"], "no setting named 'bach': did you mean 'batch'?"),
        (["tiny", "--settings", "none.toml"], "none.toml: expected a file of settings in TOML"),
        (["paper"], "the recipe paper needs pairs from a store: give --data STORE"),
        (["paper", "--data", "none"], "none: "),
        (["tiny", "--weights", "none.safetensors"], "weights: no such file or folder"),
        (["tiny", "--device", "cuda"], "device 'cuda': torch finds no GPU that it can use"),
    ],
)
def test_bad_input_is_one_line(arguments, complaint, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    status, printed, errors = _train(capsys, *arguments, "--out", "run")
    assert (status, printed) == (1, "")
    assert errors.startswith(f"error: {complaint}")
    assert len(errors.splitlines()) == 1
    assert not (tmp_path / "run" / "run.json").exists()


def test_weights_of_another_architecture_are_refused(tmp_path, capsys):
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    record = {"format": 1, "architecture": "siamrpn"}
    save_file({"conv": np.zeros(3, np.float32)}, path, metadata={"siamfc": json.dumps(record)})
    arguments = ("tiny", "--out", tmp_path / "run", "--weights", path)
    status, _, errors = _train(capsys, *arguments)
    assert status == 1
    assert "architecture: expected 'siamfc-alexnet' or 'siamfc-light' or" in errors
    assert "got 'siamrpn'" in errors


@pytest.mark.slow
def test_tiny_trains_exports_and_tracks_its_video_within_two_pixels(tmp_path, capsys):
    out = tmp_path / "run"
    status, printed, progress = _train(capsys, "tiny", "--out", out, "--json")
    assert status == 0, progress
    last = json.loads(printed)["epochs"][-1]
    assert last["tracking_center_error"] < 2
    assert last["validation_loss"] < 0.69  # better than not to know
    weights = tmp_path / "weights"
    assert (
        main(["export", "--out", str(weights), "--weights", str(out / "weights.safetensors")]) == 0
    )
    video = ["synth", "video", str(tmp_path / "video"), "--frames", "40", "--seed", "5"]
    assert main(video) == 0
    capsys.readouterr()
    arguments = ["--weights", str(weights), "--scales", "1", "--json"]
    assert main(["evaluate", "synthetic", str(tmp_path / "video"), *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["center_error"] < 2
