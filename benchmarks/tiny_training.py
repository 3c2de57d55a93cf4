"""Dependence of a tiny training on its seed and on rounding: `python benchmarks/tiny_training.py`.

Trains experiment 1's network at the size tiny with several seeds, with one thread and two, and with
the instructions limited that oneDNN, MKL and torch add up with, which rounds as other processors
do. Each training tracks the experiment's three videos, and is a row: the centre error of each video
in pixels; the same with the network's own offset subtracted ("centred"); the largest mean offset
on either axis, plain and centred; the seconds of training. The last row has the worst of each
column. `--recipe tiny` does the same with what `siamfc train tiny` trains, `--set` changes the
recipe, `--seeds` and `--limits` choose rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

LIMITS: dict[str, dict[str, str]] = {
    "none": {},
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    },
    "AVX": {
        "ONEDNN_MAX_CPU_ISA": "AVX",
        "MKL_ENABLE_INSTRUCTIONS": "AVX",
        "ATEN_CPU_CAPABILITY": "default",
    },
    "SSE4": {
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ATEN_CPU_CAPABILITY": "default",
    },
}
"""Environments of a training; one thread where none are named."""


def measure(recipe_name: str | None, seed: int, assignments: list[str]) -> list[float]:
    """Train and track in this process; the numbers of a row."""
    from siamfc.experiments.first import CENTRING
    from siamfc.experiments.folder import ExperimentFolder
    from siamfc.experiments.sizes import EXTENTS, square_recipe
    from siamfc.experiments.steps import Options, train
    from siamfc.experiments.tracks import ExperimentTracker, summarize, track_sequences
    from siamfc.experiments.videos import synthetic_sequences
    from siamfc.overrides import change, read_assignments
    from siamfc.report import make_study
    from siamfc.tracking import one_scale
    from siamfc.training.recipes import find_recipe

    chosen = find_recipe(recipe_name) if recipe_name else square_recipe("tiny")
    recipe = change(replace(chosen, seed=seed), read_assignments(assignments))
    with tempfile.TemporaryDirectory() as name:
        folder = ExperimentFolder(Path(name), {})
        began = time.monotonic()
        training = train(recipe, folder, Options(size="tiny", device="cpu"))
        took = time.monotonic() - began
        sequences = synthetic_sequences(folder.path / "videos", EXTENTS["tiny"].video_frames)
        entered = [
            ExperimentTracker(
                name=str(count),
                key=str(count),
                weights=training.weights,
                settings=replace(one_scale(), bias_correction=count),
            )
            for count in (0, CENTRING)
        ]
        tracked = [
            track_sequences(one, sequences, folder.path / "tracks", device="cpu") for one in entered
        ]
        videos = summarize(make_study(tracked, sequences, title=""))
    by_tracker = [list(videos[one.name].values()) for one in entered]
    errors = [scores["center_error"] for tracker in by_tracker for scores in tracker]
    offsets = [
        max(abs(scores[axis]) for scores in tracker for axis in ("offset_x", "offset_y"))
        for tracker in by_tracker
    ]
    return [*errors, *offsets, took]


def measure_apart(seed: int, limit: str, passed_on: list[str]) -> list[float]:
    """The same in a process whose environment is limited."""
    command = [sys.executable, __file__, "--one", str(seed), *passed_on]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, **LIMITS[limit]}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    row: list[float] = json.loads(done.stdout)
    return row


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", help="of `siamfc train`, for squares")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--limits", nargs="+", default=list(LIMITS), choices=LIMITS)
    parser.add_argument("--set", action="append", default=[], help="as for `siamfc train`")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(measure(arguments.recipe, arguments.one, arguments.set)))
        return
    passed_on = ["--recipe", arguments.recipe] if arguments.recipe else []
    passed_on += [part for assignment in arguments.set for part in ("--set", assignment)]
    print(f"{'':18}   4 px  16 px  32 px | centred              | offset | seconds", flush=True)
    rows = []
    for limit in arguments.limits:
        for seed in arguments.seeds:
            rows.append(measure_apart(seed, limit, passed_on))
            _print(f"{limit}, seed {seed}", rows[-1])
    _print("worst", np.max(rows, axis=0).tolist())


def _print(title: str, row: list[float]) -> None:
    cells = [f"{value:6.2f}" for value in row]
    parts = (cells[:3], cells[3:6], cells[6:8], cells[8:])
    print(f"{title:18}", " | ".join(" ".join(part) for part in parts), flush=True)


if __name__ == "__main__":
    main()
