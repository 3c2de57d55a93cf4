"""Loss of the light network: the boxes of cells on the target, and every cell's score."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from siamfc.checks import check_number
from siamfc.training.losses import peak_entropy

_NEVER = -1e4
"""Logit of a cell that the peak cannot be."""


@dataclass(frozen=True, kw_only=True)
class BoxLossSettings:
    """Selection of the cells that are trained, and weights of the parts of the loss."""

    inner: float = 0.25
    """Half axes, in box sides, of an ellipse around the target's centre: cells in it are on the
    target."""
    outer: float = 0.5
    """Half axes of an ellipse beyond which cells are off the target; the scores of cells between
    the two are not trained."""
    least_visible: float = 0.15
    """Smallest visible fraction of a target that counts as present."""
    negative_share: float = 0.15
    """Fraction of search images compared with another pair's exemplar, so without a target."""
    alone_share: float = 0.15
    """Fraction of pairs whose recent exemplar is replaced by the first."""
    box_weight: float = 2.0
    """Weight of the boxes' loss, 1 − GIoU, relative to the scores' loss."""
    focus: float = 2.0
    """Exponent of |quality − score|, the factor on a cell's loss."""
    peak_weight: float = 0.0
    """Weight of an added `peak_entropy` of the scores, relative to the scores' loss."""

    def __post_init__(self) -> None:
        for name in ("inner", "least_visible", "negative_share", "alone_share"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("outer", self.outer, self.inner, 1)
        check_number("box_weight", self.box_weight, 0)
        check_number("focus", self.focus, 0)
        check_number("peak_weight", self.peak_weight, 0)


def generalised_iou(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and GIoU (Rezatofighi et al. 2019), (...,) each, of boxes (..., 4).

    Boxes are left, top, right, bottom in any unit; IoU is in [0, 1], GIoU in [-1, 1].
    """
    top_left = torch.maximum(first[..., :2], second[..., :2])
    bottom_right = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    hull = torch.maximum(first[..., 2:], second[..., 2:]) - torch.minimum(
        first[..., :2], second[..., :2]
    )
    hull_area = hull.clamp(min=0).prod(-1).clamp(min=1e-6)
    iou = shared / union
    return iou, iou - (hull_area - union) / hull_area


def box_loss(
    logits: Tensor,
    boxes: Tensor,
    points: Tensor,
    truth: Tensor,
    present: Tensor,
    settings: BoxLossSettings,
) -> tuple[Tensor, Tensor]:
    """Compute the loss of N search images.

    The score's loss is the quality focal loss (Li et al. 2020): binary cross-entropy towards the
    IoU of the cell's own box on the target, towards 0 off it. It judges each cell by itself;
    `peak_weight` adds a loss for another place of the image scoring as high as the target.

    Args:
        logits: logits of the cells' scores, (N, m, m).
        boxes: the cells' boxes left, top, right, bottom, (N, 4, m, m), pixels of the search image.
        points: x, y of the cells, (2, m, m), pixels of the search image.
        truth: ground truth boxes x, y, w, h, (N, 4), pixels of the search image.
        present: (N,) bool, True where there is a target to find.
        settings: selection of cells and weights.

    Returns:
        The loss, and the mean IoU of the boxes of cells on a target; both are scalars.
    """
    center, size = truth[:, :2] + truth[:, 2:] / 2, truth[:, 2:].clamp(min=1e-3)
    distance = (points - center[..., None, None]) / size[..., None, None]
    radius = distance.square().sum(1).sqrt()
    # The nearest cell is on the target, however small that is.
    flat = (points - center[..., None, None]).square().sum(1).flatten(1)
    nearest = (flat == flat.amin(1, keepdim=True)).view_as(radius)
    on_target = ((radius < settings.inner) | nearest) & present[:, None, None]
    off_target = ~on_target & ((radius > settings.outer) | ~present[:, None, None])

    corners = torch.cat([truth[:, :2], truth[:, :2] + truth[:, 2:]], -1)
    iou, giou = generalised_iou(boxes.permute(0, 2, 3, 1), corners[:, None, None])
    total = on_target.sum().clamp(min=1)
    # Each target counts the same, whatever the number of its cells.
    share = on_target / on_target.sum((1, 2), keepdim=True).clamp(min=1)
    box_part = (share * (1 - giou)).sum() / present.sum().clamp(min=1)

    quality = torch.where(on_target, iou.detach(), 0.0)
    error = (quality - torch.sigmoid(logits)).abs() ** settings.focus
    entropy = functional.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    score_part = (error.detach() * entropy * (on_target | off_target)).sum() / total
    mean_iou = (iou.detach() * on_target).sum() / total
    loss = score_part + settings.box_weight * box_part
    if settings.peak_weight:
        trained = logits.masked_fill(~(on_target | off_target), _NEVER)
        loss = loss + settings.peak_weight * peak_entropy(trained, share)
    return loss, mean_iou
