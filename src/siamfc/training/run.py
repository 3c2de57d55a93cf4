"""A whole run: recipe, sources, loop, validation and folder put together."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from siamfc.crops.store import Store
from siamfc.errors import InputError
from siamfc.files import check_folder_kind, make_folder
from siamfc.folder_lock import lock_folder
from siamfc.geometry import CONTEXT_AMOUNT
from siamfc.network.architectures import ARCHITECTURES
from siamfc.network.calibration import Calibration
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.model import LightNet
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.metadata import Metadata
from siamfc.system import commit, machine, version
from siamfc.training.data_settings import StoreData
from siamfc.training.determinism import deterministic
from siamfc.training.folder import BEST, RUN, STATE, RunFolder
from siamfc.training.loop import LogLine, NotFiniteError, train
from siamfc.training.memory import too_large
from siamfc.training.objectives import Loss, Network
from siamfc.training.process_group import ProcessRank, process_group, wait_for_all
from siamfc.training.recipes import Recipe
from siamfc.training.sources import PairSource, training_source, validation_source
from siamfc.training.state import load_state
from siamfc.training.train_state import TrainState
from siamfc.training.validation import Calibrator, Validator, best_boxes, pair_validator


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options that do not change the weights, except for the last bits of sums."""

    resume: bool = False
    """Continue the run in the folder, or start one if there is none."""
    device: torch.device | str = "cpu"
    """Device of the network and the pairs."""
    deterministic: bool = False
    """Make a run on a GPU reproducible to the bit, but slower."""
    process: ProcessRank = field(default_factory=ProcessRank)
    """This process among all."""
    save_seconds: float = 300.0
    """Interval of saving the state, at a line of the log; it is also saved after each epoch."""
    validators: Sequence[Validator] = ()
    """Further validators of the averaged weights after each epoch."""
    calibrator: Calibrator | None = None
    """Fits the calibration of the final weights, of a network that predicts boxes, to stores."""
    on_log: Callable[[LogLine], None] | None = None
    """Called with each line of the log, in the first process."""
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None
    """Called with the log's record of each epoch, in the first process."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Outcome of a run."""

    weights: Path
    """The averaged weights after the last epoch."""
    best: Path
    """The averaged weights with the lowest validation loss."""
    epochs: Sequence[Mapping[str, Any]]
    """Records of the epochs from the log; empty in all processes except the first."""


def run(
    recipe: Recipe,
    out: str | Path,
    *,
    stores: Sequence[str | Path] = (),
    weights: Checkpoint | None = None,
    loss: Loss | None = None,
    options: RunOptions | None = None,
) -> RunResult:
    """Train and validate, and save everything in the folder `out`.

    Args:
        recipe: all settings.
        out: the run's folder, see `siamfc.training.folder`; every process needs access to it.
        stores: folders that `siamfc curate` wrote, for a recipe that reads stores.
        weights: initial weights, instead of random ones; they determine the normalisation and the
            context amount.
        loss: replaces the recipe's loss, for experiments.
        options: device, processes and callbacks.

    Raises:
        OutputError: the folder contains a run, or one with other settings, or something else, or
            another process writes there.
        InputError: settings that cannot be used, or a batch that exceeds the device's memory; the
            message names one that fits.
        DatasetError: a store that is damaged, has no pairs or too few videos.
        NotFiniteError: the loss is not a finite number; the last good state is saved.
    """
    options = options or RunOptions()
    if weights is not None:
        known = weights.metadata
        if known.architecture != ARCHITECTURES[recipe.network].name:
            raise InputError(
                f"weights: expected those of the recipe's network {recipe.network}, got "
                f"{known.architecture}"
            )
        context, wanted = known.spec.context_amount, recipe.spec.context_amount
        if wanted not in (context, CONTEXT_AMOUNT):
            raise InputError(
                f"spec.context_amount: expected the weights' {context:g}, got {wanted:g}; "
                f"--set spec.context_amount={context:g}"
            )
        spec = replace(recipe.spec, context_amount=context)
        recipe = replace(recipe, spec=spec, normalisation=known.normalisation)
    try:
        with deterministic(options.deterministic):
            return _run(recipe, Path(out), stores, weights, loss, options)
    except torch.OutOfMemoryError:
        pass  # out of this block, so that the run's tensors die with the error
    raise too_large(recipe, torch.device(options.device), options.process.world)


def _run(
    recipe: Recipe,
    out: Path,
    stores: Sequence[str | Path],
    weights: Checkpoint | None,
    loss: Loss | None,
    options: RunOptions,
) -> RunResult:
    device, process = torch.device(options.device), options.process
    with ExitStack() as stack:
        opened = [stack.enter_context(Store(path)) for path in stores]
        settings = {
            "recipe": asdict(recipe),
            "data": type(recipe.data).__name__,
            "stores": [store.digest for store in opened],
            "weights": None if weights is None else weights.metadata.digest,
            "processes": process.world,
        }
        # Before the folder is made: stores that cannot be used leave none behind.
        for store in opened:
            _check_context(store, recipe.spec, weights)
        source = training_source(recipe, device=device, process=process, stores=opened)
        folder = RunFolder(out)
        stack.callback(folder.close)
        if process.is_first:
            check_folder_kind(out, RUN, "a run's")
            make_folder(out)
            stack.enter_context(lock_folder(out))
        stack.enter_context(process_group(process, device))
        tensors = None if weights is None else weights.tensors
        train_state = TrainState(recipe, device=device, process=process, weights=tensors, loss=loss)
        _start(train_state, folder, settings, options)
        hooks = _Hooks(train_state, folder, options, _card(recipe, settings, device))
        if weights is not None:
            hooks.first = weights
        if process.is_first:
            judge = validation_source(recipe, device=device, stores=opened)
            hooks.validators = [pair_validator(recipe, judge), *options.validators]
            if options.calibrator is not None:
                hooks.calibrate = _calibration_fit(recipe, device, opened, options.calibrator)
        _train(train_state, source, hooks)
        return hooks.finish()


def _check_context(store: Store, spec: EmbeddingSpec, weights: Checkpoint | None) -> None:
    """Refuse crops with another margin than the weights', which no setting can change."""
    found, wanted = store.settings.context_amount, spec.context_amount
    if weights is not None and found != wanted:
        raise InputError(
            f"{store.path}: expected crops with the weights' context amount {wanted:g}, "
            f"got {found:g}; curate again with --context-amount {wanted:g}"
        )


def _start(
    train_state: TrainState, folder: RunFolder, settings: Mapping[str, Any], options: RunOptions
) -> None:
    """Begin the run in the folder, or restore its last state."""
    process = options.process
    if process.is_first:
        begun = options.resume and folder.resume(settings)
        if not begun:
            folder.begin(settings, _facts(train_state.device))
    wait_for_all(process)
    state = folder.path / STATE
    if options.resume and state.exists():
        train_state.restore(*load_state(state))


def _train(train_state: TrainState, source: PairSource, hooks: "_Hooks") -> None:
    if not hooks.process.is_first:
        train(train_state, source)
        return
    try:
        train(train_state, source, on_log=hooks.on_log, on_epoch=hooks.on_epoch)
    except NotFiniteError as error:
        hooks.save()
        error.args = (f"{error}; the state after step {train_state.step} is kept",)
        raise


class _Hooks:
    """Callbacks of the first process for log lines and epochs."""

    def __init__(
        self, train_state: TrainState, folder: RunFolder, options: RunOptions, card: dict[str, Any]
    ) -> None:
        self.process = options.process
        self.validators: list[Validator] = []
        self.first: Checkpoint | None = None
        self.calibrate: Callable[[Network], Calibration | None] | None = None
        self._fitted: dict[str, Calibration | None] = {}
        self._train_state, self._folder, self._options, self._card = (
            train_state,
            folder,
            options,
            card,
        )
        self._saved = time.monotonic()

    def on_log(self, line: LogLine) -> None:
        self._folder.add({"kind": "step", **asdict(line)})
        if self._options.on_log is not None:
            self._options.on_log(line)
        ends_epoch = line.step % self._train_state.recipe.steps_per_epoch == 0
        if not ends_epoch and time.monotonic() - self._saved >= self._options.save_seconds:
            self.save()

    def on_epoch(self, epoch: int) -> None:
        scores: dict[str, float] = {}
        network = self._network()
        for validate in self.validators:
            scores.update(validate(network))
        record = self._folder.epoch_record(epoch, self._train_state.step, scores)
        self._folder.add_epoch(record, self._checkpoint(network, record))
        self.save()
        if self._options.on_epoch is not None:
            self._options.on_epoch(self._folder.epochs[-1])

    def save(self) -> None:
        self._folder.save(self._train_state.step, self._train_state.state())
        self._saved = time.monotonic()

    def finish(self) -> RunResult:
        folder = self._folder
        if self.process.is_first:
            record = folder.epochs[-1] if folder.epochs else {}
            last = self._checkpoint(self._network(), record)
            folder.finish(self._calibrated(last))
            if self.calibrate is not None:
                folder.replace_best(self._calibrated)
        return RunResult(weights=folder.final, best=folder.path / BEST, epochs=folder.epochs)

    def _checkpoint(self, network: Network, record: Mapping[str, Any]) -> Checkpoint:
        recipe, step = self._train_state.recipe, self._train_state.step
        card = {**self._card, "steps": step, "pairs": step * recipe.batch}
        scores = {name: value for name, value in record.items() if isinstance(value, float)}
        if scores:
            card["scores"] = scores
        metadata = Metadata(
            architecture=ARCHITECTURES[recipe.network].name,
            spec=recipe.spec,
            normalisation=recipe.normalisation,
            calibration=Calibration() if self.first is None else self.first.metadata.calibration,
            card=card,
        )
        return Checkpoint(tensors=network.tensors(), metadata=metadata)

    def _network(self) -> Network:
        """Return the network that is validated and written."""
        averaged, fraction = self._train_state.averaged, self._train_state.recipe.initial_fraction
        if self.first is None or not fraction:
            return averaged
        mean = {
            name: np.asarray(fraction * self.first.tensors[name] + (1 - fraction) * tensor)
            for name, tensor in averaged.tensors().items()
        }
        network = copy.deepcopy(averaged)
        network.load_tensors(mean)
        return network

    def _calibrated(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the weights with their own calibration; the initial weights' if none is found.

        Pairs are not frames of a track, so that their fit alone is another scale. It is fitted to
        the initial weights as well, and their calibration follows the change.
        """
        fitted = self._fit(checkpoint)
        if fitted is not None and self.first is not None:
            before = self._fit(self.first)
            fitted = before and _transfer(self.first.metadata.calibration, before, fitted)
        if fitted is None:
            return checkpoint
        return replace(checkpoint, metadata=replace(checkpoint.metadata, calibration=fitted))

    def _fit(self, checkpoint: Checkpoint) -> Calibration | None:
        """Fit a calibration to weights, once."""
        digest = checkpoint.metadata.digest
        if self.calibrate is not None and digest not in self._fitted:
            model = copy.deepcopy(self._train_state.averaged)
            model.load_tensors(checkpoint.tensors)
            self._fitted[digest] = self.calibrate(model)
        return self._fitted.get(digest)


def _transfer(known: Calibration, before: Calibration, after: Calibration) -> Calibration | None:
    """Return `known`, of weights fitted by `before`, for weights fitted by `after`."""
    ratio = known.slope / before.slope
    try:
        return Calibration(
            slope=ratio * after.slope, offset=known.offset + ratio * (after.offset - before.offset)
        )
    except InputError:  # fits that are worth nothing, to a handful of pairs
        return None


def _calibration_fit(
    recipe: Recipe, device: torch.device, stores: Sequence[Store], calibrator: Calibrator
) -> Callable[[Network], Calibration | None]:
    assert isinstance(recipe.data, StoreData)
    data = replace(recipe.data, mix=0.0, workers=0)
    recipe = replace(recipe, data=data, validation_pairs=recipe.calibration_pairs)
    judge = validation_source(recipe, device=device, stores=stores)

    def fit(model: Network) -> Calibration | None:
        assert isinstance(model, LightNet)
        return calibrator(model, best_boxes(model, recipe, judge))

    return fit


_TITLES = {
    "siamfc": "SiamFC (AlexNet)",
    "light": "The light network",
    "paired": "The light network for two exemplars",
    "large": "The large network",
}


def _card(recipe: Recipe, settings: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Return the weights' card, which states their origin."""
    return {
        "description": f"{_TITLES[recipe.network]}, trained by the recipe {recipe.name}.",
        "recipe": recipe.name,
        "seed": recipe.seed,
        "batch": recipe.batch,
        "stores": settings["stores"],
        "began_with": settings["weights"],
        "hardware": f"{settings['processes']} × {_hardware(device)}, PyTorch {torch.__version__}",
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _facts(device: torch.device) -> dict[str, Any]:
    """Return versions and machine."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": {
            "siamfc": version(),
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "numpy": np.__version__,
        },
        "machine": {**machine(), "device": _hardware(device)},
    }


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(machine()["processor"])
