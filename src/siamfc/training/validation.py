"""Validation by pairs: the loss, and how far the response's peak lies from the target."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from siamfc.network.calibration import Calibration
from siamfc.network.light.model import LightNet, normalise_images
from siamfc.network.siamfc.model import Normalise, SiamFC
from siamfc.training.box_losses import box_loss, generalised_iou
from siamfc.training.labels import response_labels
from siamfc.training.losses import compute_loss
from siamfc.training.recipes import Recipe
from siamfc.training.sources import Batch, BoxBatch, PairSource, exemplars_of

Validator = Callable[[Any], Mapping[str, float]]
"""Judges weights, in evaluation mode and on the device that trains: scores by name."""
Calibrator = Callable[[Any, "BestBoxes"], Calibration | None]
"""Fits the calibration of weights, given likewise, also to pairs of tracks that training never
saw; None if these do not determine one."""

_UPSAMPLING = 16


def pair_validator(recipe: Recipe, source: PairSource) -> Validator:
    """Judge by pairs that are always the same; see the two functions."""
    return _responses(recipe, source) if recipe.network == "siamfc" else _boxes(recipe, source)


def _boxes(recipe: Recipe, source: PairSource) -> Validator:
    """Judge by pairs that are always the same: `validation_loss`, `validation_iou`.

    The IoU is that of the best cell's box with the target's, mean over the targets that are
    there. No search image is compared with another's exemplar.
    """
    batches = recipe.validation_pairs // recipe.validation_batch

    @torch.no_grad()
    def validate(model: LightNet) -> dict[str, float]:
        totals = torch.zeros(2, dtype=torch.float64, device=model.points.device)
        for number in range(batches):
            loss, best = _compare(model, recipe, source(number))
            iou = best.overlaps.sum() / best.present.sum().clamp(min=1)
            totals += torch.stack([loss, iou]).double()
        loss, iou = (totals / batches).tolist()
        return {"validation_loss": loss, "validation_iou": iou}

    return validate


class BestBoxes(NamedTuple):
    """The best cell of each of N search images."""

    logits: Tensor
    """(N,)"""
    overlaps: Tensor
    """(N,) IoU of its box with the target's; 0 where there is no target."""
    present: Tensor
    """(N,) bool, whether there is one."""


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
    """Judge by pairs that are always the same: `validation_loss`, `validation_center_error`.

    The centre error is the mean distance in pixels of the search image from the peak of the
    response, upsampled as in tracking, to the target. Statistics are the running ones, as in
    tracking.
    """
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
                batch.log_scales,
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

    Upsampled by 16, bicubic: sub-cell k is at response position (k + 0.5)/16 − 0.5.
    """
    size = logits.shape[-1] * _UPSAMPLING
    fine = functional.interpolate(
        logits[:, None], size=(size, size), mode="bicubic", align_corners=False
    )
    row_column = torch.stack(torch.unravel_index(fine.flatten(1).argmax(1), (size, size)), 1)
    position = (row_column.flip(1) + 0.5) / _UPSAMPLING - 0.5
    return (position - (logits.shape[-1] - 1) / 2) * stride
