"""A whole run: its folder, what it refuses, and that it goes on where it was."""

import json
import shutil
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from small import small_recipe

from siamfc.crops.augment import AugmentSettings
from siamfc.errors import CheckpointError, DatasetError, InputError, OutputError
from siamfc.folder_lock import lock_folder
from siamfc.network.checkpoint import Checkpoint
from siamfc.overrides import change
from siamfc.training.data_settings import StoreData
from siamfc.training.folder import RunFolder
from siamfc.training.loop import NotFiniteError
from siamfc.training.losses import binary_cross_entropy
from siamfc.training.memory import largest_batch, too_large
from siamfc.training.recipes import finetune
from siamfc.training.run import RunOptions, run

SMALL = AugmentSettings(exemplar_size=87, search_size=103)


def _log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def _without_speed(log):
    return [{k: v for k, v in line.items() if k != "pairs_per_second"} for line in log]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    judged = []

    def count(model):
        judged.append(model)
        return {"judged": float(len(judged))}

    result = run(small_recipe(), folder, options=RunOptions(validators=[count]))
    return folder, result


def test_the_folder_holds_all_there_is_to_know(finished):
    folder, result = finished
    record = json.loads((folder / "run.json").read_text())
    assert record["settings"]["recipe"]["seed"] == 0
    assert record["settings"]["recipe"]["optimiser"]["learning_rate"] == 0.005
    assert record["versions"]["torch"] == torch.__version__
    assert {"commit", "machine", "started"} <= record.keys()
    log = _log(folder)
    assert [(line["kind"], line["step"]) for line in log] == [
        *[("step", 1), ("step", 2), ("step", 3), ("epoch", 3)],
        *[("step", 4), ("step", 5), ("step", 6), ("epoch", 6)],
    ]
    epochs = [line for line in log if line["kind"] == "epoch"]
    losses = [line["loss"] for line in log if line["kind"] == "step"]
    assert [epoch["training_loss"] for epoch in epochs] == pytest.approx(
        [np.mean(losses[:3]), np.mean(losses[3:])]
    )
    assert [epoch["judged"] for epoch in epochs] == [1.0, 2.0]
    assert result.epochs == epochs
    curves = ET.parse(folder / "curves.svg")
    lines = [one.get("d") for one in curves.iter() if one.get("class", "").startswith("line s")]
    assert sum(str(line).count("L") == 1 for line in lines) == 2 + 1 * len(
        {*epochs[-1]} - {"kind", "epoch", "step", "training_loss", "validation_loss", "best"}
    ), "two losses and each score, of two epochs"
    assert list((folder / "tensorboard").iterdir())


def test_every_epoch_has_its_weights_and_the_best_is_marked(finished):
    folder, result = finished
    checkpoints = [
        Checkpoint.load(folder / "checkpoints" / f"epoch-{epoch:04d}.safetensors")
        for epoch in (1, 2)
    ]
    digests = [checkpoint.metadata.digest for checkpoint in checkpoints]
    assert digests[0] != digests[1]
    scores = [checkpoint.metadata.card["scores"] for checkpoint in checkpoints]
    assert [score["judged"] for score in scores] == [1.0, 2.0]  # its own, not the last one's
    assert Checkpoint.load(result.weights).metadata.digest == digests[1]
    losses = [epoch["validation_loss"] for epoch in result.epochs]
    assert result.epochs[0]["best"]
    assert result.epochs[1]["best"] == (losses[1] < losses[0])
    best = Checkpoint.load(result.best).metadata
    assert best.digest == digests[int(np.argmin(losses))]
    card = checkpoints[1].metadata.card
    assert (card["recipe"], card["steps"], card["pairs"], card["seed"]) == ("tiny", 6, 12, 0)


def test_a_finished_run_is_not_run_again(finished):
    folder, result = finished
    log = _log(folder)
    with pytest.raises(OutputError, match="there is a run already: --resume continues it"):
        run(small_recipe(), folder)
    again = run(small_recipe(), folder, options=RunOptions(resume=True))
    assert again.epochs == result.epochs
    assert _log(folder) == log


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 3}, r"run was started with: recipe.batch was 2 and is 3$"),
        (
            {"seed": 1, "optimiser__learning_rate": 0.02},
            r"recipe.seed was 0 and is 1; recipe.optimiser.learning_rate was 0.005 and is 0.02",
        ),
        (
            {"labels__radius": 9, "labels__soft": True, "seed": 4, "log_every": 2},
            r"and 1 more$",
        ),
    ],
)
def test_a_run_with_other_settings_is_not_gone_on_with(finished, changes, message):
    with pytest.raises(OutputError, match=message):
        run(small_recipe(**changes), finished[0], options=RunOptions(resume=True))


def test_what_was_written_after_the_last_state_is_written_again(finished, tmp_path):
    folder, _ = finished

    class KilledError(Exception):
        pass

    def kill(line):
        if line.step == 5:
            raise KilledError

    options = RunOptions(on_log=kill, save_seconds=0)
    with pytest.raises(KilledError):
        run(small_recipe(), tmp_path / "run", options=options)
    assert _log(tmp_path / "run")[-1]["step"] == 5  # the state is that of step 4
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"kind": "st')  # a line cut off
    run(small_recipe(), tmp_path / "run", options=RunOptions(resume=True))
    digests = [
        Checkpoint.load(path / "weights.safetensors").metadata.digest
        for path in (tmp_path / "run", folder)
    ]
    assert digests[0] == digests[1]
    expected = [{k: v for k, v in line.items() if k != "judged"} for line in _log(folder)]
    assert _without_speed(_log(tmp_path / "run")) == _without_speed(expected)


def test_resume_begins_where_there_is_nothing_and_refuses_a_damaged_state(tmp_path):
    recipe = small_recipe(epochs=1, pairs_per_epoch=2)
    run(recipe, tmp_path / "run", options=RunOptions(resume=True))
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="expected the state of a training run, whole"):
        run(recipe, tmp_path / "run", options=RunOptions(resume=True))


def test_a_run_that_was_killed_before_its_log_was_made_is_resumed(tmp_path):
    settings = {"seed": 1}
    RunFolder(tmp_path).begin(settings, {})
    (tmp_path / "log.jsonl").unlink()
    folder = RunFolder(tmp_path)
    assert folder.resume(settings)
    assert folder.epochs == []
    assert (tmp_path / "log.jsonl").read_bytes() == b""


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["log.jsonl", "state.safetensors", "notes.txt"])
def test_a_folder_of_other_things_or_a_run_without_its_record_is_left_alone(tmp_path, name, resume):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"expected an empty folder or a run's .* found {name}"):
        run(small_recipe(), tmp_path, options=RunOptions(resume=resume))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_best_weights_that_were_removed_are_those_of_their_epoch_again(finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    before = (folder / "best.safetensors").read_bytes()
    (folder / "best.safetensors").unlink()
    run(small_recipe(), folder, options=RunOptions(resume=True))
    assert (folder / "best.safetensors").read_bytes() == before
    (folder / "best.safetensors").unlink()
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(DatasetError, match="expected the best epoch's weights, got no such file"):
        run(small_recipe(), folder, options=RunOptions(resume=True))


def test_stores_that_cannot_be_used_leave_no_folder(tmp_path):
    recipe = replace(small_recipe(), data=StoreData(augmentation=SMALL))
    with pytest.raises(InputError, match="give --data STORE"):
        run(recipe, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    with (
        lock_folder(tmp_path),
        pytest.raises(OutputError, match="is writing here"),
    ):
        run(small_recipe(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_at_a_nan_the_last_good_state_is_kept(tmp_path):
    calls = []

    def spoiled(logits, labels, weights):
        calls.append(1)
        factor = float("nan") if len(calls) == 3 else 1.0
        return binary_cross_entropy(logits, labels, weights) * factor

    with pytest.raises(NotFiniteError, match=r"at step 2: .*; the state after step 2 is kept"):
        run(small_recipe(), tmp_path / "run", loss=spoiled)
    result = run(small_recipe(), tmp_path / "run", options=RunOptions(resume=True))
    assert [epoch["epoch"] for epoch in result.epochs] == [1, 2]


def test_too_large_a_batch_says_which_one_fits(tmp_path):
    def needy(logits, labels, weights):
        if len(logits) > 1:
            raise torch.OutOfMemoryError
        return binary_cross_entropy(logits, labels, weights)

    message = "batch: 2 pairs need more memory than cpu has; batch=1 fits: --set batch=1"
    with pytest.raises(InputError, match=message):
        run(small_recipe(), tmp_path / "run", loss=needy)


@pytest.mark.parametrize("network", ["siamfc", "light"])
def test_of_a_batch_from_stores_too_it_says_which_one_fits(network):
    values = {"batch": 2, "pairs_per_epoch": 2, "spec.context_amount": 0.25}
    error = too_large(change(finetune(network), values), torch.device("cpu"))
    assert str(error).endswith("2 pairs need more memory than cpu has; batch=1 fits: --set batch=1")


def test_of_several_processes_each_part_of_the_batch_that_is_named_fits(monkeypatch):
    def learn(_, batch):
        if len(batch.exemplars) > 2:
            raise torch.OutOfMemoryError

    monkeypatch.setattr("siamfc.training.memory.TrainState.learn", learn)
    error = too_large(small_recipe(batch=24, pairs_per_epoch=24), torch.device("cpu"), 3)
    assert str(error).endswith("batch=6 fits: --set batch=6")


@pytest.mark.parametrize(("room", "found"), [(100, 64), (64, 64), (1, 1), (0, 0)])
def test_the_batch_is_halved_until_it_fits(room, found):
    def attempt(batch):
        if batch > room:
            raise torch.OutOfMemoryError

    assert largest_batch(128, attempt) == found


def test_training_begins_with_weights_and_takes_their_normalisation(finished, tmp_path):
    recipe = small_recipe(epochs=1, pairs_per_epoch=2, normalisation__mean=[0, 0, 0])
    start = Checkpoint.load(finished[1].weights)
    result = run(recipe, tmp_path / "run", weights=start)
    after = Checkpoint.load(result.weights)
    assert after.metadata.normalisation == start.metadata.normalisation
    assert after.metadata.card["began_with"] == start.metadata.digest
    # One small step away from them, far from the seed's own.
    name = "backbone.conv1.weight"
    assert np.abs(after.tensors[name] - start.tensors[name]).max() < 0.01


def test_another_margin_than_the_weights_is_refused(finished, tmp_path):
    recipe = small_recipe(spec__context_amount=0.25)
    start = Checkpoint.load(finished[1].weights)
    with pytest.raises(InputError, match=r"expected the weights' 0\.5, got 0\.25; --set"):
        run(recipe, tmp_path / "run", weights=start)
