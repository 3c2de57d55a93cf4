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
    """Cells within so many pixels of the search image are positive (thesis eq. 4, table 6)."""
    balanced: bool = True
    """Positive and negative cells weigh the same together (thesis eq. 5), instead of each cell."""
    soft: bool = False
    """Labels fall off as a Gaussian of deviation radius/2, instead of at once at the radius."""
    scale_tolerance: float | None = None
    """Deviation of the logarithm of a wrong scale at which a label falls to exp(−1/2); none: never.

    With it the height of the peak measures how well the scale fits, by which trackers choose it.
    """
    background: float = 0.0
    """Least label of a cell. Above 0 no logit is asked to fall without end, and the response is
    flat away from the target, in cells that a small search image never shows, too."""

    def __post_init__(self) -> None:
        check_number("radius", self.radius, _LEAST)
        if self.scale_tolerance is not None:
            check_number("scale_tolerance", self.scale_tolerance, _LEAST)
        check_number("background", self.background, 0, 0.5)
        if not self.balanced and (self.soft or self.scale_tolerance is not None):
            raise InputError("balanced: expected true with soft labels or a scale_tolerance")

    @property
    def is_hard(self) -> bool:
        """True if every label is 0 or 1."""
        return not self.soft and self.scale_tolerance is None and not self.background


def response_labels(
    offsets: Tensor,
    log_scales: Tensor,
    settings: LabelSettings,
    *,
    response_size: int = 17,
    stride: int = 8,
) -> tuple[Tensor, Tensor]:
    """Compute labels in [0, 1] and weights for each cell, both (N, m, m).

    Args:
        offsets: target's centre minus the search image's centre, pixels of it, (N, 2) x, y.
        log_scales: logarithm of the target's size over the size that the exemplar has, (N,).
        settings: radius and shape.
        response_size: m, cells.
        stride: pixels between two cells.

    Returns:
        Labels, and weights of which positives and negatives each have half (thesis eq. 5), or all
        alike: over a response they sum to 1, or to 1/2 where halves are asked for and no cell, or
        every one, is positive.
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
    positive = labels.sum((1, 2), keepdim=True).clamp(min=1e-6)
    negative = (1 - labels).sum((1, 2), keepdim=True).clamp(min=1e-6)
    if settings.scale_tolerance is not None:
        fit = torch.exp(-0.5 * (log_scales / settings.scale_tolerance) ** 2)
        labels = labels * fit[:, None, None]
    weights = 0.5 * labels / positive + 0.5 * (1 - labels) / negative
    # One weight a cell: that of its positive fraction plus that of its negative one.
    # A soft label then is 0.5 l / P over that sum.
    return (0.5 * labels / positive / weights).clamp(min=settings.background), weights
