"""Cost of training on a GPU, end to end and in parts: `python benchmarks/training.py`.

Prints pairs per second of the recipe `procedural` (`--batch`) end to end, of its network alone on
pairs in memory and of its generator alone; the chip's measured bfloat16 matrix rate and the share
of it that the network reaches, by counted operations; what each change to the plain network
brought, predicted by counting (`training_floor`) before it is timed in turn; and the ratio to a
loop as public implementations write it (batch 8, one pair at a time from a loader with 8 workers,
float32). `--curves N` also trains N steps plainly and fast, on the same pairs and from the same
weights. `--profile FILE` writes the 40 costliest kernels.

    torchrun --standalone --nproc-per-node 2 benchmarks/training.py

measures the end-to-end rate of one process while the others wait, then that of all.
"""

import argparse
import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from training_floor import floor_seconds
from training_ways import (
    Stepper,
    make_plain_together,
    make_ways,
    matrix_rate,
    measure_chip,
    operations_per_pair,
    public_loop_rate,
    random_pairs,
    synchronise,
    time_in_turn,
)

from siamfc.overrides import change, read_assignments
from siamfc.training.process_group import ProcessRank, process_from_environment, process_group
from siamfc.training.recipes import Recipe, procedural
from siamfc.training.sources import PairSource, training_source
from siamfc.training.train_state import TrainState

GROUP = 8
"""Steps that belong together: the generator decides 8 batches at once."""


class Run:
    """The recipe's train_state and source, stepped one after the other."""

    def __init__(self, recipe: Recipe, device: torch.device, process: ProcessRank) -> None:
        self.train_state = TrainState(recipe, device=device, process=process)
        self.source: PairSource = training_source(recipe, device=device, process=process)
        self._drawn = 0
        self.batch = self.draw()

    def draw(self) -> Any:
        """The next batch."""
        self._drawn += 1
        return self.source(self._drawn - 1)

    def learn(self, batch: Any = None) -> None:
        """One step on `batch`, or on the next one."""
        self.train_state.learn(self.draw() if batch is None else batch)
        if self.train_state.step % self.train_state.recipe.log_every == 0:
            self.train_state.report()


def measure_parts(
    recipe: Recipe, device: torch.device, options: argparse.Namespace
) -> dict[str, float]:
    """Rates of the whole step and of its two halves."""
    run = Run(recipe, device, ProcessRank())
    calls: list[Callable[[], object]] = [run.learn, partial(run.learn, run.batch), run.draw]
    steps = options.groups * GROUP
    whole, network, data = time_in_turn(calls, device, rounds=options.rounds, steps=steps)
    result = {
        "pairs_per_second": recipe.batch / whole,
        "pairs_per_second_network": recipe.batch / network,
        "pairs_per_second_generator": recipe.batch / data,
        "share_of_time_on_data": 1 - network / whole,
    }
    if device.type == "cuda":
        result["gigabytes"] = torch.cuda.max_memory_allocated(device) / 1e9
        rate = matrix_rate(device)
        count = operations_per_pair(*recipe.data.sizes)
        result["matrix_rate"] = rate
        result["operations_per_pair"] = count
        result["share_of_matrix_rate"] = count * recipe.batch / network / rate
    if options.profile:
        write_profile(run, options.profile)
    return result


def write_profile(run: Run, path: Path) -> None:
    """The 40 costliest kernels of `GROUP` end-to-end steps."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
    with profile(activities=activities if run.train_state.device.type == "cuda" else None) as found:
        for _ in range(GROUP):
            run.learn()
        synchronise(run.train_state.device)
    key = f"self_{run.train_state.device.type}_time_total"
    path.write_text(found.key_averages().table(sort_by=key, row_limit=40, max_name_column_width=90))


def measure_ways(
    recipe: Recipe, device: torch.device, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure the gain of each change to the plain network; forward, backward and update."""
    batch = random_pairs(recipe, device)
    chip = measure_chip(device)
    show(asdict(chip))
    width = 2 if device.type == "cuda" else 4
    ways = [w for w in make_ways(recipe, device) if not (w.compiled and options.skip_compiled)]
    floors = [floor_seconds(way.cost, chip, recipe.data.sizes, recipe.batch, width) for way in ways]
    for way, floor in zip(ways, floors, strict=True):
        print(f"{way.name:<52}{1000 * floor:9.2f} ms predicted, at best", flush=True)
    steppers = [Stepper(way, recipe, device) for way in ways]
    calls: list[Callable[[], object]] = [partial(stepper, batch) for stepper in steppers]
    seconds = time_in_turn(calls, device, rounds=options.rounds, steps=options.steps)
    rows = []
    before = seconds[0]
    for stepper, floor, mine in zip(steppers, floors, seconds, strict=True):
        rows.append(
            {
                "way": stepper.way.name,
                "milliseconds_predicted": 1000 * floor,
                "milliseconds": 1000 * mine,
                "pairs_per_second": recipe.batch / mine,
                "times_faster_than_the_row_above": before / mine,
                "times_faster_than_the_first": seconds[0] / mine,
            }
        )
        before = mine
    return rows


def compare_curves(
    recipe: Recipe, device: torch.device, options: argparse.Namespace
) -> dict[str, Any]:
    """Losses by tenth of the run: plain, fast, and plain from other weights for the noise.

    Plain is float32 with the statistics of exemplar and search images in common, as they must be
    for the same function.
    """
    recipe = replace(recipe, epochs=1, pairs_per_epoch=options.curves * recipe.batch)
    ways = make_ways(recipe, device)
    exact = make_plain_together(recipe)
    runs = {
        "plain": Stepper(exact, recipe, device),
        "fast": Stepper(ways[-1], recipe, device),
        "plain, other first weights": Stepper(exact, recipe, device, seed=1),
    }
    source = training_source(recipe, device=device)
    losses: dict[str, list[torch.Tensor]] = {name: [] for name in runs}
    for step in range(options.curves):
        batch = source(step)
        for name, stepper in runs.items():
            losses[name].append(stepper(batch))
    curves = {name: torch.stack(values).double().cpu() for name, values in losses.items()}
    parts = min(10, options.curves)
    tenths = {
        name: [float(part.mean()) for part in curve.chunk(parts)] for name, curve in curves.items()
    }
    plain = tenths["plain"]
    return {
        "steps": options.curves,
        "loss_by_tenth": tenths,
        "largest_difference": {
            name: max(abs(a - b) for a, b in zip(plain, values, strict=True))
            for name, values in tenths.items()
        },
        "difference_in_the_last_tenth": {
            name: values[-1] - plain[-1] for name, values in tenths.items()
        },
    }


def measure_scaling(
    recipe: Recipe, device: torch.device, process: ProcessRank, options: argparse.Namespace
) -> dict[str, float]:
    """Pairs per second of one process alone and of all together, each with the same batch."""
    steps = options.groups * GROUP

    def rate(run: Run, pairs: int) -> float:
        (seconds,) = time_in_turn([run.learn], device, rounds=options.rounds, steps=steps)
        return pairs / seconds

    alone = 0.0
    if process.is_first:
        alone = rate(Run(recipe, device, ProcessRank()), recipe.batch)
    distributed.barrier()
    whole = replace(
        recipe,
        batch=recipe.batch * process.world,
        pairs_per_epoch=recipe.pairs_per_epoch * process.world,
    )
    together = rate(Run(whole, device, process), whole.batch)
    return {
        "processes": process.world,
        "pairs_per_second_alone": alone,
        "pairs_per_second_together": together,
        "ratio": together / alone if alone else 0.0,
    }


def measure(recipe: Recipe, device: torch.device, options: argparse.Namespace) -> dict[str, Any]:
    """Everything that one process can measure."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    result: dict[str, Any] = {"device": name, "torch": torch.__version__, "batch": recipe.batch}
    show(result)

    def add(part: dict[str, Any]) -> None:
        result.update(part)
        show(part)

    with full_precision():
        if not options.skip_ways:
            result["ways"] = measure_ways(recipe, device, options)
            show_ways(result["ways"])
        if options.public_seconds:
            stored = random_pairs(recipe, device)
            rate = public_loop_rate(
                stored, recipe, device, workers=options.workers, seconds=options.public_seconds
            )
            add({"pairs_per_second_public": rate})
    add(measure_parts(recipe, device, options))
    if options.public_seconds:
        add({"times_faster_than_public": result["pairs_per_second"] / rate})
    if options.curves:
        with full_precision():
            add({"curves": compare_curves(recipe, device, options)})
    return result


@contextmanager
def full_precision() -> Any:
    """Products of float32 in float32, as torch computes them unless told otherwise."""
    before = torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    kept = cudnn.allow_tf32, cudnn.benchmark
    torch.set_float32_matmul_precision("highest")
    cudnn.allow_tf32, cudnn.benchmark = False, True
    yield
    torch.set_float32_matmul_precision(before)
    cudnn.allow_tf32, cudnn.benchmark = kept


def show_ways(rows: list[dict[str, Any]]) -> None:
    """A row for each way, with the ratios to the row above and to the first."""
    for row in rows:
        print(
            f"{row['way']:<52}{row['milliseconds_predicted']:9.2f} ms predicted"
            f"{row['milliseconds']:9.2f} ms{row['pairs_per_second']:9.0f} pairs/s"
            f"{row['times_faster_than_the_row_above']:7.2f}×"
            f"{row['times_faster_than_the_first']:7.2f}×",
            flush=True,
        )


def show(result: dict[str, Any]) -> None:
    """A line for each number."""
    for name, value in result.items():
        text = f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
        print(f"{name.replace('_', ' '):<32}{text}", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256, help="pairs in a step of one process")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that all ways are timed in")
    parser.add_argument("--steps", type=int, default=10, help="steps of a round, of each way")
    parser.add_argument("--groups", type=int, default=4, help=f"{GROUP} end-to-end steps, so often")
    parser.add_argument("--workers", type=int, default=8, help="of the public loop's loader")
    parser.add_argument("--public-seconds", type=float, default=8.0, help="0: leave it out")
    parser.add_argument("--curves", type=int, default=0, metavar="STEPS")
    parser.add_argument("--skip-ways", action="store_true")
    parser.add_argument("--skip-compiled", action="store_true", help="it takes a minute")
    parser.add_argument("--profile", type=Path, metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    options = parse()
    process = process_from_environment()
    device = torch.device(options.device)
    if device.type == "cuda":
        device = torch.device("cuda", process.local_rank)
        torch.cuda.set_device(device)
    recipe = change(procedural(), {**read_assignments(options.set), "batch": options.batch})
    if process.world > 1:
        with process_group(process, device):
            result: dict[str, Any] = dict(measure_scaling(recipe, device, process, options))
        if process.is_first:
            show(result)
    else:
        result = measure(recipe, device, options)
    if not process.is_first:
        return
    if options.out:
        temporary = options.out.with_suffix(".part")
        temporary.write_text(json.dumps(result, indent=2))
        temporary.replace(options.out)


if __name__ == "__main__":
    main()
