"""Fine-tuning on videos of one's own: what it learns from, its calibration, what it refuses."""

import json

import numpy as np
import pytest
import torch

from siamfc.cli import main
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.store import Store
from siamfc.errors import InputError
from siamfc.evaluation import validators
from siamfc.network import load_checkpoint
from siamfc.network.calibration import Calibration
from siamfc.network.checkpoint import Checkpoint
from siamfc.overrides import change
from siamfc.procedural.textures import TextureSettings
from siamfc.training.recipes import finetune, light
from siamfc.training.run import RunOptions, run
from siamfc.training.sources import training_source
from siamfc.training.train_state import TrainState
from siamfc.training.validation import BestBoxes
from stores import curate_vid
from vid_tree import write_vid

CPU = torch.device("cpu")
SMALL = {
    "epochs": 2,
    "pairs_per_epoch": 8,
    "batch": 4,
    "validation_pairs": 4,
    "validation_batch": 4,
    "calibration_pairs": 8,
    "log_every": 1,
    "optimiser.warm_up_steps": 1,
    "data.validation_share": 0.3,
    "data.workers": 0,
    "data.procedural_batches": 3,
    "data.procedural.textures.count": 4,
    "data.procedural.textures.size": 32,
    "data.procedural.textures.leaves": 4,
    "data.procedural.validation_textures": 2,
}


def _recipe(**changes):
    values = {**SMALL, **{k.replace("__", "."): v for k, v in changes.items()}}
    return change(finetune("light"), values)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three videos of two targets, of which the second has no box in every third frame."""
    root = tmp_path_factory.mktemp("vid")
    write_vid(root)
    curate_vid(root, root / "store")
    return root / "store"


def _calibrator(model, pairs):
    assert not model.training
    assert len(pairs.logits) == 8
    return Calibration(slope=1.5, offset=float(model.sharpness))


@pytest.fixture(scope="module")
def finished(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    options = RunOptions(calibrator=_calibrator)
    return run(_recipe(), folder, stores=[store], weights=load_checkpoint("light"), options=options)


def test_the_weights_are_near_the_first_ones_and_calibrated(finished):
    first, last = load_checkpoint("light"), Checkpoint.load(finished.weights)
    assert last.metadata.architecture == "siamfc-light"
    assert last.metadata.card["began_with"] == first.metadata.digest
    known = first.metadata.calibration
    for weights in (last, Checkpoint.load(finished.best)):
        found = weights.metadata.calibration
        change = float(weights.tensors["sharpness"]) - float(first.tensors["sharpness"])
        assert found.slope == pytest.approx(known.slope)
        assert found.offset == pytest.approx(known.offset + known.slope / 1.5 * change, abs=1e-9)
    convolutions = [name for name in first.tensors if name.endswith("conv.weight")]
    moved = [np.abs(last.tensors[name] - first.tensors[name]).max() for name in convolutions]
    assert 0 < max(moved) < 0.01


def test_the_weights_are_the_mean_of_the_first_and_the_trained_ones(finished, store, tmp_path):
    first = load_checkpoint("light")
    alone = run(_recipe(initial_fraction=0.0), tmp_path / "run", stores=[store], weights=first)
    trained = Checkpoint.load(alone.weights).tensors
    for name, tensor in Checkpoint.load(finished.weights).tensors.items():
        assert tensor == pytest.approx((first.tensors[name] + trained[name]) / 2, abs=1e-6), name
    assert (trained["backbone.0.conv.weight"] != first.tensors["backbone.0.conv.weight"]).any()


def test_a_resumed_run_ends_with_the_same_bytes(finished, store, tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    light_weights = load_checkpoint("light")
    with pytest.raises(KeyboardInterrupt):
        run(
            _recipe(), tmp_path / "run", stores=[store], weights=light_weights,
            options=RunOptions(on_epoch=stop),
        )  # fmt: skip
    options = RunOptions(resume=True, calibrator=_calibrator)
    again = run(_recipe(), tmp_path / "run", stores=[store], weights=light_weights, options=options)
    for one, other in ((again.weights, finished.weights), (again.best, finished.best)):
        tensors = [Checkpoint.load(path).to_bytes() for path in (one, other)]
        assert tensors[0] == tensors[1]


def test_procedural_pairs_come_first_and_repeat(store):
    with Store(store) as opened:
        mixed = training_source(_recipe(), device=CPU, stores=[opened])
        alone = training_source(
            _recipe(data__mix=0.0, batch=2), device=CPU, stores=[opened]
        )  # fmt: skip
        batches = [mixed(step) for step in range(4)]
        assert batches[0].exemplars.shape == (4, 127, 127, 3)
        assert torch.equal(batches[0].searches[:2], batches[3].searches[:2])
        assert not torch.equal(batches[0].searches[:2], batches[1].searches[:2])
        assert not torch.equal(batches[0].searches[2:], batches[3].searches[2:])
        for name, part in zip(batches[1]._fields, batches[1], strict=True):
            assert torch.equal(part[2:], getattr(alone(1), name)), name
        late = training_source(_recipe(), device=CPU, stores=[opened])
        for part, again in zip(batches[2], late(2), strict=True):
            assert torch.equal(part, again)


def test_only_procedural_exemplars_are_exchanged_with_their_neighbours(store):
    # Statistics of a batch would depend on which exemplars are there.
    recipe = _recipe(boxes__negative_share=1.0, frozen_statistics=True)
    own = _recipe(boxes__negative_share=0.0, frozen_statistics=True)
    with Store(store) as opened:
        batch = training_source(recipe, device=CPU, stores=[opened])(0)
    roll = torch.tensor([3, 0, 2, 3])
    by_hand = batch._replace(
        exemplars=batch.exemplars[roll],
        exemplar_sizes=batch.exemplar_sizes[roll],
        visible=batch.visible * torch.tensor([0.0, 0.0, 1.0, 1.0]),
    )
    first = load_checkpoint("light").tensors
    losses = []
    for settings, pairs in ((recipe, batch), (own, by_hand), (own, batch)):
        state = TrainState(settings, weights=first)
        state.learn(pairs)
        losses.append(state.report().loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] != pytest.approx(losses[2], rel=1e-2)


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_statistics_stay(store, frozen):
    recipe = _recipe(frozen_statistics=frozen)
    with Store(store) as opened:
        batch = training_source(recipe, device=CPU, stores=[opened])(0)
    first = load_checkpoint("light").tensors
    state = TrainState(recipe, weights=first)
    state.learn(batch)
    after = state.state()["model.norm.running_mean"].numpy()
    assert np.array_equal(after, first["norm.running_mean"]) == frozen
    assert not np.array_equal(state.state()["model.norm.bias"].numpy(), first["norm.bias"])


def test_the_command_follows_the_weights_and_leaves_frames_without_boxes_out(
    store, tmp_path, capsys, monkeypatch
):
    few = {"videos": 1, "frames": 3, "textures": TextureSettings(count=2, size=32, leaves=4)}
    for name in ("procedural_validator", "video_calibrator"):
        make = getattr(validators, name)
        monkeypatch.setattr(
            validators, name, lambda *a, make=make, **more: make(*a, **{**more, **few})
        )
    changes = [f"{name}={value}" for name, value in {**SMALL, "epochs": 1}.items()]
    words = ["train", "finetune", "--data", str(store), "--out", str(tmp_path / "run"), "--json"]
    words += ["--mix", "0.25", *(part for text in changes for part in ("--set", text))]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    metadata = Checkpoint.load(result["weights"]).metadata
    assert metadata.architecture == "siamfc-light"  # the default
    assert metadata.calibration.slope > 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["recipe"]
    assert record["network"] == "light"
    assert record["data"]["mix"] == 0.25


def test_a_calibrator_weighs_pairs_and_frames_the_same():
    textures = TextureSettings(count=2, size=32, leaves=4)
    fit = validators.video_calibrator(
        light().spec, light().normalisation, device=CPU, videos=2, frames=4, textures=textures
    )
    checkpoint = load_checkpoint("light")
    model = TrainState(_recipe(), weights=checkpoint.tensors).averaged
    logits = torch.linspace(-3, 3, 60)
    found = fit(model, BestBoxes(logits, (logits > 0.5).float(), torch.ones(60, dtype=torch.bool)))
    assert found is not None
    assert found.slope > 0


BAD = {
    "one track": ({"videos": 1, "tracks": 1}, {}, [], "split: expected at least 2 videos"),
    "other margin": (
        {}, {"context_amount": 0.3}, [],
        "with the weights' context amount 0.5, got 0.3; curate again with --context-amount 0.5",
    ),
    "nothing left": ({}, {"least_side": 100.0}, [], "expected crops that make pairs, found none"),
    "siamfc's recipe": ({}, {}, ["light"], "expected those of the recipe's network light"),
    "all procedural": ({}, {}, ["finetune", "--mix", "1"], "mix: expected room for a store's"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_learned_from_is_refused_in_one_line(name, tmp_path, capsys):
    tree, settings, recipe, message = BAD[name]
    write_vid(tmp_path / "vid", **tree)
    curate_vid(tmp_path / "vid", tmp_path / "store", CurationSettings(**settings))
    words = recipe or ["finetune"]
    if words == ["light"]:
        words = ["light", "--weights", "siamfc"]
    out = tmp_path / "run"
    words = ["train", *words, "--data", str(tmp_path / "store"), "--out", str(out)]
    small = ("data.workers=0", "data.procedural.textures.count=2")
    assert main([*words, *(part for text in small for part in ("--set", text))]) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert not out.exists()


def test_weights_of_two_exemplars_are_refused():
    with pytest.raises(InputError, match="siamfc or light, got paired, which compares two"):
        finetune("paired")


def test_finetuning_siamfc_is_what_it_was():
    assert finetune("siamfc").labels.radius == 12.0
    assert finetune("siamfc").data.mix == 0
