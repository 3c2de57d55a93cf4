"""One training of the study: its recipe, its pairs, its course."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import torch
from benchmarks.light_study.folder import RESULT, SCORES, STATE, WEIGHTS, Job, claim, keep_settings
from benchmarks.light_study.scores import JudgingSettings, judge
from benchmarks.light_study.variants import BASE, VARIANTS

from siamfc.errors import OutputError
from siamfc.files import write_file
from siamfc.network.architectures import LIGHT
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.metadata import Metadata
from siamfc.overrides import change, read_assignments
from siamfc.procedural.renderer import renderer_for
from siamfc.system import commit, machine
from siamfc.training.loop import LogLine, NotFiniteError, train
from siamfc.training.memory import free
from siamfc.training.recipes import Recipe, light
from siamfc.training.sources import PairSource, training_source
from siamfc.training.state import load_state, save_state
from siamfc.training.train_state import TrainState

SAVE_SECONDS = 60.0
"""The state is kept so often, and when time is up."""
_UNTIMED, _TIMED = 8, 16
"""Steps before and while the rate is measured; the generator decides 8 batches at once."""


class OutOfTimeError(Exception):
    """Time is up; the training's state is kept."""


def recipe_of(job: Job, overrides: Mapping[str, Any]) -> Recipe:
    """The recipe `light` with a job's variant and length, and one schedule over all its steps.

    `overrides` hold for every job; the variant's own win. A short run warms up for a tenth of its
    steps at most.
    """
    own = read_assignments(VARIANTS[job.variant].overrides)
    recipe = change(light(), {**overrides, **own})
    steps = max(1, job.pairs // recipe.batch)
    warm_up = min(recipe.optimiser.warm_up_steps, steps // 10)
    return replace(
        recipe,
        seed=job.seed,
        epochs=1,
        pairs_per_epoch=steps * recipe.batch,
        optimiser=replace(recipe.optimiser, warm_up_steps=warm_up),
    )


def pair_source(recipe: Recipe, name: str, device: torch.device) -> PairSource:
    """The pairs that a variant is trained on."""
    variant, renderer = VARIANTS[name], renderer_for(device)
    if variant.leave_out is not None:
        renderer = variant.leave_out(renderer)
    source: Any = training_source(recipe, device=device, renderer=renderer)
    alter = variant.change_pairs
    return source if alter is None else lambda step: alter(source(step))


def attempt(
    job: Job,
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    videos: JudgingSettings,
    end: float,
) -> None:
    """Do a job, unless it is done, or another process is at it; `end` is in monotonic seconds."""
    with claim(folder) as free:
        if not free:
            return
        variant = VARIANTS[job.variant]
        changes = (variant.leave_out, variant.change_pairs)
        pictures = [change.__name__ for change in changes if change is not None]
        keep_settings(folder, {"recipe": asdict(recipe), "pictures": pictures})
        if (folder / RESULT).exists():
            return
        try:
            result = run_job(job, recipe, folder, device, videos, end)
        except (OutOfTimeError, NotFiniteError) as error:
            print(f"{job.name}: {error}", file=sys.stderr, flush=True)
            return
    print(
        f"{job.name}: AUC {result['auc']:.4f}, precision {result['precision']:.4f}, "
        f"{result['pairs_per_second']:,.0f} pairs/s",
        flush=True,
    )


def run_job(
    job: Job,
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    videos: JudgingSettings,
    end: float,
) -> dict[str, Any]:
    """Train, track the procedural videos, and keep everything.

    A second job of a process compiles nothing anew as long as its loss is that of the first.

    Raises:
        OutOfTimeError: the training did not end in time.
        NotFiniteError: the loss is no longer a number.
    """
    train_state = TrainState(recipe, device=device)
    lines = _train(job, train_state, folder, end)
    rate = median([line.pairs_per_second for line in lines[1:] or lines])
    pairs = recipe.steps * recipe.batch
    facts = {
        "variant": job.variant,
        "title": VARIANTS[job.variant].title,
        "seed": job.seed,
        "pairs": pairs,
        "pairs_per_second": rate,
        "seconds": pairs / rate,
        "loss": lines[-1].loss,
        "device": device_name(device),
        "torch": torch.__version__,
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    metadata = Metadata(
        architecture=LIGHT.name, spec=recipe.spec, normalisation=recipe.normalisation, card=facts
    )
    checkpoint = Checkpoint(tensors=train_state.averaged.tensors(), metadata=metadata)
    checkpoint.save(folder / WEIGHTS, overwrite=True)
    judged = judge(train_state.averaged, recipe, videos, device)
    write_file(folder / SCORES, judged.to_bytes(), overwrite=True)
    result = {
        **facts,
        **judged.scores,
        "videos": {**asdict(videos), "device": device.type},
        "settings": asdict(recipe),
    }
    write_file(folder / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    (folder / STATE).unlink(missing_ok=True)
    return result


def _train(job: Job, train_state: TrainState, folder: Path, end: float) -> list[LogLine]:
    """Do the steps that are left; the lines of the log of this process."""
    recipe, state = train_state.recipe, folder / STATE
    if state.exists():
        train_state.restore(*load_state(state))
    lines: list[LogLine] = []
    saved = time.monotonic()

    def on_log(line: LogLine) -> None:
        nonlocal saved
        lines.append(line)
        print(
            f"{job.name}: step {line.step}/{recipe.steps}, loss {line.loss:.4f}, "
            f"{line.pairs_per_second:,.1f} pairs/s",
            file=sys.stderr,
            flush=True,
        )
        now = time.monotonic()
        if line.step < recipe.steps and (now >= end or now - saved >= SAVE_SECONDS):
            save_state(state, line.step, train_state.state())
            saved = now
            if now >= end:
                raise OutOfTimeError("time is up; the same command goes on")

    source = pair_source(recipe, job.variant, train_state.device)
    try:
        train(train_state, source, on_log=on_log)
    finally:
        del source
        free()  # a generator holds gigabytes of textures
    return lines


def pairs_in(seconds: float, path: Path, overrides: Mapping[str, Any], device: torch.device) -> int:
    """Pairs of so many seconds of training, in two digits.

    The rate is measured once and kept in the file `path`, so that all processes agree on it.
    """
    if not path.exists():
        rate = measure_rate(recipe_of(Job(BASE, 1_000_000, 0), overrides), device)
        facts = {"pairs_per_second": rate, "device": device_name(device)}
        try:
            write_file(path, (json.dumps(facts) + "\n").encode())
        except OutputError:
            if not path.exists():  # or else another process was faster
                raise
    rate = json.loads(path.read_text(encoding="utf-8"))["pairs_per_second"]
    return max(1, int(float(f"{seconds * rate:.2g}")))


def measure_rate(recipe: Recipe, device: torch.device) -> float:
    """Pairs a second, drawn and learned from, once everything is compiled."""
    train_state = TrainState(replace(recipe, log_every=_UNTIMED + _TIMED), device=device)
    source = pair_source(recipe, BASE, device)
    begun = 0.0
    for step in range(_UNTIMED + _TIMED):
        if step == _UNTIMED:
            train_state.report()  # waits for the device
            begun = time.monotonic()
        train_state.learn(source(step))
    train_state.report()
    rate = _TIMED * recipe.batch / (time.monotonic() - begun)
    del train_state, source
    free()
    return rate


def device_name(device: torch.device) -> str:
    """Return the name of the GPU or the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(machine()["processor"])
