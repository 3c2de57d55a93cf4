"""`siamfc train`."""

import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from siamfc.cli import progress
from siamfc.cli.console import counted, print_json
from siamfc.cli.parameters import Assignments, Device, Flag, Json, Out
from siamfc.errors import MissingDependencyError, install_command

if TYPE_CHECKING:
    import torch

    from siamfc.network.checkpoint import Checkpoint
    from siamfc.procedural.textures import TextureSettings
    from siamfc.training.loop import LogLine
    from siamfc.training.process_group import ProcessRank
    from siamfc.training.recipes import Recipe
    from siamfc.training.run import RunOptions, RunResult
    from siamfc.training.validation import Calibrator, Validator


def train(
    recipe: str,
    /,
    *,
    out: Out,
    data: Annotated[list[Path] | None, Parameter(negative=())] = None,
    settings: Path | None = None,
    assignments: Assignments = None,
    weights: str | None = None,
    mix: float | None = None,
    resume: Flag = False,
    deterministic: Flag = False,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Train a network and keep everything about the run in a folder.

    If it is killed at any moment, the same command with --resume continues and ends with the same
    weights. Within torchrun, every process takes its fraction of each batch.

    Parameters
    ----------
    recipe
        thesis, paper, procedural and light (which make the bundled weights), paired and large
        (light networks that compare two exemplars at once), finetune, or tiny (a minute on a CPU).
    out
        Folder of the run: settings, log, curves, checkpoints, `weights.safetensors` at the end.
    data
        A store written by `siamfc curate`, to take pairs from; may be given several times.
    settings
        A TOML file whose tables change the recipe's fields.
    assignments
        NAME=VALUE changes one field, such as optimiser.learning_rate=1e-3; may be given several
        times.
    weights
        Initial weights: a name that `siamfc models` lists, or a path. By default random, and for
        finetune the default weights.
    mix
        Fraction of procedural pairs mixed with those from stores, so that the network does not
        forget them.
    resume
        Continue the run in the folder, or start it if there is none.
    deterministic
        Make a run on a GPU reproducible to the bit, but slower; on a CPU it always is.
    device
        Device for training.
    """
    if find_spec("torch") is None:
        raise MissingDependencyError(f"training needs torch: {install_command('train')}")
    from siamfc.network.loader import load_checkpoint
    from siamfc.training.process_group import process_from_environment
    from siamfc.training.run import run

    if recipe == "finetune" and weights is None:
        weights = "default"
    checkpoint = None if weights is None else load_checkpoint(weights)
    mixed = [] if mix is None else [f"data.mix={mix}"]
    changes = [*(assignments or []), *mixed]
    chosen = _choose_recipe(recipe, settings, changes, checkpoint, stored=bool(data))
    process = process_from_environment()
    options = _run_options(
        chosen, process, _find_device(device, process), resume=resume, deterministic=deterministic
    )
    result = run(chosen, out, stores=data or (), weights=checkpoint, options=options)
    if process.is_first:
        _report(chosen, result, json=json)
    return 0


def _choose_recipe(
    name: str,
    settings: Path | None,
    assignments: list[str],
    weights: "Checkpoint | None",
    *,
    stored: bool,
) -> "Recipe":
    """Return the named recipe with its changes, for pairs from stores if there are any."""
    from siamfc.overrides import change, change_by_file, read_assignments
    from siamfc.training.recipes import find_recipe, with_stores

    recipe = find_recipe(name, None if weights is None else weights.metadata.architecture)
    recipe = with_stores(recipe) if stored else recipe
    if settings is not None:
        recipe = change_by_file(recipe, settings)
    return change(recipe, read_assignments(assignments))


def _run_options(
    recipe: "Recipe",
    process: "ProcessRank",
    device: "torch.device",
    *,
    resume: bool,
    deterministic: bool,
) -> "RunOptions":
    """Return the options of a run that prints its progress; its first process also validates."""
    from siamfc.training.run import RunOptions

    printer = _Printer(recipe)
    return RunOptions(
        resume=resume,
        deterministic=deterministic,
        device=device,
        process=process,
        validators=_validators(recipe, device) if process.is_first else (),
        calibrator=_calibrator(recipe, device) if process.is_first else None,
        on_log=printer.show_line,
        on_epoch=printer.show_epoch,
    )


def _find_device(name: str, process: "ProcessRank") -> "torch.device":
    import torch

    from siamfc.errors import InputError
    from siamfc.network.devices import torch_device

    device = torch_device(name)
    if device.type == "cpu":
        return device
    if process.local_rank >= torch.cuda.device_count():
        raise InputError(
            f"expected at most one process for each of {torch.cuda.device_count()} GPUs, this is "
            f"number {process.local_rank + 1} here"
        )
    torch.cuda.set_device(process.local_rank)
    return torch.device("cuda", process.local_rank)


def _validators(recipe: "Recipe", device: "torch.device") -> "list[Validator]":
    """Return the validators: the thesis's video for its squares, else procedural videos."""
    from siamfc.evaluation.validators import procedural_validator, square_validator
    from siamfc.synthetic.video import SquareVideoSettings
    from siamfc.training.data_settings import SquareData

    spec, normalisation = recipe.spec, recipe.normalisation
    if isinstance(recipe.data, SquareData):
        video = SquareVideoSettings(frames=60) if recipe.name == "tiny" else None
        return [square_validator(spec, normalisation, device=device, video=video)]
    if device.type == "cuda":
        return [procedural_validator(spec, normalisation, device=device)]
    return [
        procedural_validator(
            spec, normalisation, device=device, videos=4, frames=20, textures=_few_textures()
        )
    ]


def _calibrator(recipe: "Recipe", device: "torch.device") -> "Calibrator | None":
    """Return the calibrator of weights that predict boxes and are trained on stores."""
    from siamfc.evaluation.validators import video_calibrator
    from siamfc.training.data_settings import StoreData

    if recipe.network == "siamfc" or not isinstance(recipe.data, StoreData):
        return None
    textures = None if device.type == "cuda" else _few_textures()
    return video_calibrator(recipe.spec, recipe.normalisation, device=device, textures=textures)


def _few_textures() -> "TextureSettings":
    """Return as many textures as a CPU draws in a second."""
    from siamfc.procedural.textures import TextureSettings

    return TextureSettings(count=16, size=128, leaves=60)


class _Printer:
    """Progress of training, as lines on standard error."""

    def __init__(self, recipe: "Recipe") -> None:
        self._recipe = recipe
        self._printed = time.monotonic()

    def show_line(self, line: "LogLine") -> None:
        now = time.monotonic()
        if now - self._printed < progress.INTERVAL_SECONDS:
            return
        self._printed = now
        left = (self._recipe.steps - line.step) * self._recipe.batch / line.pairs_per_second
        print(
            f"train: step {line.step}/{self._recipe.steps}, loss {line.loss:.4f}, "
            f"{line.pairs_per_second:,.1f} pairs/s, {left:.0f} s left",
            file=sys.stderr,
        )

    def show_epoch(self, record: Mapping[str, Any]) -> None:
        scores = [
            f"{name.replace('_', ' ')} {value:.4f}"
            for name, value in record.items()
            if isinstance(value, float)
        ]
        best = ", the best so far" if record["best"] else ""
        print(
            f"epoch {record['epoch']}/{self._recipe.epochs}: {', '.join(scores)}{best}",
            file=sys.stderr,
        )


def _report(recipe: "Recipe", result: "RunResult", *, json: bool) -> None:
    best = [record for record in result.epochs if record["best"]]
    if json:
        print_json(
            {
                "recipe": recipe.name,
                "weights": str(result.weights),
                "best": str(result.best),
                "best_epoch": best[-1]["epoch"] if best else None,
                "steps": recipe.steps,
                "pairs": recipe.steps * recipe.batch,
                "epochs": result.epochs,
            }
        )
        return
    print(f"{result.weights}: the weights after {counted(recipe.epochs, 'epoch')}")
    if best:
        print(f"{result.best}: those of epoch {best[-1]['epoch']}, whose validation loss is lowest")
