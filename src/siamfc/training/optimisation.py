"""Optimisers, the learning rate's course, and the average of the weights."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from siamfc.errors import InputError


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """How weights follow their gradients."""

    kind: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.08
    """Highest rate, reached after the warm-up."""
    final_learning_rate: float = 8e-5
    """Rate at the end."""
    schedule: Literal["cosine", "exponential", "constant"] = "cosine"
    """The way from the highest rate to the final one."""
    warm_up_steps: int = 300
    """Steps of linear growth from zero."""
    momentum: float = 0.9
    """Of SGD; AdamW takes it as its first beta."""
    weight_decay: float = 5e-4
    """Of the convolutions' weights alone."""
    clip_norm: float = 10.0
    """Largest norm of the gradient."""
    averaging: float = 0.999
    """Share of the averaged weights that stays at each step; 0: no average."""

    def __post_init__(self) -> None:
        if not 0 < self.final_learning_rate <= self.learning_rate:
            raise InputError(f"expected 0 < final_learning_rate <= learning_rate, got {self}")
        if not (0 <= self.momentum < 1 and 0 <= self.averaging < 1):
            raise InputError(f"momentum, averaging: expected 0 to below 1, got {self}")
        if self.warm_up_steps < 0 or self.weight_decay < 0 or self.clip_norm <= 0:
            raise InputError(f"expected steps and decay from 0, clip_norm above 0, got {self}")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, 0 … steps − 1.

        >>> settings = OptimiserSettings(learning_rate=1.0, final_learning_rate=0.01)
        >>> [round(settings.rate(step, 1300), 3) for step in (0, 299, 800, 1299)]
        [0.003, 1.0, 0.505, 0.01]
        """
        if step < self.warm_up_steps:
            return self.learning_rate * (step + 1) / self.warm_up_steps
        course = (step - self.warm_up_steps) / max(1, steps - self.warm_up_steps - 1)
        first, last = self.learning_rate, self.final_learning_rate
        if self.schedule == "cosine":
            return last + (first - last) * (1 + math.cos(math.pi * min(course, 1))) / 2
        return first if self.schedule == "constant" else first * (last / first) ** min(course, 1)


def make_optimiser(model: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    """Build an optimiser that decays convolutions alone: no norm, bias or gain."""
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
    return torch.optim.SGD(
        groups, lr=rate, momentum=settings.momentum, nesterov=settings.momentum > 0, fused=True
    )


class AveragedModel:
    """An exponential average of a model's weights and statistics, which tracks better than they.

    Young averages forget faster, so that the first weights, drawn at random, leave no trace.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the model after `step` (from 0)."""
        keep = min(self._decay, (1 + step) / (10 + step))
        pairs = [(mine, new) for mine, new in zip(*map(_floats, (self.model, model)), strict=True)]
        mine, new = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        torch._foreach_lerp_(mine, new, 1 - keep)


def _floats(model: nn.Module) -> Iterator[Tensor]:
    """All parameters and statistics of a model, in order."""
    yield from model.parameters()
    yield from (buffer for buffer in model.buffers() if buffer.is_floating_point())
