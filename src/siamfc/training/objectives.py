"""Objectives: the network that a recipe trains, and the loss of a batch.

The rest of training, such as the loop, the optimiser and resuming, is the same for both networks.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from siamfc.network.devices import runs_kernels
from siamfc.network.light.architecture import LAYOUTS
from siamfc.network.light.model import LightNet, normalise_images
from siamfc.network.light.model import initialise as initialise_light
from siamfc.network.siamfc.model import SiamFC, initialise
from siamfc.network.siamfc.training_pass import forward_pairs
from siamfc.training.box_losses import box_loss
from siamfc.training.data_settings import StoreData
from siamfc.training.labels import response_labels
from siamfc.training.losses import compute_loss
from siamfc.training.recipes import Recipe
from siamfc.training.sources import Batch, BoxBatch, exemplars_of

Network = SiamFC | LightNet
"""Networks that can be trained."""
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps logits, labels and weights, each (N, m, m), to a scalar."""


class Objective(Protocol):
    """The part of training that depends on the network."""

    compiled: bool
    """True if `loss` should be compiled on a GPU."""

    def make(self, generator: torch.Generator) -> Network:
        """Return a network with weights drawn by the generator."""
        ...

    def loss(self, batch: Batch) -> Tensor:
        """Compute the scalar to minimise, in training mode; updates running statistics."""
        ...


class ResponseObjective:
    """SiamFC: a response that is high where the target is (thesis 4.1.6)."""

    def __init__(self, recipe: Recipe, device: torch.device, loss: Loss | None = None) -> None:
        self._recipe, self._own_loss = recipe, loss
        self._dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self._fused = runs_kernels(device)
        self.compiled = not self._fused
        self._model = SiamFC()

    def make(self, generator: torch.Generator) -> SiamFC:
        """Return a network with weights drawn by the generator."""
        initialise(self._model, generator)
        return self._model

    def loss(self, batch: Batch) -> Tensor:
        """Compute the loss of a batch."""
        recipe = self._recipe
        labels, weights = response_labels(
            batch.offsets,
            recipe.labels,
            response_size=recipe.response_size,
            stride=recipe.spec.stride,
        )
        logits = forward_pairs(
            self._model,
            batch.exemplars,
            batch.searches,
            recipe.normalisation,
            dtype=self._dtype,
            fused=self._fused,
        ).float()
        if self._own_loss is not None:
            return self._own_loss(logits, labels, weights)
        return compute_loss(logits, labels, weights, recipe.loss)


class BoxObjective:
    """The light network: each cell's score and box; see `box_losses`.

    The first search images of a batch are compared with their neighbours' exemplars, so they show
    no target. The last pairs use the first frame's exemplar as the recent one too, as a tracker
    does in a video's first frames.
    """

    compiled = True

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        self._model = LightNet(LAYOUTS[recipe.network])

    def make(self, generator: torch.Generator) -> LightNet:
        """Return a network with weights drawn by the generator."""
        initialise_light(self._model, generator)
        return self._model

    def loss(self, batch: Batch) -> Tensor:
        """Compute the loss of a batch."""
        pairs, settings = BoxBatch.of(batch), self._recipe.boxes
        # Pairs from stores have strangers of their own: neighbours may show the same target.
        data, count = self._recipe.data, len(pairs.boxes)
        apart = data.procedural_pairs(count) if isinstance(data, StoreData) else count
        strangers = round(settings.negative_share * apart)
        device = self._device.type
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            exemplar_images, sizes = exemplars_of(pairs)
            images = [
                normalise_images(part, self._recipe.normalisation)
                for part in (*exemplar_images, pairs.searches)
            ]
            *exemplars, searches = self._model.embed(images)
            places = [self._model.places(each) for each in sizes]
            alone = round(settings.alone_share * len(pairs.boxes))
            exemplars, places = (_alone(parts, alone) for parts in (exemplars, places))
            wanted, where = (
                _exchange(part, strangers) for part in self._model.memory(exemplars, places)
            )
            logits, boxes = self._model.compare(wanted, where, searches)
        own = torch.arange(len(pairs.boxes), device=logits.device) >= strangers
        present = own & (pairs.visible >= settings.least_visible)
        return box_loss(logits, boxes, self._model.points, pairs.boxes, present, settings)[0]


def _alone(values: list[Tensor], count: int) -> list[Tensor]:
    """Replace the last `count` rows of the recent part, if there is one, by those of the first."""
    first, *recent = values
    kept = len(first) - count
    return [first, *(torch.cat([part[:kept], first[kept:]]) for part in recent)]


def _exchange(values: Tensor, count: int) -> Tensor:
    """Exchange the first `count` rows for their neighbours': exemplars of other targets."""
    return torch.cat([values.roll(1, 0)[:count], values[count:]])


def make_objective(recipe: Recipe, device: torch.device, loss: Loss | None = None) -> Objective:
    """Return the objective of a recipe; `loss` replaces SiamFC's own."""
    if recipe.network == "siamfc":
        return ResponseObjective(recipe, device, loss)
    return BoxObjective(recipe, device)
