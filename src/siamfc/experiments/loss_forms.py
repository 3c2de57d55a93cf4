"""The logistic loss as written, and as it must be computed (thesis 4.2.1, figures 9 and 10).

Written as log(1 + exp(−y v)), the exponential of a raw correlation overflows before the logarithm
reduces it: the loss is infinite, and its gradient, infinity divided by infinity, is not a number.
The stable form, softplus, is the same function at every score that does not overflow. On labels 0
and 1, so is the cross-entropy that the thesis used instead.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from siamfc.network.siamfc.model import INITIAL_GAIN, SiamFC, initialise
from siamfc.training.labels import LabelSettings
from siamfc.training.losses import LossSettings, binary_cross_entropy, logistic
from siamfc.training.objectives import Loss
from siamfc.training.optimizer import OptimiserSettings
from siamfc.training.recipes import Recipe
from siamfc.training.sources import training_source
from siamfc.training.train_state import TrainState


class Form(NamedTuple):
    """A short training."""

    name: str
    title: str
    loss: Loss
    gain: float
    """Initial factor of the correlation."""


def naive_logistic(logits: Tensor, labels: Tensor, _weights: Tensor) -> Tensor:
    """Thesis eq. (3) literally, all cells weighted equally; of labels 0 and 1, (N, m, m)."""
    return (1 + (-(2 * labels - 1) * logits).exp()).log().mean()


FORMS = (
    Form("naive", "as written, raw correlation", naive_logistic, 1.0),
    Form("stable", "as softplus and weighted, raw correlation", logistic, 1.0),
    Form("scaled", "as softplus and weighted, learned gain", logistic, INITIAL_GAIN),
)
"""Forms to compare: the thesis's scores are raw correlations; the gain is this project's."""


def compare_forms(recipe: Recipe, steps: int) -> dict[str, Any]:
    """Train a few steps with each of `FORMS`, from the same weights and on the same pairs.

    Labels and the rate of plain SGD are table 6's; training is on the CPU in float32.

    Args:
        recipe: its data, batch and seed are used.
        steps: at most; a form stops after the first step whose loss is not a number.

    Returns:
        By form name, the `loss` and `gradient_norm` of its steps: numbers, or the strings `inf` and
            `nan`.
    """
    plain = replace(
        recipe,
        labels=LabelSettings(),
        loss=LossSettings(),
        optimiser=OptimiserSettings(momentum=0.0),
        log_every=1,
    )
    return {form.name: _train(plain, form, steps) for form in FORMS}


def _train(recipe: Recipe, form: Form, steps: int) -> dict[str, Any]:
    start = SiamFC()
    initialise(start, torch.Generator().manual_seed(recipe.seed))
    with torch.no_grad():
        start.log_gain.fill_(math.log(form.gain))
    train_state = TrainState(recipe, weights=start.tensors(), loss=form.loss)
    source = training_source(recipe, device=torch.device("cpu"))
    losses: list[float | str] = []
    norms: list[float | str] = []
    for step in range(steps):
        train_state.learn(source(step))
        report = train_state.report()
        losses.append(_plain(report.loss))
        norms.append(_plain(report.gradient_norm))
        if math.isnan(report.loss):
            break
    return {"loss": losses, "gradient_norm": norms}


def _plain(value: float) -> float | str:
    """Return a number that JSON can represent, or its text."""
    return value if math.isfinite(value) else str(abs(value))


def score_curves(scores: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return the loss over the score for both labels, in float32, as in figure 10 and as written.

    >>> curves = score_curves(np.array([-100.0, 0.0]))
    >>> [round(value, 3) for value in curves["logistic, y = +1"]]
    [100.0, 0.693]
    >>> curves["logistic as written, y = +1"]
    [inf, 0.6931471824645996]
    """
    values = torch.tensor(scores, dtype=torch.float32)
    ones = torch.ones(1, 1, 1)
    forms: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "logistic, y = −1": lambda v, _: logistic(v, 0 * ones, ones),
        "logistic, y = +1": lambda v, _: logistic(v, ones, ones),
        "BCE, y = 0": lambda v, _: binary_cross_entropy(v, 0 * ones, ones),
        "BCE, y = 1": lambda v, _: binary_cross_entropy(v, ones, ones),
        "logistic as written, y = +1": lambda v, _: naive_logistic(v, ones, ones),
    }
    return {
        name: [float(form(value.view(1, 1, 1), ones)) for value in values]
        for name, form in forms.items()
    }
