"""Losses on logits, each stable at any score."""

from torch import Tensor
from torch.nn import functional


def balanced_bce(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted binary cross-entropy, thesis eq. (7) and (5); mean over the batch, a scalar.

    For labels 0 and 1 it is the logistic loss of eq. (3), log(1 + exp(−y v)) with y = ±1, which
    this form evaluates without overflow.
    """
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (losses * weights).sum() / len(logits)


def peak_entropy(logits: Tensor, masses: Tensor) -> Tensor:
    """Cross-entropy of the response as one distribution over its cells; mean over the batch.

    The target distribution is proportional to `masses`, (N, m, m).

    It asks the highest cell to be the target's, so that its gradient goes where another object
    scores nearly as high; adding a constant to a response leaves it as it is.
    """
    target = masses.flatten(1)
    target = target / target.sum(1, keepdim=True).clamp(min=1e-6)
    return -(target * functional.log_softmax(logits.flatten(1), 1)).sum(1).mean()
