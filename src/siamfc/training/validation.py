"""Validation by pairs: the loss, and the accuracy of the response's peak or of the best box."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from siamfc.geometry import upsampling_matrix
from siamfc.network.calibration import Calibration
from siamfc.network.light.model import LightNet, normalise_images
from siamfc.network.siamfc.model import Normalise, SiamFC
from siamfc.training.box_losses import box_loss, generalised_iou
from siamfc.training.labels import response_labels
from siamfc.training.losses import compute_loss
from siamfc.training.recipes import Recipe
from siamfc.training.sources import Batch, BoxBatch, PairSource, exemplars_of

Validator = Callable[[Any], Mapping[str, float]]
"""Scores a network in evaluation mode, on the device that trains; returns scores by name."""
Calibrator = Callable[[Any, "BestBoxes"], Calibration | None]
"""Fits a network's calibration, also to the best boxes of pairs from tracks that training never
saw; None if there is too little to fit it to."""

_UPSAMPLING = 16


def pair_validator(recipe: Recipe, source: PairSource) -> Validator:
    """Make a validator that always uses the same pairs, the source's first `validation_pairs`.

    Scores: `validation_loss`, and `validation_center_error` for SiamFC, the mean distance in pixels
    of the search image from the response's peak to the target; or `validation_iou` for a network
    that predicts boxes, the mean IoU of the best cell's box over the pairs with a target.
    """
    return _responses(recipe, source) if recipe.network == "siamfc" else _boxes(recipe, source)


def _boxes(recipe: Recipe, source: PairSource) -> Validator:
    """Make the validator of a network that predicts boxes.

    Unlike in training, no search image is compared with another pair's exemplar.
    """
    batches = recipe.validation_pairs // recipe.validation_batch

    @torch.no_grad()
    def validate(model: LightNet) -> dict[str, float]:
        totals = torch.zeros(3, dtype=torch.float64, device=model.points.device)
        for number in range(batches):
            loss, best = _compare(model, recipe, source(number))
            totals += torch.stack([loss, best.overlaps.sum(), best.present.sum()]).double()
        loss, overlaps, present = totals.tolist()
        return {"validation_loss": loss / batches, "validation_iou": overlaps / max(present, 1)}

    return validate


class BestBoxes(NamedTuple):
    """The best cell of each of N search images."""

    logits: Tensor
    """(N,)"""
    overlaps: Tensor
    """(N,) IoU of its box with the target's; 0 where there is no target."""
    present: Tensor
    """(N,) bool, True where there is a target."""


@torch.no_grad()
def best_boxes(model: LightNet, recipe: Recipe, source: PairSource) -> BestBoxes:
    """Return the best cells of all validation pairs."""
    batches = range(recipe.validation_pairs // recipe.validation_batch)
    parts = [_compare(model, recipe, source(number))[1] for number in batches]
    return BestBoxes(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _compare(model: LightNet, recipe: Recipe, batch: Batch) -> tuple[Tensor, BestBoxes]:
    """Compute the loss of a batch, and its best cells."""
    pairs, settings = BoxBatch.of(batch), recipe.boxes
    exemplars, sizes = exemplars_of(pairs)
    images = [normalise_images(part, recipe.normalisation) for part in (*exemplars, pairs.searches)]
    device = pairs.boxes.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        logits, boxes = model(images[:-1], sizes, images[-1])
    present = pairs.visible >= settings.least_visible
    loss, _ = box_loss(logits, boxes, model.points, pairs.boxes, present, settings)
    score, best = logits.flatten(1).max(1)
    found = boxes.flatten(2).gather(2, best[:, None, None].expand(-1, 4, 1))[..., 0]
    truth = torch.cat([pairs.boxes[:, :2], pairs.boxes[:, :2] + pairs.boxes[:, 2:]], 1)
    return loss, BestBoxes(score, generalised_iou(found, truth)[0] * present, present)


def _responses(recipe: Recipe, source: PairSource) -> Validator:
    """Make SiamFC's validator; its normalisations use running statistics, as in tracking."""
    batches = recipe.validation_pairs // recipe.validation_batch

    @torch.no_grad()
    def validate(model: SiamFC) -> dict[str, float]:
        device = next(model.parameters()).device
        prepare = Normalise(recipe.normalisation).to(device)
        totals = torch.zeros(2, dtype=torch.float64, device=device)
        for number in range(batches):
            batch = source(number)
            labels, weights = response_labels(
                batch.offsets,
                recipe.labels,
                response_size=recipe.response_size,
                stride=recipe.spec.stride,
            )
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                images = [
                    prepare(part.permute(0, 3, 1, 2)) for part in (batch.exemplars, batch.searches)
                ]
                logits = model(*images)[:, 0].float()
            loss = compute_loss(logits, labels, weights, recipe.loss)
            peaks = peak_offsets(logits, recipe.spec.stride)
            error = (peaks - batch.offsets).norm(dim=1).mean()
            totals += torch.stack([loss, error]).double()
        loss, error = (totals / batches).tolist()
        return {"validation_loss": loss, "validation_center_error": error}

    return validate


def peak_offsets(logits: Tensor, stride: int) -> Tensor:
    """Locate the peaks of responses (N, m, m): x, y from the search image's centre, in its pixels.

    The response is upsampled by 16 as in tracking, and the highest sample is its peak.
    """
    matrix = torch.tensor(upsampling_matrix(logits.shape[-1], _UPSAMPLING), device=logits.device)
    fine = matrix @ logits.double() @ matrix.T
    row_column = torch.stack(torch.unravel_index(fine.flatten(1).argmax(1), fine.shape[1:]), 1)
    position = (row_column.flip(1) + 0.5) / _UPSAMPLING - 0.5
    return (position - (logits.shape[-1] - 1) / 2) * stride
