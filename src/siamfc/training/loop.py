"""The training loop: pairs → responses → loss → weights; one process or several."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from siamfc.data.procedural.pairs import PairGenerator, Pairs
from siamfc.errors import SiamFCError
from siamfc.network.alexnet import SiamFC, initialise
from siamfc.network.fast import respond_together
from siamfc.training.labels import response_labels
from siamfc.training.losses import balanced_bce, peak_entropy
from siamfc.training.optimisation import AveragedModel, make_optimiser
from siamfc.training.recipes import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """What a callback sees at a validation, and at the end."""

    step: int
    """Steps done."""
    loss: float
    """Mean since the last report."""
    pairs_per_second: float
    """Over all processes, since the last report."""
    model: SiamFC
    """The averaged weights, in evaluation mode."""


_STREAM = 2**40
"""Processes draw from streams of steps this far apart."""

Callback = Callable[[Progress], None]


def train(
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    callbacks: tuple[Callback, ...] = (),
    generator: PairGenerator | None = None,
) -> SiamFC:
    """Run a recipe and return the averaged weights, in evaluation mode.

    Within `torchrun` every process takes its share of each batch and pairs of its own, and
    gradients are averaged; callbacks run in the first process.

    Raises:
        SiamFCError: the loss is no longer a finite number.
    """
    device = torch.device(device)
    on_gpu = device.type == "cuda"
    rank, world = _place()
    if on_gpu:
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    model = SiamFC()
    initialise(model, torch.Generator().manual_seed(recipe.seed))
    model.to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    optimiser = make_optimiser(model, recipe.optimiser)
    averaged = AveragedModel(model, recipe.optimiser.averaging)
    draw = generator or make_generator(recipe, device)
    dtype = torch.bfloat16 if on_gpu else torch.float32

    def compute_loss(pairs: Pairs) -> Tensor:
        labels, weights = response_labels(pairs.offsets, pairs.log_scales, recipe.labels)
        logits = respond_together(
            model, pairs.exemplars, pairs.searches, recipe.normalisation, dtype=dtype
        ).float()
        loss = balanced_bce(logits, labels, weights)
        if recipe.peak_weight:
            loss = loss + recipe.peak_weight * peak_entropy(logits, labels * weights)
        return loss

    if on_gpu:
        compute_loss = torch.compile(compute_loss, dynamic=False)
    total = torch.zeros((), device=device)
    since, last = time.monotonic(), 0
    for step in range(recipe.steps):
        if step and step % recipe.renew_textures_every == 0:
            draw.renew(step // recipe.renew_textures_every)
        pairs = draw(rank * _STREAM + step)
        loss = compute_loss(pairs)
        loss.backward()
        _average_gradients(model, world)
        for group in optimiser.param_groups:
            group["lr"] = recipe.optimiser.rate(step, recipe.steps)
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimiser.clip_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        averaged.update(model, step)
        total += loss.detach()
        done = step + 1
        if done % recipe.validate_every == 0 or done == recipe.steps:
            mean = float(total) / (done - last)
            if not mean < float("inf"):
                raise SiamFCError(
                    f"the loss became {mean} between steps {last} and {done}: "
                    "lower the learning rate or start from another seed"
                )
            rate = (done - last) * recipe.batch / (time.monotonic() - since)
            if rank == 0:
                averaged.model.eval()
                report = Progress(done, mean, rate, averaged.model)
                for callback in callbacks:
                    callback(report)
            total.zero_()
            since, last = time.monotonic(), done
    return averaged.model.eval()


def make_generator(recipe: Recipe, device: torch.device | str) -> PairGenerator:
    """Build the generator of a recipe's pairs for this process."""
    _, world = _place()
    return PairGenerator(
        batch=recipe.batch // world,
        seed=recipe.seed,
        device=device,
        settings=recipe.pairs,
        textures=recipe.textures,
        compiled=torch.device(device).type == "cuda",
    )


def _place() -> tuple[int, int]:
    """This process's number and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _average_gradients(model: SiamFC, world: int) -> None:
    if world == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= world
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
