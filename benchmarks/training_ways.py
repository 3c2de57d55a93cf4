"""Ways to compute one training step, from the plainest to the fastest; see `training.py`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from training_floor import COMMON, COMPILED, FUSED, HALF, PLAIN, SPLIT, Chip, Cost

from siamfc.network.devices import runs_kernels
from siamfc.network.siamfc.architecture import LAYERS, POOL_SIZE, POOL_STRIDE
from siamfc.network.siamfc.model import Normalise, SiamFC, initialise
from siamfc.network.siamfc.training_pass import forward_pairs
from siamfc.training.labels import response_labels
from siamfc.training.losses import compute_loss
from siamfc.training.optimizer import make_optimiser
from siamfc.training.recipes import Recipe
from siamfc.training.sources import Batch

Respond = Callable[[SiamFC, Batch], Tensor]


@dataclass(frozen=True)
class Stored:
    """A batch in memory, see `Batch`; time does not depend on what it shows."""

    exemplars: Tensor
    searches: Tensor
    offsets: Tensor


def random_pairs(recipe: Recipe, device: torch.device) -> Stored:
    """A batch of random pixels, targets near the middle."""
    random = torch.Generator(device).manual_seed(0)
    images = [
        torch.randint(
            256,
            (recipe.batch, size, size, 3),
            dtype=torch.uint8,
            device=device,
            generator=random,
        )
        for size in recipe.data.sizes
    ]
    offsets = 14 * torch.randn((recipe.batch, 2), device=device, generator=random)
    return Stored(*images, offsets)


@dataclass(frozen=True)
class Way:
    """One row of the table: what it adds to the row above, and how it computes logits."""

    name: str
    respond: Respond
    cost: Cost
    """Passes by which `training_floor` predicts its time."""
    compiled: bool = False
    channels_last: bool = True


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_ways(recipe: Recipe, device: torch.device) -> list[Way]:
    """All ways that the device can go, the plain one first."""
    normalise = Normalise(recipe.normalisation).to(device)

    def plain(model: SiamFC, batch: Batch) -> Tensor:
        images = [normalise(x.permute(0, 3, 1, 2)) for x in (batch.exemplars, batch.searches)]
        return model(*(image.contiguous() for image in images))[:, 0]

    def half(model: SiamFC, batch: Batch) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return plain(model, batch)

    def folded(**options: Any) -> Respond:
        def respond(model: SiamFC, batch: Batch) -> Tensor:
            pixels = (batch.exemplars, batch.searches)
            dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
            return forward_pairs(model, *pixels, recipe.normalisation, dtype=dtype, **options)

        return respond

    ways = [Way("plain, float32", plain, PLAIN, channels_last=False)]
    if device.type == "cuda":
        ways.append(Way("bfloat16", half, HALF, channels_last=False))
    ways += [
        Way(
            "channels last, folded pixels, statistics in common",
            folded(grouping="grouped"),
            COMMON,
        ),
        Way("groups split", folded(grouping="split"), SPLIT),
    ]
    if device.type == "cuda":
        ways.append(Way("compiled", folded(grouping="split"), COMPILED, compiled=True))
    if runs_kernels(device):
        ways.append(Way("fused kernels, not compiled", folded(fused=True), FUSED))
    return ways


def make_plain_together(recipe: Recipe) -> Way:
    """The plain way in float32 with statistics in common: the function that the fast one is."""

    def respond(model: SiamFC, batch: Batch) -> Tensor:
        pixels = (batch.exemplars, batch.searches)
        return forward_pairs(
            model, *pixels, recipe.normalisation, dtype=torch.float32, grouping="grouped"
        )

    return Way("plain, float32, statistics in common", respond, COMMON)


class Stepper:
    """Training steps in one way, all from the same first weights."""

    def __init__(self, way: Way, recipe: Recipe, device: torch.device, seed: int = 0) -> None:
        self.way, self._recipe, self._respond = way, recipe, way.respond
        self.model = SiamFC()
        initialise(self.model, torch.Generator().manual_seed(seed))
        self.model.to(device)
        if way.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self._optimiser = make_optimiser(self.model, recipe.optimiser)
        self._loss = torch.compile(self._compute, dynamic=False) if way.compiled else self._compute
        self._step = 0

    def __call__(self, batch: Batch) -> Tensor:
        """One step; the loss, not waited for."""
        loss = self._loss(batch)
        loss.backward()
        limit = self._recipe.optimiser.clip_norm or float("inf")
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.optimiser.learning_rate_at(self._step, self._recipe.steps)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._step += 1
        return loss.detach()

    def _compute(self, batch: Batch) -> Tensor:
        logits = self._respond(self.model, batch).float()
        return loss_of(logits, batch, self._recipe)


def loss_of(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """The recipe's loss."""
    labels, weights = response_labels(
        batch.offsets,
        recipe.labels,
        response_size=recipe.response_size,
        stride=recipe.spec.stride,
    )
    return compute_loss(logits, labels, weights, recipe.loss)


def time_in_turn(
    calls: list[Callable[[], object]], device: torch.device, *, rounds: int, steps: int
) -> list[float]:
    """Median seconds of one call of each, timed in turn, after one round that does not count."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 1):
        for call, row in zip(calls, times, strict=True):
            synchronise(device)
            start = time.perf_counter()
            for _ in range(steps):
                call()
            synchronise(device)
            if turn:
                row.append((time.perf_counter() - start) / steps)
    return [median(row) for row in times]


def operations_per_pair(exemplar_size: int, search_size: int) -> float:
    """Multiplications and additions of a training step's convolutions for one pair.

    Forward, weights' gradient, inputs' gradient but that of the images; 11×11 kernels are counted
    as such, however they are computed.
    """
    total = 0.0
    for size in (exemplar_size, search_size):
        for layer in LAYERS:
            size = (size - layer.kernel) // layer.stride + 1
            passes = 2 if layer.name == "conv1" else 3
            inputs = layer.inputs // layer.groups
            total += 2.0 * passes * size**2 * layer.outputs * inputs * layer.kernel**2
            if layer.pooled:
                size = (size - POOL_SIZE) // POOL_STRIDE + 1
    return total


def matrix_rate(
    device: torch.device, size: int = 8192, dtype: torch.dtype = torch.bfloat16
) -> float:
    """Measured operations per second of a matrix product, by default in bfloat16."""
    left, right = torch.randn((2, size, size), device=device, dtype=dtype)
    (seconds,) = time_in_turn([lambda: left @ right], device, rounds=5, steps=20)
    return 2 * size**3 / seconds


def copy_rate(device: torch.device, size: int = 2**30) -> float:
    """Measured bytes per second of a copy, each byte read and written."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    (seconds,) = time_in_turn([lambda: target.copy_(source)], device, rounds=5, steps=20)
    return 2 * size / seconds


def measure_chip(device: torch.device) -> Chip:
    """Measure what the predictions are made from; float32 as `plain` computes it, not in TF32."""
    if device.type == "cuda":
        single = matrix_rate(device, 4096, torch.float32)
        rates = matrix_rate(device), single, copy_rate(device)
    else:  # where every way computes in float32
        single = matrix_rate(device, 512, torch.float32)
        rates = single, single, copy_rate(device, 2**26)
    return Chip(half_rate=rates[0], single_rate=rates[1], bandwidth=rates[2])


class StoredPairs(Dataset[dict[str, Tensor]]):
    """Pairs in the host's memory, prepared one at a time as public implementations do."""

    def __init__(self, batch: Batch, recipe: Recipe) -> None:
        self._pairs = [tensor.cpu() for tensor in (batch.exemplars, batch.searches, batch.offsets)]
        self._normalise = Normalise(recipe.normalisation)

    def __len__(self) -> int:
        return len(self._pairs[0])

    def __getitem__(self, index: int) -> list[Tensor]:
        exemplar, search, offset = (tensor[index] for tensor in self._pairs)
        images = [self._normalise(x.permute(2, 0, 1)) for x in (exemplar, search)]
        return [*images, offset]


def public_loop_rate(
    batch: Batch, recipe: Recipe, device: torch.device, *, workers: int, seconds: float
) -> float:
    """Pairs per second of a loop as public implementations write it: float32, eager, batch 8."""
    loader = DataLoader(
        StoredPairs(batch, recipe),
        batch_size=min(8, len(batch.exemplars)),
        shuffle=True,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
        drop_last=True,
    )
    model = SiamFC()
    initialise(model, torch.Generator().manual_seed(0))
    model.to(device).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9, weight_decay=5e-4)
    pairs, start = 0, 0.0
    for epoch in range(10**6):
        for batched in loader:
            exemplars, searches, offsets = (tensor.to(device) for tensor in batched)
            labels, weights = response_labels(
                offsets,
                recipe.labels,
                response_size=recipe.response_size,
                stride=recipe.spec.stride,
            )
            logits = model(exemplars, searches)[:, 0]
            loss = compute_loss(logits, labels, weights, recipe.loss)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
            pairs += len(exemplars)
        if epoch == 0:
            pairs, start = 0, time.perf_counter()
        elif time.perf_counter() - start >= seconds:
            break
    return pairs / (time.perf_counter() - start)
