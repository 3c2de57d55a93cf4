"""The logistic loss as written and as computed (thesis, figures 9 and 10)."""

import math

import numpy as np
import torch

from siamfc.experiments.loss_forms import FORMS, compare_forms, naive_logistic, score_curves
from siamfc.training.losses import logistic
from training.small import small_recipe


def test_the_written_form_is_the_same_function_where_nothing_overflows():
    logits = torch.linspace(-20, 20, 18).view(2, 3, 3)
    labels = (torch.arange(18).view(2, 3, 3) % 2).float()
    weights = torch.full_like(labels, 1 / 9)
    torch.testing.assert_close(
        naive_logistic(logits, labels, weights), logistic(logits, labels, weights)
    )


def test_its_gradient_is_not_a_number_where_exp_overflows():
    logits = torch.tensor([[[-100.0]]], requires_grad=True)
    loss = naive_logistic(logits, torch.ones(1, 1, 1), torch.ones(1, 1, 1))
    loss.backward()
    assert math.isinf(loss.item())
    assert math.isnan(logits.grad.item())


def test_raw_correlations_end_the_written_form_and_not_the_stable_one():
    # Five cells on a side, so that some lie beyond the labels' radius of 16 pixels.
    sizes = {"data__augmentation__search_size": 119, "spec__search_size": 119}
    results = compare_forms(small_recipe(**sizes, spec__response_size=5), 3)
    assert list(results) == [form.name for form in FORMS]
    assert results["naive"]["loss"][-1] == "nan"
    for name in ("stable", "scaled"):
        assert all(isinstance(value, float) for value in results[name]["loss"])
        assert len(results[name]["loss"]) == 3


def test_cross_entropy_is_the_logistic_loss():
    curves = score_curves(np.linspace(-50, 50, 11))
    np.testing.assert_allclose(
        curves["BCE, y = 1"], curves["logistic, y = +1"], rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        curves["BCE, y = 0"], curves["logistic, y = −1"], rtol=1e-6, atol=1e-6
    )
