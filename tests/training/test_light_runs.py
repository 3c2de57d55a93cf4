"""The light network's training: a whole run, its resuming, and what it refuses."""

import json
from dataclasses import replace

import pytest
import torch

from siamfc.errors import InputError
from siamfc.network import load_matcher
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.architecture import SEARCH_CELLS
from siamfc.network.light.model import cell_points
from siamfc.network.matcher import predicts_boxes
from siamfc.overrides import change
from siamfc.training.data_settings import SquareData
from siamfc.training.recipes import light, procedural
from siamfc.training.run import RunOptions, run
from siamfc.training.sources import training_source
from siamfc.training.train_state import TrainState
from siamfc.training.validation import best_boxes, pair_validator

_SMALL = {
    "epochs": 2,
    "pairs_per_epoch": 4,
    "batch": 4,
    "validation_pairs": 2,
    "validation_batch": 2,
    "log_every": 1,
    "optimiser.warm_up_steps": 1,
    "boxes.negative_share": 0.25,
    "data.textures.count": 4,
    "data.textures.size": 32,
    "data.textures.leaves": 4,
    "data.validation_textures": 2,
}


def _recipe(**changes):
    return change(light(), {**_SMALL, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("light") / "run"
    return run(_recipe(), folder)


def test_a_run_ends_with_weights_that_track(finished):
    checkpoint = Checkpoint.load(finished.weights)
    assert checkpoint.metadata.architecture == "siamfc-light"
    assert checkpoint.metadata.card["description"].startswith("The light network")
    assert predicts_boxes(load_matcher(finished.weights, device="cpu"))
    last = finished.epochs[-1]
    assert last["validation_loss"] > 0
    assert 0 <= last["validation_iou"] <= 1


def test_the_validation_iou_is_a_mean_over_targets_not_over_batches():
    recipe = _recipe(validation_pairs=4)
    pairs = training_source(replace(recipe, batch=2), device=torch.device("cpu"))

    def source(step):
        batch = pairs(step)
        return batch._replace(visible=torch.tensor([1.0, float(step)]))  # one target, then two

    model = TrainState(recipe).averaged
    overlaps = best_boxes(model, recipe, source).overlaps
    scores = pair_validator(recipe, source)(model)
    assert scores["validation_iou"] == pytest.approx(float(overlaps.sum()) / 3, rel=1e-5)


def test_the_true_boxes_have_a_validation_iou_of_one():
    recipe = _recipe()
    source = training_source(replace(recipe, batch=2), device=torch.device("cpu"))
    boxes = source(0).boxes
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)[..., None, None]

    class Knows:
        points = cell_points(SEARCH_CELLS)

        def __call__(self, *_):
            cells = SEARCH_CELLS, SEARCH_CELLS
            return torch.zeros(2, *cells), corners.expand(-1, -1, *cells)

    scores = pair_validator(recipe, source)(Knows())
    assert scores["validation_iou"] == pytest.approx(1, abs=1e-5)


def test_a_resumed_run_is_the_same_bit_for_bit(finished, tmp_path):
    folder = tmp_path / "run"

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(_recipe(), folder, options=RunOptions(on_epoch=stop))
    again = run(_recipe(), folder, options=RunOptions(resume=True))
    digests = [Checkpoint.load(result.weights).metadata.digest for result in (finished, again)]
    assert digests[0] == digests[1]


def test_strangers_teach_that_nothing_is_there():
    recipe = _recipe(**{"boxes.negative_share": 1.0})
    batch = training_source(recipe, device=torch.device("cpu"))(0)
    train_state = TrainState(recipe)
    train_state.learn(batch)
    own = TrainState(_recipe(**{"boxes.negative_share": 0.0}))
    own.learn(batch)
    # The boxes' part, at first most of the loss, is there for a target's own exemplar alone.
    assert train_state.report().loss < 0.2 * own.report().loss


def test_a_stranger_is_another_pairs_exemplar_together_with_its_box():
    recipe = _recipe(**{"boxes.negative_share": 1.0})
    batch = training_source(recipe, device=torch.device("cpu"))(0)
    exchanged = batch._replace(
        exemplars=batch.exemplars.roll(1, 0),
        exemplar_sizes=batch.exemplar_sizes.roll(1, 0),
        visible=torch.zeros_like(batch.visible),
    )
    strangers, own = TrainState(recipe), TrainState(_recipe(**{"boxes.negative_share": 0.0}))
    strangers.learn(batch)
    own.learn(exchanged)
    assert strangers.report().loss == pytest.approx(own.report().loss, rel=1e-5)


def test_weights_of_the_other_network_are_refused(finished, tmp_path):
    with pytest.raises(InputError, match="weights: expected those of the recipe's network siamfc"):
        run(procedural(), tmp_path / "run", weights=Checkpoint.load(finished.weights))


def test_data_without_boxes_are_refused():
    with pytest.raises(InputError, match="which needs the boxes that procedural pairs have"):
        replace(light(), data=SquareData())


def test_the_settings_name_the_network(finished):
    settings = json.loads((finished.weights.parent / "run.json").read_text())["settings"]
    assert settings["recipe"]["network"] == "light"
