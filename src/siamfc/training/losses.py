"""Losses on logits, each stable at any score."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional

from siamfc.checks import check_number
from siamfc.errors import InputError


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """The loss that SiamFC minimises."""

    kind: Literal["bce", "logistic"] = "bce"
    """Cross-entropy (thesis eq. 7) or logistic (eq. 3): one function where labels are 0 or 1."""
    peak_weight: float = 0.0
    """Weight of `peak_entropy` beside it."""

    def __post_init__(self) -> None:
        if self.kind not in ("bce", "logistic"):
            raise InputError(f"kind: expected bce or logistic, got {self.kind!r}")
        check_number("peak_weight", self.peak_weight, 0)


def compute_loss(logits: Tensor, labels: Tensor, weights: Tensor, settings: LossSettings) -> Tensor:
    """Mean over the batch, a scalar; logits, labels and weights are (N, m, m)."""
    kind = logistic if settings.kind == "logistic" else binary_cross_entropy
    loss = kind(logits, labels, weights)
    if settings.peak_weight:
        loss = loss + settings.peak_weight * peak_entropy(logits, labels * weights)
    return loss


def binary_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted binary cross-entropy, thesis eq. (7) and (5); labels may lie between 0 and 1."""
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (losses * weights).sum() / len(logits)


def logistic(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted logistic loss, thesis eq. (3) and (5): log(1 + exp(−y v)), y = 2 · label − 1.

    Evaluated as softplus, which is max(−y v, 0) + log(1 + exp(−|v|)): no score overflows it.
    """
    losses = functional.softplus((1 - 2 * labels) * logits, threshold=_LINEAR_FROM)
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


_LINEAR_FROM = 40.0
"""From here on torch takes the softplus of v for v: in float32 they are the same number."""
