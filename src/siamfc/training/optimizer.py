"""Optimisers, the schedule of the learning rate, and the average of the weights."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """Settings of the optimiser."""

    kind: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 1e-2
    """Highest rate, reached after the warm-up."""
    final_learning_rate: float = 1e-5
    """Rate at the end; unused by the schedule `constant`."""
    schedule: Literal["constant", "step", "exponential", "cosine"] = "constant"
    """Shape of the fall from the highest rate to the final one."""
    step_drops: int = 3
    """Number of drops of the schedule `step`, each by the same factor, at equal intervals."""
    warm_up_steps: int = 0
    """Steps of linear growth from zero."""
    momentum: float = 0.9
    """Momentum of SGD; the first beta of AdamW."""
    weight_decay: float = 5e-4
    """Weight decay, of the convolutions' weights alone."""
    clip_norm: float | None = None
    """Largest norm of the gradient; None: unlimited."""
    ema_decay: float = 0.0
    """Fraction of the averaged weights kept at each step; 0: the average equals the weights."""

    def __post_init__(self) -> None:
        if self.kind not in ("sgd", "adamw"):
            raise InputError(f"kind: expected sgd or adamw, got {self.kind!r}")
        if self.schedule not in ("constant", "step", "exponential", "cosine"):
            raise InputError(
                f"schedule: expected constant, step, exponential or cosine, got {self.schedule!r}"
            )
        check_number("final_learning_rate", self.final_learning_rate, 1e-12)
        least = 1e-12 if self.schedule == "constant" else self.final_learning_rate
        check_number("learning_rate", self.learning_rate, least)
        check_whole("step_drops", self.step_drops, 1)
        check_whole("warm_up_steps", self.warm_up_steps, 0)
        check_number("momentum", self.momentum, 0, _BELOW_ONE)
        check_number("ema_decay", self.ema_decay, 0, _BELOW_ONE)
        check_number("weight_decay", self.weight_decay, 0)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, 1e-12)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, 0 … steps − 1.

        >>> settings = OptimiserSettings(
        ...     learning_rate=1.0, final_learning_rate=0.01, schedule="cosine", warm_up_steps=300
        ... )
        >>> [round(settings.learning_rate_at(step, 1300), 3) for step in (0, 299, 800, 1299)]
        [0.003, 1.0, 0.504, 0.01]
        """
        if step < self.warm_up_steps:
            return self.learning_rate * (step + 1) / self.warm_up_steps
        first, last = self.learning_rate, self.final_learning_rate
        if self.schedule == "constant":
            return first
        done, left = step - self.warm_up_steps, max(1, steps - self.warm_up_steps)
        if self.schedule == "step":
            course = done * (self.step_drops + 1) // left / self.step_drops
            return first * math.pow(last / first, course)
        course = min(done / max(1, left - 1), 1.0)
        if self.schedule == "cosine":
            return last + (first - last) * (1 + math.cos(math.pi * course)) / 2
        return first * math.pow(last / first, course)


_BELOW_ONE = 1 - 1e-9


def adamw(
    learning_rate: float, *, warm_up_steps: int, ema_decay: float, clip_norm: float = 10.0
) -> OptimiserSettings:
    """Return AdamW with averaged weights and a rate that falls along a cosine to 1e-6."""
    return OptimiserSettings(
        kind="adamw",
        learning_rate=learning_rate,
        final_learning_rate=1e-6,
        schedule="cosine",
        warm_up_steps=warm_up_steps,
        weight_decay=0.05,
        clip_norm=clip_norm,
        ema_decay=ema_decay,
    )


def make_optimiser(model: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    """Make an optimiser with weight decay on convolutions only, not on norms, biases or gains."""
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    rate = settings.learning_rate
    if settings.kind == "adamw":
        betas = (settings.momentum, 0.999)
        return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)
    return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, fused=True)


Model = TypeVar("Model", bound=nn.Module)


class AveragedModel(Generic[Model]):
    """Exponential average of a model's weights and statistics, which tracks better than the model.

    Early on the average forgets faster, so that the random initial weights leave no trace.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, model: Model, step: int) -> None:
        """Add the model's weights after a step, counted from 0, to the average."""
        keep = min(self._decay, (1 + step) / (10 + step))
        mine, new = list(floats(self.model)), list(floats(model))
        torch._foreach_lerp_(mine, new, 1 - keep)


def floats(model: nn.Module) -> Iterator[Tensor]:
    """Yield all parameters and running statistics of a model, in order."""
    yield from model.parameters()
    yield from statistics(model)


def statistics(model: nn.Module) -> Iterator[Tensor]:
    """Return an iterator over the running statistics of a model, in order."""
    return (buffer for buffer in model.buffers() if buffer.is_floating_point())
