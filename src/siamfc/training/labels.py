"""Labels of the response and their weights, for targets anywhere in the search image.

Positions are cells of the response, from 0 to m − 1 on each axis, as in `siamfc.geometry`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from siamfc.checks import check_number
from siamfc.errors import InputError

_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """Extent of the target in the labels."""

    radius: float = 16.0
    """Distance from the target's centre, pixels of the search image, up to which cells are positive
    (thesis eq. 4, table 6)."""
    balanced: bool = True
    """Give positive and negative cells the same total weight (thesis eq. 5), instead of giving
    each cell the same weight."""
    soft: bool = False
    """Let labels fall off as a Gaussian of deviation radius/2 instead of ending at the radius."""
    background: float = 0.0
    """Smallest label of a cell. Above 0 it bounds the logits away from the target, so the response
    is flat there, also in cells that a small search image never shows."""

    def __post_init__(self) -> None:
        check_number("radius", self.radius, _LEAST)
        check_number("background", self.background, 0, 0.5)
        if self.soft and not self.balanced:
            raise InputError("balanced: expected true with soft labels")

    @property
    def is_hard(self) -> bool:
        """True if every label is 0 or 1."""
        return not self.soft and not self.background


def response_labels(
    offsets: Tensor,
    settings: LabelSettings,
    *,
    response_size: int = 17,
    stride: int = 8,
) -> tuple[Tensor, Tensor]:
    """Compute labels in [0, 1] and weights for each cell, both (N, m, m) float32.

    Args:
        offsets: target's centre minus the search image's, x, y in its pixels, (N, 2).
        settings: radius and shape of the labels.
        response_size: m, cells.
        stride: distance between two cells, pixels of the search image.

    Returns:
        Labels and weights. The weights of a response sum to 1. If balanced, half of that belongs to
        the positive and half to the negative cells (thesis eq. 5); a response that lacks either
        kind has only the other's half.
    """
    cells = torch.arange(response_size, device=offsets.device) - (response_size - 1) / 2
    x = cells[None, None, :] * stride - offsets[:, 0, None, None]
    y = cells[None, :, None] * stride - offsets[:, 1, None, None]
    distance = x * x + y * y
    if settings.soft:
        labels = torch.exp(-distance / (2 * (settings.radius / 2) ** 2))
    else:
        labels = (distance <= settings.radius**2).float()
    if not settings.balanced:
        return labels.clamp(min=settings.background), torch.full_like(labels, response_size**-2)
    positive = labels.sum((1, 2), keepdim=True).clamp(min=_LEAST)
    negative = (1 - labels).sum((1, 2), keepdim=True).clamp(min=_LEAST)
    weights = 0.5 * labels / positive + 0.5 * (1 - labels) / negative
    # One weight a cell: that of its positive fraction plus that of its negative one.
    # A soft label then is 0.5 l / P over that sum.
    return (0.5 * labels / positive / weights).clamp(min=settings.background), weights
