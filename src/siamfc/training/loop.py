"""The training loop: one batch per step, with callbacks for log lines and epochs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from siamfc.errors import SiamFCError
from siamfc.training.sources import PairSource
from siamfc.training.train_state import TrainState


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """Summary of the steps since the last line."""

    step: int
    """Number of steps done."""
    epoch: int
    """Number of epochs begun."""
    loss: float
    gradient_norm: float
    learning_rate: float
    """Learning rate of the last step."""
    pairs_per_second: float
    """Pairs of all processes; time between steps, without validation."""


class NotFiniteError(SiamFCError):
    """The loss or its gradient is no longer a finite number.

    Attributes:
        failed_step: the first such step, counted from 0.
    """

    def __init__(self, failed_step: int) -> None:
        super().__init__(
            f"the loss or its gradient was not a finite number at step {failed_step}: lower "
            "optimiser.learning_rate, set optimiser.clip_norm, or start from another seed"
        )
        self.failed_step = failed_step


def train(
    train_state: TrainState,
    source: PairSource,
    *,
    on_log: Callable[[LogLine], None] | None = None,
    on_epoch: Callable[[int], None] | None = None,
) -> None:
    """Run the remaining steps of the recipe.

    Args:
        train_state: the network in training, changed in place.
        source: the batches.
        on_log: called every `log_every` steps and at the end of each epoch; only then does the host
            wait for the device.
        on_epoch: called with 1, 2, … after the last step of each epoch.

    Raises:
        NotFiniteError: a loss or gradient since the last line of the log was not finite;
            `train_state` is restored to its value at that line.
    """
    recipe = train_state.recipe
    good_step, good_state = train_state.step, _copy(train_state.state())
    last, since = train_state.step, time.monotonic()
    while train_state.step < recipe.steps:
        train_state.learn(source(train_state.step))
        step = train_state.step
        epoch, into_epoch = divmod(step, recipe.steps_per_epoch)
        if into_epoch and step % recipe.log_every:
            continue
        report = train_state.report()
        if report.failed_step is not None:
            train_state.restore(good_step, good_state)
            raise NotFiniteError(report.failed_step)
        good_step, good_state = step, _copy(train_state.state())
        line = LogLine(
            step=step,
            epoch=epoch + (into_epoch > 0),
            loss=report.loss,
            gradient_norm=report.gradient_norm,
            learning_rate=recipe.optimiser.learning_rate_at(step - 1, recipe.steps),
            pairs_per_second=(step - last) * recipe.batch / (time.monotonic() - since),
        )
        if on_log is not None:
            on_log(line)
        if on_epoch is not None and not into_epoch:
            on_epoch(epoch)
        last, since = step, time.monotonic()


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}
