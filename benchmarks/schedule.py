"""Duration of a whole run and of its parts: `python benchmarks/schedule.py RECIPE --out RUN`.

Does what `siamfc train RECIPE` does, and prints for each epoch and for the whole run the seconds
of training, of judging pairs, of tracking videos and of saving (weights, state, curves), and the
pairs per second with and without all but the training. `RUN/times.json` has the numbers.

The paper's schedule, 50 epochs of 53,200 pairs, in synthetic pairs; it tracks fewer and shorter
videos than `siamfc train` does, since it has many short epochs:

    python benchmarks/schedule.py procedural --out run --set epochs=50 --set pairs_per_epoch=53200
        --set batch=560 --set log_every=95 --set validation_pairs=1024 --videos 16 --frames 30

The thesis's table 6 on its synthetic data set, 2 % of an epoch's pairs:

    python benchmarks/schedule.py thesis --out run --set pairs_per_epoch=1200
        --set validation_pairs=160 --set log_every=150 --frames 30
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from siamfc.evaluation.validators import procedural_validator, square_validator
from siamfc.files import write_file
from siamfc.overrides import change, read_assignments
from siamfc.procedural.textures import TextureSettings
from siamfc.synthetic.video import SquareVideoSettings
from siamfc.system import commit, machine
from siamfc.training.data_settings import SquareData
from siamfc.training.loop import LogLine
from siamfc.training.recipes import Recipe, find_recipe
from siamfc.training.run import RunOptions, run
from siamfc.training.validation import Validator

PARTS = ("training", "pairs", "tracking", "saving")


class Clock:
    """Whose time it is: each call ends a part, and the next begins."""

    def __init__(self, recipe: Recipe, track: Validator | None) -> None:
        self._recipe, self._track = recipe, track
        self._since, self._step = 0.0, 0
        self.epochs: list[dict[str, float]] = []
        self._times = dict.fromkeys(PARTS, 0.0)

    def on_log(self, line: LogLine) -> None:
        """The steps since the last line have been trained, in the time that their rate says."""
        pairs = (line.step - self._step) * self._recipe.batch
        self._step = line.step
        self._times["training"] += pairs / line.pairs_per_second
        self._since = time.monotonic()

    def judge(self, model: Any) -> Mapping[str, float]:
        """Pairs have been judged; track."""
        self._end("pairs")
        scores = {} if self._track is None else self._track(model)
        self._end("tracking")
        return scores

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """All of the epoch has been saved."""
        self._end("saving")
        self.epochs.append(self._times)
        times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self._times.items())
        scores = ", ".join(f"{k} {v:.4f}" for k, v in record.items() if isinstance(v, float))
        print(f"epoch {record['epoch']}/{self._recipe.epochs}: {times}; {scores}", flush=True)
        self._times = dict.fromkeys(PARTS, 0.0)

    def _end(self, part: str) -> None:
        now = time.monotonic()
        self._times[part] += now - self._since
        self._since = now


def tracking(recipe: Recipe, device: torch.device, options: argparse.Namespace) -> Validator | None:
    """Return the validator of `siamfc train`, for as many videos and frames as the options say."""
    spec, normalisation = recipe.spec, recipe.normalisation
    if not options.videos:
        return None
    if isinstance(recipe.data, SquareData):
        video = SquareVideoSettings(frames=options.frames)
        return square_validator(spec, normalisation, device=device, video=video)
    size = TextureSettings(count=options.textures)
    return procedural_validator(
        spec,
        normalisation,
        device=device,
        videos=options.videos,
        frames=options.frames,
        textures=size,
    )


def summary(recipe: Recipe, clock: Clock, seconds: float) -> dict[str, Any]:
    """The whole run's times and rates; without its first epoch too, which compiles kernels."""
    totals = {name: sum(epoch[name] for epoch in clock.epochs) for name in PARTS}
    pairs = recipe.batch * recipe.steps_per_epoch
    later = [sum(epoch.values()) for epoch in clock.epochs[1:]]
    trained = [epoch["training"] for epoch in clock.epochs[1:]]
    result: dict[str, Any] = {
        "recipe": recipe.name,
        "pairs": pairs * len(clock.epochs),
        "seconds": seconds,
        **{f"seconds_{name}": value for name, value in totals.items()},
        "seconds_else": seconds - sum(totals.values()),
        "pairs_per_second": pairs * len(clock.epochs) / seconds,
        "pairs_per_second_training": pairs * len(clock.epochs) / totals["training"],
    }
    if later:
        result["pairs_per_second_after_the_first_epoch"] = pairs * len(later) / sum(later)
        result["pairs_per_second_training_after_it"] = pairs * len(trained) / sum(trained)
    return result


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--videos", type=int, default=64, help="0: leave the tracking out")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--textures", type=int, default=256, help="of the videos")
    return parser.parse_args()


def main() -> None:
    """Train, measure, print, write."""
    options = parse()
    device = torch.device(options.device)
    recipe = change(find_recipe(options.recipe), read_assignments(options.set))
    start = time.monotonic()
    clock = Clock(recipe, tracking(recipe, device, options))
    run(
        recipe,
        options.out,
        options=RunOptions(
            device=device,
            validators=[clock.judge],
            on_log=clock.on_log,
            on_epoch=clock.on_epoch,
        ),
    )
    result = summary(recipe, clock, time.monotonic() - start)
    for name, value in result.items():
        text = f"{value:,.1f}" if isinstance(value, float) else value
        print(f"{name.replace('_', ' '):<42}{text}", flush=True)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    facts = {"device": where, "torch": torch.__version__, "machine": machine(), "commit": commit()}
    print(f"{facts}", flush=True)
    content = json.dumps({**result, **facts, "epochs": clock.epochs}, indent=2)
    write_file(options.out / "times.json", content.encode())


if __name__ == "__main__":
    main()
