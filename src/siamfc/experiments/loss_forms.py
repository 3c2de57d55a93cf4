"""The logistic loss as it is written, and as it must be computed (thesis 4.2.1, figures 9 and 10).

Written as log(1 + exp(−y v)), the exponential of a raw correlation overflows before the logarithm
brings it back: the loss is infinite and its gradient is infinity by infinity, not a number. The
stable form, softplus, is the same function at every score that does not overflow; on labels 0 and
1 so is the cross-entropy that the thesis took instead.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from siamfc.network.alexnet import SiamFC, initialise
from siamfc.training.learner import Learner, Loss
from siamfc.training.losses import binary_cross_entropy, logistic
from siamfc.training.optimisation import OptimiserSettings
from siamfc.training.recipes import Recipe
from siamfc.training.sources import training_source

FORMS: tuple[tuple[str, str], ...] = (
    ("naive", "logistic as written, every cell alike"),
    ("stable", "logistic as softplus, classes balanced"),
    ("cross-entropy", "binary cross-entropy, classes balanced"),
)
"""Names and descriptions of the short trainings."""


def naive_logistic(logits: Tensor, labels: Tensor, _weights: Tensor) -> Tensor:
    """Thesis eq. (3) word by word, every cell alike; of labels 0 and 1, (N, m, m)."""
    return (1 + (-(2 * labels - 1) * logits).exp()).log().mean()


def compare_forms(recipe: Recipe, steps: int) -> dict[str, Any]:
    """Train a few steps with each form of the loss, from the same weights and on the same pairs.

    Gain 1 instead of a learned one, so that scores are raw correlations as in the thesis, SGD at
    its learning rate, on the CPU in float32.

    Args:
        recipe: its data, batch and seed are taken; the labels are table 6's.
        steps: at most; a form ends after the first whose loss or gradient is not a number.

    Returns:
        For each name of `FORMS` the `loss` and `gradient_norm` of its steps, None where they are
        not finite, and `infinite`: whether the loss was infinity rather than not a number.
    """
    from dataclasses import replace

    from siamfc.training.labels import LabelSettings
    from siamfc.training.losses import LossSettings

    plain = replace(
        recipe,
        labels=LabelSettings(),
        loss=LossSettings(),
        optimiser=OptimiserSettings(),
        log_every=1,
    )
    losses: dict[str, Loss] = {
        "naive": naive_logistic,
        "stable": logistic,
        "cross-entropy": binary_cross_entropy,
    }
    return {name: _train(plain, losses[name], steps) for name, _ in FORMS}


def _train(recipe: Recipe, loss: Loss, steps: int) -> dict[str, Any]:
    start = SiamFC()
    initialise(start, torch.Generator().manual_seed(recipe.seed))
    with torch.no_grad():
        start.log_gain.zero_()
    learner = Learner(recipe, weights=start.tensors(), loss=loss)
    source = training_source(recipe, device=torch.device("cpu"))
    values, norms, infinite = [], [], []
    for step in range(steps):
        learner.learn(source(step))
        report = learner.report()
        values.append(_finite(report.loss))
        norms.append(_finite(report.gradient_norm))
        infinite.append(math.isinf(report.loss))
        if len(values) > 1 and report.failed_step is not None and not infinite[-1]:
            break
    return {"loss": values, "gradient_norm": norms, "infinite": infinite}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def score_curves(scores: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, list[float]]:
    """Loss over the score for both labels, in float32, as figure 10 shows it and as written.

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
