"""State of a training run: the network, its optimiser and its average."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from siamfc.training.objectives import Loss, Network, make_objective
from siamfc.training.optimizer import AveragedModel, make_optimiser, statistics
from siamfc.training.process_group import ProcessRank, average
from siamfc.training.recipes import Recipe
from siamfc.training.sources import Batch

_STEPS_WORTH_COMPILING = 2000
"""Length of a run from which compiling, which takes one to two minutes, saves time on a GPU."""


@dataclass(frozen=True)
class Report:
    """Summary of the steps since the last report."""

    loss: float
    """Mean over steps and processes."""
    gradient_norm: float
    """Mean, before clipping."""
    failed_step: int | None
    """First step, from 0, whose loss or gradient was not finite."""


class TrainState:
    """A training run at one step.

    Args:
        recipe: all settings.
        device: device of the network.
        process: this process's rank; all processes have the same weights after every step.
        weights: initial tensors; None: weights drawn from the recipe's seed.
        loss: replaces SiamFC's loss.

    Attributes:
        recipe: all settings.
        device: device of the network.
        step: number of steps done.
        averaged: the averaged weights, in evaluation mode.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        device: torch.device | str = "cpu",
        process: ProcessRank | None = None,
        weights: Mapping[str, NDArray[np.float32]] | None = None,
        loss: Loss | None = None,
    ) -> None:
        self.recipe, self.device, self.step = recipe, torch.device(device), 0
        self._world = (process or ProcessRank()).world
        objective = make_objective(recipe, self.device, loss)
        self._model = objective.make(torch.Generator().manual_seed(recipe.seed))
        if weights is not None:
            self._model.load_tensors(weights)
        self._model.to(self.device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        if recipe.frozen_statistics:
            for module in self._model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        self._optimiser = make_optimiser(self._model, recipe.optimiser)
        self._average = AveragedModel(self._model, recipe.optimiser.ema_decay)
        self._history = torch.zeros((recipe.log_every, 2), device=self.device)
        """Loss and norm of the gradient in each step since the last report."""
        self._reported = 0
        self._compute = objective.loss
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
            torch.set_float32_matmul_precision("high")
            if objective.compiled and recipe.steps >= _STEPS_WORTH_COMPILING:
                self._compute = torch.compile(objective.loss, dynamic=False)

    @property
    def averaged(self) -> Network:
        """The averaged weights, in evaluation mode."""
        return self._average.model

    def learn(self, batch: Batch) -> None:
        """Train on one batch, without waiting for the device.

        Call `report` after at most `log_every` batches.
        """
        recipe, model = self.recipe, self._model
        loss = self._compute(batch)
        torch.autograd.backward(loss)
        loss = loss.detach()
        parameters = list(model.parameters())
        gradients = [p.grad for p in parameters if p.grad is not None]
        average([loss, *gradients, *statistics(model)], self._world)
        limit = recipe.optimiser.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(parameters, math.inf if limit is None else limit)
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.optimiser.learning_rate_at(self.step, recipe.steps)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._average.update(model, self.step)
        torch.stack([loss, norm], out=self._history[self.step - self._reported])
        self.step += 1

    def report(self) -> Report:
        """Summarise the steps since the last report; this waits for the device."""
        history = self._history[: self.step - self._reported].double().cpu()
        first, self._reported = self._reported, self.step
        bad = (~history.isfinite().all(1)).nonzero()
        loss, norm = history.mean(0).tolist()
        return Report(loss, norm, first + int(bad[0]) if len(bad) else None)

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that determine the next steps, by name, without copying them."""
        tensors = {f"model.{name}": value for name, value in self._model.state_dict().items()}
        for name, value in self._average.model.state_dict().items():
            tensors[f"average.{name}"] = value
        for number, parameter in self._optimiser.state_dict()["state"].items():
            for name, value in parameter.items():
                if value is not None:
                    tensors[f"optimiser.{number}.{name}"] = value
        return tensors

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Continue after `step` steps from a copy of the tensors that `state` returned then."""
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimiser": {}}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = value
        self._model.load_state_dict(parts["model"])
        self._average.model.load_state_dict(parts["average"])
        parameters = [p for group in self._optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Any]] = {}
        for name, value in parts["optimiser"].items():
            number, _, key = name.partition(".")
            like = parameters[int(number)]
            # Fused steps require a buffer with the same memory layout as its parameter.
            whole = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
            state.setdefault(int(number), {})[key] = whole if key != "step" else value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.step = self._reported = step
