"""A run's folder: settings, log, checkpoints and the state from which a run resumes.

```
run.json                 settings, seed, stores; commit, versions, machine
log.jsonl                one line per log step and per epoch; TensorBoard's files beside it
curves.svg               losses and scores by epoch
checkpoints/epoch-0001.safetensors …   averaged weights after each epoch
best.safetensors         the averaged weights with the lowest validation loss
weights.safetensors      the averaged weights after the last epoch, once the run has ended
state.safetensors        everything that --resume needs
```
Each file appears complete or not at all. A resumed run overwrites what a killed one wrote after its
last state.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from siamfc.errors import DatasetError, OutputError
from siamfc.files import write_file
from siamfc.network.checkpoint import Checkpoint
from siamfc.overrides import flatten
from siamfc.training.curves import draw_curves
from siamfc.training.state import load_state, save_state

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

logger = logging.getLogger(__name__)

RUN, LOG, STATE, CURVES = "run.json", "log.jsonl", "state.safetensors", "curves.svg"
BEST, FINAL, CHECKPOINTS = "best.safetensors", "weights.safetensors", "checkpoints"
_DRAWING_SECONDS = 10.0
"""Epochs may be shorter than it takes to draw the curves: they are drawn this often at most."""


class RunFolder:
    """The files of one run, written by one process.

    Args:
        path: the folder, created if needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log: list[dict[str, Any]] = []
        self._tensorboard: SummaryWriter | None = None
        self._drawn = float("-inf")

    def begin(self, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Start a run; it can only be resumed with the same `settings`, but with other `facts`.

        Raises:
            OutputError: the folder already contains a run.
        """
        if (self.path / RUN).exists():
            raise OutputError(
                f"{self.path}: there is a run already: --resume continues it, or choose another "
                "folder"
            )
        text = json.dumps({"settings": settings, **facts}, indent=2, ensure_ascii=False)
        self._write(RUN, (text + "\n").encode())
        self._write(LOG, b"")

    def resume(self, settings: Mapping[str, Any]) -> bool:
        """Restore the folder to its last saved state; return False if there is no run yet.

        Raises:
            OutputError: the run has other settings; the message names the first three.
            DatasetError: its settings are damaged.
            CheckpointError: its state is damaged.
        """
        if not (self.path / RUN).exists():
            return False
        self._check_settings(settings)
        state = self.path / STATE
        self._keep_log(load_state(state)[0] if state.exists() else 0)
        return True

    def add(self, record: dict[str, Any]) -> None:
        """Append a line to the log, and its numbers to TensorBoard's log."""
        self._log.append(record)
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        writer = self._open_tensorboard(int(record["step"]))
        for name, value in record.items():
            if isinstance(value, float):
                writer.add_scalar(f"{record['kind']}/{name}", value, record["step"])
        writer.flush()

    def epoch_record(self, epoch: int, step: int, scores: Mapping[str, float]) -> dict[str, Any]:
        """Return the log's record of an epoch, `best` if its validation loss is the lowest."""
        past = [r["validation_loss"] for r in self.epochs if "validation_loss" in r]
        loss = scores.get("validation_loss")
        best = loss is not None and loss < min(past, default=float("inf"))
        record = {"kind": "epoch", "epoch": epoch, "step": step}
        return {**record, "training_loss": self._training_loss(epoch), **scores, "best": best}

    def add_epoch(self, record: dict[str, Any], checkpoint: Checkpoint) -> None:
        """Save the end of an epoch: its `epoch_record`, its weights, also as best, the curves."""
        content = checkpoint.to_bytes()
        self._write(_epoch_name(record["epoch"]), content)
        if record["best"]:
            self._write(BEST, content)
        self.add(record)
        if time.monotonic() - self._drawn >= _DRAWING_SECONDS:
            self._draw()

    def save(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Replace the saved state by the one after `step` steps."""
        save_state(self.path / STATE, step, tensors)

    def finish(self, checkpoint: Checkpoint) -> None:
        """Write the final weights and the curves, and the best weights if they were deleted.

        Raises:
            DatasetError: the best weights and their epoch's checkpoint were deleted.
        """
        self._write(FINAL, checkpoint.to_bytes())
        self._draw()
        best = [record["epoch"] for record in self.epochs if record["best"]]
        if best and not (self.path / BEST).exists():
            of_epoch = self.path / _epoch_name(best[-1])
            if not of_epoch.exists():
                raise DatasetError(
                    f"{of_epoch}: expected the best epoch's weights, got no such file"
                )
            self._write(BEST, of_epoch.read_bytes())

    def replace_best(self, complete: Callable[[Checkpoint], Checkpoint]) -> None:
        """Replace the best weights, if there are any, by what `complete` returns for them."""
        if (self.path / BEST).exists():
            self._write(BEST, complete(Checkpoint.load(self.path / BEST)).to_bytes())

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._tensorboard is not None:
            self._tensorboard.close()

    @property
    def final(self) -> Path:
        """Path of the final weights, which exist once the run has ended."""
        return self.path / FINAL

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """Lines of the log of kind "epoch"."""
        return [record for record in self._log if record["kind"] == "epoch"]

    def _draw(self) -> None:
        self._write(CURVES, draw_curves(self._log, self.path.name).encode())
        self._drawn = time.monotonic()

    def _training_loss(self, epoch: int) -> float:
        """Return the mean loss of an epoch; a line of the log has the mean since the last line."""
        total, first, before = 0.0, 0, 0
        for line in self._log:
            if line["kind"] == "step":
                if line["epoch"] == epoch:
                    total += line["loss"] * (line["step"] - before)
                else:
                    first = line["step"]
                before = line["step"]
        return total / (before - first)

    def _check_settings(self, settings: Mapping[str, Any]) -> None:
        try:
            found = flatten(json.loads((self.path / RUN).read_text(encoding="utf-8"))["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            raise DatasetError(f"{self.path / RUN}: expected the settings of a run") from None
        wanted = flatten(json.loads(json.dumps(settings)))
        differences = [
            f"{name} was {found.get(name, 'not there')!r} and is {wanted.get(name, 'not there')!r}"
            for name in [*wanted, *(name for name in found if name not in wanted)]
            if (name in found) != (name in wanted) or found[name] != wanted[name]
        ]
        if differences:
            more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
            raise OutputError(
                f"{self.path}: expected the settings that the run was started with: "
                f"{'; '.join(differences[:3])}{more}"
            )

    def _keep_log(self, step: int) -> None:
        """Drop lines after `step`, and a truncated one; the resumed run writes them again."""
        lines, log = [], self.path / LOG
        # A run that was killed at its very start has no log yet.
        for text in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
        self._log = [line for line in lines if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in self._log)
        self._write(LOG, text.encode())

    def _open_tensorboard(self, step: int) -> "SummaryWriter":
        if self._tensorboard is None:
            from torch.utils.tensorboard.writer import SummaryWriter

            folder = str(self.path / "tensorboard")
            self._tensorboard = SummaryWriter(folder, purge_step=step)
        return self._tensorboard

    def _write(self, name: str, content: bytes) -> None:
        write_file(self.path / name, content, overwrite=True)


def _epoch_name(epoch: int) -> str:
    return f"{CHECKPOINTS}/epoch-{epoch:04d}.safetensors"
