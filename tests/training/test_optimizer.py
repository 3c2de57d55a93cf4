"""Learning rates by hand, and the average of weights."""

import numpy as np
import pytest
import torch

from siamfc.errors import InputError
from siamfc.network.siamfc.model import SiamFC
from siamfc.training.optimizer import AveragedModel, OptimiserSettings, make_optimiser
from siamfc.training.recipes import paper


def _rates(steps, **settings):
    chosen = OptimiserSettings(**settings)
    return [chosen.learning_rate_at(step, steps) for step in range(steps)]


@pytest.mark.parametrize(
    ("settings", "steps", "expected"),
    [
        ({"schedule": "constant"}, 3, [1, 1, 1]),  # never goes to the final rate
        ({"final_learning_rate": 2.0}, 3, [1, 1, 1]),  # nor is it limited by that
        ({"schedule": "step", "step_drops": 2}, 6, [1, 1, 0.1, 0.1, 0.01, 0.01]),  # equal times
        ({"schedule": "step", "step_drops": 1}, 5, [1, 1, 1, 0.01, 0.01]),  # an odd number of steps
        ({"schedule": "exponential"}, 3, [1, 0.1, 0.01]),  # equal factors
        ({"schedule": "cosine"}, 3, [1, 0.505, 0.01]),  # halfway between at half the time
        ({"schedule": "constant", "warm_up_steps": 2}, 3, [0.5, 1, 1]),  # linear, from zero
        ({"schedule": "exponential", "warm_up_steps": 1}, 3, [1, 1, 0.01]),  # the course follows
        ({"schedule": "cosine"}, 1, [1]),  # a run of one step
    ],
)
def test_schedules(settings, steps, expected):
    rates = _rates(steps, **{"learning_rate": 1.0, "final_learning_rate": 0.01, **settings})
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_the_paper_s_rate_falls_once_an_epoch_from_a_hundredth_by_equal_factors():
    recipe = paper()
    starts = [epoch * recipe.steps_per_epoch for epoch in range(50)]
    rates = [recipe.optimiser.learning_rate_at(step, recipe.steps) for step in starts]
    np.testing.assert_allclose(rates, np.logspace(-2, -5, 50))
    last = [
        recipe.optimiser.learning_rate_at(step + recipe.steps_per_epoch - 1, recipe.steps)
        for step in starts
    ]
    assert rates == last


def test_convolutions_alone_decay():
    model = SiamFC()
    decayed, others = make_optimiser(model, OptimiserSettings(weight_decay=0.1)).param_groups
    assert decayed["weight_decay"] == 0.1
    assert others["weight_decay"] == 0
    assert {p.dim() for p in decayed["params"]} == {4}
    assert sum(len(group["params"]) for group in (decayed, others)) == len(list(model.parameters()))


def test_the_average_follows_slowly_and_forgets_the_first_weights():
    model = SiamFC()
    averaged = AveragedModel(model, 0.9)
    with torch.no_grad():
        model.bias.fill_(1.0)
    averaged.update(model, 0)
    assert averaged.model.bias.item() == pytest.approx(0.9)  # keeps 1/10 of the first weights
    with torch.no_grad():
        model.bias.fill_(2.0)
    averaged.update(model, 10_000)
    assert averaged.model.bias.item() == pytest.approx(0.9 * 0.9 + 0.1 * 2)
    assert not averaged.model.training


def test_without_averaging_the_average_is_the_last_model_to_the_bit():
    model = SiamFC()
    averaged = AveragedModel(model, 0.0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
        model.backbone.norm1.running_mean.fill_(3.0)
    averaged.update(model, 5)
    for name, value in model.state_dict().items():
        assert torch.equal(averaged.model.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "adam"}, "kind: expected sgd or adamw, got 'adam'"),
        ({"schedule": "linear"}, "schedule: expected constant, step, exponential or cosine"),
        (
            {"learning_rate": 1e-6, "schedule": "cosine"},
            "learning_rate: expected a number of at least 1e-05, got 1e-06",
        ),
        ({"momentum": 1.0}, "momentum: expected a number from 0 to 1, got 1.0"),
        ({"clip_norm": 0.0}, "clip_norm: expected a number of at least"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        OptimiserSettings(**settings)
