"""Steps that the experiments share: a resumable training, and its part of the page."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from siamfc.errors import DatasetError, InputError
from siamfc.evaluation.validators import square_validator
from siamfc.experiments.charts import loss_figure, score_figure
from siamfc.experiments.folder import ExperimentFolder, read_json
from siamfc.experiments.pages import Figure, Figures
from siamfc.experiments.sizes import EXTENTS, Extent, Size
from siamfc.network.devices import torch_device
from siamfc.synthetic.video import SquareVideoSettings
from siamfc.training.curves import best_epoch
from siamfc.training.folder import BEST, FINAL, LOG, RUN
from siamfc.training.recipes import Recipe
from siamfc.training.run import RunOptions, run

TRAINING = "training"
_SAVE_SECONDS = 60.0


def _discard(_text: str) -> None:
    """Discard progress messages."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an experiment's run."""

    size: Size
    device: str = "auto"
    """Device for training and tracking: `auto`, `cpu` or `cuda`."""
    on_message: Callable[[str], None] = _discard
    """Called with a line on each step and epoch."""
    recipe: Recipe | None = None
    """Replaces the size's training in experiments 1 and 2."""
    lengths: Extent | None = None
    """Replaces the size's lengths."""

    def __post_init__(self) -> None:
        if self.size not in EXTENTS:
            raise InputError(f"size: expected one of {', '.join(EXTENTS)}, got {self.size!r}")

    @property
    def extent(self) -> Extent:
        """Lengths apart from the training."""
        return self.lengths or EXTENTS[self.size]

    @property
    def inputs(self) -> dict[str, Any]:
        """Inputs that a rerun must have in common."""
        recipe = None if self.recipe is None else self.recipe.name
        return {"size": self.size, "recipe": recipe, "lengths": asdict(self.extent)}


@dataclass(frozen=True, kw_only=True)
class Training:
    """A finished training, read from its folder."""

    weights: Path
    """Weights with the lowest validation loss."""
    epochs: Sequence[dict[str, Any]]
    """Records of the epochs in the log."""
    facts: dict[str, Any]
    """Settings, versions and machine; see `siamfc.training.folder`."""

    @property
    def best(self) -> dict[str, Any]:
        """Record of the epoch that the weights are from."""
        return dict(best_epoch(self.epochs))

    @property
    def pairs_per_second(self) -> float:
        """Median over the log's lines, without validation."""
        lines = (self.weights.parent / LOG).read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines]
        rates = sorted(r["pairs_per_second"] for r in records if r["kind"] == "step")
        return float(rates[len(rates) // 2])


def train(
    recipe: Recipe,
    folder: ExperimentFolder,
    options: Options,
    *,
    stores: Sequence[Path] = (),
) -> Training:
    """Train, resume a training, or read a finished one; see `siamfc.training.run.run`.

    After each epoch the network tracks part of the thesis's synthetic video.
    """
    place = folder.path / TRAINING
    if not (place / FINAL).exists():
        device = torch_device(options.device)
        frames = max(2, min(100, options.extent.video_frames // 3))
        judge = square_validator(
            recipe.spec,
            recipe.normalisation,
            device=device,
            video=SquareVideoSettings(frames=frames),
        )
        options.on_message(f"training: {recipe.epochs} epochs of {recipe.pairs_per_epoch} pairs")

        def report_epoch(record: Mapping[str, Any]) -> None:
            scores = [
                f"{k.replace('_', ' ')} {v:.4f}" for k, v in record.items() if type(v) is float
            ]
            options.on_message(f"epoch {record['epoch']}/{recipe.epochs}: {', '.join(scores)}")

        run(
            recipe,
            place,
            stores=stores,
            options=RunOptions(
                resume=True,
                device=device,
                save_seconds=_SAVE_SECONDS,
                validators=[judge],
                on_epoch=report_epoch,
            ),
        )
    return read_training(place)


def read_training(place: Path) -> Training:
    """Read the finished run in a folder.

    Raises:
        DatasetError: its log is damaged, or without an epoch.
    """
    try:
        lines = (place / LOG).read_text(encoding="utf-8").splitlines()
        epochs = [record for line in lines if (record := json.loads(line))["kind"] == "epoch"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{place / LOG}: expected the log of a run ({error})") from None
    if not epochs:
        raise DatasetError(f"{place / LOG}: expected at least one epoch, found none")
    return Training(weights=place / BEST, epochs=epochs, facts=read_json(place / RUN))


def training_charts(training: Training) -> Figures:
    """Chart the losses by epoch, and the centre error on part of the synthetic video."""
    charts: list[Figure] = [loss_figure(training.epochs)]
    if all("tracking_center_error" in record for record in training.epochs):
        charts.append(
            score_figure(
                training.epochs,
                "tracking_center_error",
                "Centre error on the synthetic video’s beginning",
                "pixels",
            )
        )
    return Figures(charts=charts)


def training_facts(training: Training) -> list[tuple[str, str]]:
    """Return the facts about the training for the page."""
    facts, recipe = training.facts, training.facts["settings"]["recipe"]
    pairs = recipe["epochs"] * (recipe["pairs_per_epoch"] // recipe["batch"]) * recipe["batch"]
    optimiser = recipe["optimiser"]
    return [
        ("recipe", f"{recipe['name']}: {recipe['epochs']} epochs, {pairs:,} pairs in all"),
        ("batch", str(recipe["batch"])),
        (
            "optimiser",
            f"{optimiser['kind']}, {optimiser['schedule']}, learning rate "
            f"{optimiser['learning_rate']:g} to {optimiser['final_learning_rate']:g}"
            if optimiser["schedule"] != "constant"
            else f"{optimiser['kind']}, learning rate {optimiser['learning_rate']:g}",
        ),
        ("labels", ", ".join(f"{k} {v}" for k, v in recipe["labels"].items())),
        ("seed", str(recipe["seed"])),
        ("trained on", str(facts["machine"]["device"])),
        ("pairs per second", f"{training.pairs_per_second:,.1f}"),
        ("versions", ", ".join(f"{k} {v}" for k, v in facts["versions"].items())),
        ("commit of the training", str(facts["commit"] or "unknown")),
    ]
