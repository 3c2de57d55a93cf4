"""One step of training, averaging over processes' gradients, and going on from a state."""

import math

import pytest
import torch
from small import small_recipe

from siamfc.network.siamfc.model import SiamFC
from siamfc.network.siamfc.training_pass import forward_pairs
from siamfc.training.labels import response_labels
from siamfc.training.loop import NotFiniteError, train
from siamfc.training.losses import binary_cross_entropy
from siamfc.training.sources import training_source
from siamfc.training.state import load_state, save_state
from siamfc.training.train_state import TrainState
from siamfc.training.validation import pair_validator, peak_offsets

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def batches():
    source = training_source(small_recipe(), device=CPU)
    return [source(step) for step in range(4)]


def _state(train_state):
    return {name: tensor.clone() for name, tensor in train_state.state().items()}


def _same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_step_is_the_textbook_s(batches):
    recipe = small_recipe(
        optimiser__momentum=0.0, optimiser__weight_decay=0.0,
        optimiser__learning_rate=0.5, optimiser__schedule="constant",
        optimiser__warm_up_steps=0, optimiser__clip_norm="none", optimiser__ema_decay=0.0,
    )  # fmt: skip
    train_state = TrainState(recipe)
    model = SiamFC()
    model.load_state_dict(train_state.averaged.state_dict())
    batch = batches[0]
    labels, weights = response_labels(batch.offsets, recipe.labels, response_size=3)
    logits = forward_pairs(
        model, batch.exemplars, batch.searches, recipe.normalisation, dtype=torch.float32
    )
    loss = binary_cross_entropy(logits, labels, weights)
    loss.backward()
    train_state.learn(batch)
    for mine, textbook in zip(train_state.averaged.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, textbook - 0.5 * textbook.grad, atol=1e-6, rtol=1e-4)
    report = train_state.report()
    assert report.loss == pytest.approx(loss.item(), rel=1e-4)
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in model.parameters()))
    assert report.gradient_norm == pytest.approx(norm, rel=1e-4)
    assert report.failed_step is None


def test_clipping_limits_the_step(batches):
    recipe = small_recipe(
        optimiser__momentum=0.0, optimiser__weight_decay=0.0,
        optimiser__learning_rate=1.0, optimiser__schedule="constant",
        optimiser__warm_up_steps=0, optimiser__clip_norm=1e-3, optimiser__ema_decay=0.0,
    )  # fmt: skip
    train_state = TrainState(recipe)
    before = [p.clone() for p in train_state.averaged.parameters()]
    train_state.learn(batches[0])
    after = train_state.averaged.parameters()
    change = math.sqrt(
        sum((a - b).square().sum().item() for a, b in zip(after, before, strict=True))
    )
    assert change == pytest.approx(1e-3, rel=1e-2)
    assert train_state.report().gradient_norm > 1e-2


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_a_learner_goes_on_from_its_state_to_the_bit(kind, batches, tmp_path):
    recipe = small_recipe(optimiser__kind=kind, log_every=4)
    train_state = TrainState(recipe)
    for batch in batches[:2]:
        train_state.learn(batch)
    save_state(tmp_path / "state", train_state.step, train_state.state())
    for batch in batches[2:]:
        train_state.learn(batch)
    other = TrainState(small_recipe(optimiser__kind=kind, log_every=4, seed=5))
    other.restore(*load_state(tmp_path / "state"))
    assert other.step == 2
    for batch in batches[2:]:
        other.learn(batch)
    assert _same(_state(other), _state(train_state))


def test_weights_to_begin_with_are_taken(batches):
    first = TrainState(small_recipe())
    first.learn(batches[0])
    second = TrainState(small_recipe(seed=9), weights=first.averaged.tensors())
    assert _same(
        {k: v for k, v in _state(second).items() if k.startswith("average")},
        {k: v for k, v in _state(first).items() if k.startswith("average")},
    )


def test_the_loop_stops_at_the_first_nan_with_the_state_before_it(batches):
    def spoiled(logits, labels, weights):
        calls.append(1)
        return binary_cross_entropy(logits, labels, weights) * (math.nan if len(calls) == 3 else 1)

    calls = []
    states = {}
    train_state = TrainState(small_recipe(), loss=spoiled)
    with pytest.raises(NotFiniteError, match="not a finite number at step 2: lower") as caught:
        train(
            train_state,
            lambda step: batches[step],
            on_log=lambda line: states.update({line.step: _state(train_state)}),
        )
    assert caught.value.failed_step == 2
    assert train_state.step == 2
    assert _same(_state(train_state), states[2])


def test_a_gradient_that_is_not_finite_stops_it_too(batches):
    def steep(logits, labels, weights):
        # 0 · sqrt(0): the value is zero, the slope 0/0.
        return binary_cross_entropy(logits, labels, weights) + (logits * 0).abs().sum().sqrt() * 0

    train_state = TrainState(small_recipe(log_every=3), loss=steep)
    with pytest.raises(NotFiniteError, match="at step 0"):
        train(train_state, lambda step: batches[step])


def test_the_loop_logs_and_ends_epochs_where_it_should(batches):
    lines, epochs = [], []
    recipe = small_recipe(log_every=2)
    train(
        TrainState(recipe),
        lambda step: batches[step % 4],
        on_log=lambda line: lines.append((line.step, line.epoch)),
        on_epoch=epochs.append,
    )
    assert lines == [(2, 1), (3, 1), (4, 2), (6, 2)]
    assert epochs == [1, 2]


def test_the_peak_is_found_between_cells():
    place = torch.tensor([[20.0, -12.0], [0.0, 3.0], [-31.0, 0.0]])
    cells = (torch.arange(17.0) - 8) * 8
    distance = (cells[None, None, :] - place[:, 0, None, None]) ** 2 + (
        cells[None, :, None] - place[:, 1, None, None]
    ) ** 2
    found = peak_offsets(torch.exp(-distance / (2 * 16**2)), 8)
    # Half of the half pixel between two samples, and what the interpolation itself is off.
    torch.testing.assert_close(found.float(), place, atol=0.3, rtol=0)


def test_a_peak_at_the_target_has_a_small_centre_error():
    recipe = small_recipe()
    source = training_source(recipe, device=CPU)
    offsets = source(0).offsets

    class Knows(SiamFC):
        def forward(self, *_):
            x, y = (offsets[:, axis, None, None] for axis in (0, 1))
            cells = (torch.arange(3.0) - 1) * 8
            return torch.exp(-((cells - x) ** 2 + (cells[:, None] - y) ** 2) / 64)[:, None]

    error = pair_validator(recipe, source)(Knows())["validation_center_error"]
    # Three cells are too few for an exact peak; always the middle would be off by all of this.
    assert error < 0.6 * offsets.norm(dim=1).mean()


def test_validation_does_not_change_the_model_and_repeats():
    recipe = small_recipe(validation_pairs=4)
    train_state = TrainState(recipe)
    before = _state(train_state)
    validate = pair_validator(recipe, training_source(recipe, device=CPU))
    first = validate(train_state.averaged)
    assert validate(train_state.averaged) == first
    assert _same(_state(train_state), before)
    assert set(first) == {"validation_loss", "validation_center_error"}
    assert 0 < first["validation_loss"] < 10
    assert 0 <= first["validation_center_error"] < 30
