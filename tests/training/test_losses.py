"""Losses: equal to each other, to formulas in float64, and finite where the naive one is not."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from siamfc.errors import InputError
from siamfc.training.losses import (
    LossSettings,
    binary_cross_entropy,
    compute_loss,
    logistic,
    peak_entropy,
)

WEIGHTS = torch.full((1, 2, 2), 0.25)


def naive_logistic(logits, labels, weights):
    """Evaluate eq. (3) of the thesis as it is written: exp before log."""
    signs = 2 * labels - 1
    return (torch.log(1 + torch.exp(-signs * logits)) * weights).sum() / len(logits)


def _batch(scale):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((3, 5, 5), generator=generator) * scale
    labels = (torch.rand((3, 5, 5), generator=generator) < 0.3).float()
    weights = torch.rand((3, 5, 5), generator=generator)
    return logits.requires_grad_(), labels, weights


@pytest.mark.parametrize("scale", [0.1, 5.0, 100.0, 1e4])
def test_the_logistic_loss_is_the_cross_entropy_with_its_gradient(scale):
    logits, labels, weights = _batch(scale)
    first, second = (loss(logits, labels, weights) for loss in (logistic, binary_cross_entropy))
    torch.testing.assert_close(first, second)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (first, second)]
    torch.testing.assert_close(*gradients)


def test_both_are_what_the_formula_says():
    logits, labels, weights = _batch(3.0)
    v, y, w = (part.detach().double().numpy() for part in (logits, labels, weights))
    expected = (w * np.log1p(np.exp(-(2 * y - 1) * v))).sum() / 3
    for loss in (logistic, binary_cross_entropy, naive_logistic):
        assert loss(logits, labels, weights).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("score", [-1e4, 1e4])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("loss", [logistic, binary_cross_entropy])
def test_large_scores_have_the_exact_loss_and_gradient(loss, label, score):
    logits = torch.full((1, 2, 2), score, requires_grad=True)
    value = loss(logits, torch.full((1, 2, 2), label), WEIGHTS)
    value.backward()
    wrong = (label == 1) != (score > 0)
    assert value.item() == (abs(score) if wrong else 0.0)
    expected = -np.sign(2 * label - 1) * 0.25 if wrong else 0.0
    np.testing.assert_array_equal(logits.grad, np.full((1, 2, 2), expected))


def test_the_naive_logistic_loss_ends_in_nan_as_the_thesis_saw():
    logits = torch.full((1, 2, 2), -100.0, requires_grad=True)
    loss = naive_logistic(logits, torch.ones((1, 2, 2)), WEIGHTS)
    loss.backward()
    assert loss.item() == np.inf  # exp(100) is beyond float32
    assert torch.isnan(logits.grad).all()  # and its slope inf/inf


def test_the_peak_s_entropy_ignores_a_constant_and_is_least_at_the_target():
    masses = torch.zeros((1, 3, 3))
    masses[0, 1, 2] = 1.0
    right, wrong = torch.zeros((1, 3, 3)), torch.zeros((1, 3, 3))
    right[0, 1, 2], wrong[0, 0, 0] = 5.0, 5.0
    assert peak_entropy(right, masses) < peak_entropy(wrong, masses)
    torch.testing.assert_close(peak_entropy(right + 7.0, masses), peak_entropy(right, masses))
    expected = -functional.log_softmax(right.flatten(), 0)[5]
    torch.testing.assert_close(peak_entropy(right, masses), expected)
    both = peak_entropy(torch.cat([right, wrong]), torch.cat([3 * masses, masses]))
    torch.testing.assert_close(both, (expected + peak_entropy(wrong, masses)) / 2)


def test_settings_choose_the_loss():
    logits, labels, weights = _batch(1.0)
    for kind, loss in (("bce", binary_cross_entropy), ("logistic", logistic)):
        soft = 0.2 + 0.6 * labels  # of labels 0 and 1 the two losses are the same
        chosen = compute_loss(logits, soft, weights, LossSettings(kind=kind))
        torch.testing.assert_close(chosen, loss(logits, soft, weights), rtol=0, atol=0)
    both = compute_loss(logits, labels, weights, LossSettings(peak_weight=0.5))
    entropy = peak_entropy(logits, labels * weights)
    torch.testing.assert_close(both, binary_cross_entropy(logits, labels, weights) + 0.5 * entropy)
    with pytest.raises(InputError, match="kind: expected bce or logistic, got 'hinge'"):
        LossSettings(kind="hinge")
