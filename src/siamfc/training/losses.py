"""Losses of responses, computed from logits and numerically stable for all of them."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional

from siamfc.checks import check_number
from siamfc.errors import InputError


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Settings of SiamFC's loss."""

    kind: Literal["bce", "logistic"] = "bce"
    """Cross-entropy (thesis eq. 7) or logistic loss (eq. 3), which are equal for labels 0 and 1."""
    peak_weight: float = 0.0
    """Weight of an added `peak_entropy`."""

    def __post_init__(self) -> None:
        if self.kind not in ("bce", "logistic"):
            raise InputError(f"kind: expected bce or logistic, got {self.kind!r}")
        check_number("peak_weight", self.peak_weight, 0)


def compute_loss(logits: Tensor, labels: Tensor, weights: Tensor, settings: LossSettings) -> Tensor:
    """Return the mean loss of a batch, a scalar; logits, labels and weights are (N, m, m)."""
    kind = logistic if settings.kind == "logistic" else binary_cross_entropy
    loss = kind(logits, labels, weights)
    if settings.peak_weight:
        loss = loss + settings.peak_weight * peak_entropy(logits, labels * weights)
    return loss


def binary_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted binary cross-entropy, thesis eq. (7) and (5), mean over the batch.

    Logits, labels in [0, 1] and weights are (N, m, m).
    """
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (losses * weights).sum() / len(logits)


def logistic(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted logistic loss, thesis eq. (3) and (5), mean over the batch.

    A cell's loss is log(1 + exp(−y v)), y = 2 · label − 1, computed as softplus, that is,
    max(−y v, 0) + log(1 + exp(−|v|)), which never overflows. Logits v, labels and weights are
    (N, m, m).
    """
    losses = functional.softplus((1 - 2 * labels) * logits, threshold=_LINEAR_FROM)
    return (losses * weights).sum() / len(logits)


def peak_entropy(logits: Tensor, masses: Tensor) -> Tensor:
    """Return the cross-entropy of responses as distributions over their cells, mean over the batch.

    The target distribution is proportional to `masses`, (N, m, m). The loss is low if the highest
    cell is the target's, so its gradient is largest where another object scores nearly as high.
    Adding a constant to a response does not change it.
    """
    target = masses.flatten(1)
    target = target / target.sum(1, keepdim=True).clamp(min=1e-6)
    return -(target * functional.log_softmax(logits.flatten(1), 1)).sum(1).mean()


_LINEAR_FROM = 40.0
"""Value above which torch replaces softplus(v) by v; in float32 the two are equal there."""
