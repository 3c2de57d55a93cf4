"""Gain, cost and forgetting of fine-tuning the default network.

    python benchmarks/fine_tuning.py fleet --out build/fine_tuning
    python benchmarks/fine_tuning.py folds FOLDER… --out build/fine_tuning [--folds 0 1 2 3]

`fleet` draws videos of alike beetles (`benchmarks/fleet.py`), trains on 40 clips of them and tracks
20 others. `folds` splits the sequences of folders in the layout of OTB into four parts and, for
each fold, trains on three of them and tracks the fourth; weights made so are for this comparison
alone. Both run `siamfc curate` and `siamfc train finetune` as a user does, and print:

- mean AUC before and after, and the paired difference with the interval that holds 95 % of its
  bootstrap means;
- AUC of procedural videos that no training has seen, before and after;
- the calibration error of the score on the videos that were tracked;
- seconds of training, and the processor's seconds in it, without those of reading the store.
"""

import argparse
import contextlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from fleet import write_clips

from siamfc.cli import main as siamfc
from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.evaluation.runs import one_pass
from siamfc.evaluation.scoring.calibration import RIGHT, measure_reliability
from siamfc.evaluation.scoring.metrics import overlap
from siamfc.evaluation.validators import procedural_validator
from siamfc.network import load_checkpoint, load_matcher
from siamfc.network.architectures import find_layout
from siamfc.network.light.model import LightNet
from siamfc.procedural.textures import TextureSettings
from siamfc.report.statistics import paired_difference
from siamfc.system import commit, machine
from siamfc.tracking import Tracker

THRESHOLDS = np.linspace(0, 1, 21)
FOLDS = 4


def score(weights: str, sequences: list[Sequence]) -> tuple[list[float], float]:
    """AUC of each sequence, and the calibration error over all frames."""
    tracker = Tracker(load_matcher(weights, device="cpu"))
    scores, chances, right = [], [], []
    for sequence in sequences:
        run = one_pass(sequence).perform(tracker)
        if run.failure:
            raise SystemExit(f"{sequence.name}: {run.failure}")
        found = overlap(run.boxes, sequence.boxes)
        known = np.isfinite(found)
        scores.append(float(np.mean(found[known][:, None] > THRESHOLDS)))
        chances.append(run.scores[1:])
        right.append(np.nan_to_num(found[1:]) > RIGHT)
    error = measure_reliability(np.concatenate(chances), np.concatenate(right)).error
    return scores, error


def score_procedural(weights: list[str], videos: int, frames: int) -> list[float]:
    """AUC of procedural videos, the same for all weights."""
    checkpoints = [load_checkpoint(one) for one in weights]
    metadata = checkpoints[0].metadata
    validate = procedural_validator(
        metadata.spec,
        metadata.normalisation,
        device=torch.device("cpu"),
        videos=videos,
        frames=frames,
        textures=TextureSettings(count=24, size=256),
    )
    found = []
    for checkpoint in checkpoints:
        model = LightNet(find_layout(checkpoint.metadata.architecture))
        model.load_tensors(checkpoint.tensors)
        found.append(validate(model.eval())["tracking_auc"])
    return found


def fine_tune(clips: Path, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Curate and train as a user does; what it cost."""
    store, run = out / "store", out / "run"
    if not store.exists():
        step = ["--frame-step", str(options.frame_step)]
        _run(["curate", "otb", str(clips), str(store), *step])
    before, start = time.process_time(), time.monotonic()
    words = ["--data", str(store), "--out", str(run), "--weights", options.weights, "--resume"]
    words += [part for text in options.set or [] for part in ("--set", text)]
    _run(["train", "finetune", *words])
    return {
        "seconds": time.monotonic() - start,
        "processor_seconds": time.process_time() - before,
        "weights": str(run / "weights.safetensors"),
    }


def _run(words: list[str]) -> None:
    with contextlib.redirect_stdout(sys.stderr):  # what is printed here is the result alone
        status = siamfc(words)
    if status:
        raise SystemExit(status)


def compare(
    before: list[float], after: list[float], names: list[str], errors: list[float]
) -> dict[str, Any]:
    """Means, their paired difference, and every sequence."""
    return {
        "before": float(np.mean(before)),
        "after": float(np.mean(after)),
        "difference": asdict(paired_difference(after, before)),
        "calibration_error": dict(zip(("before", "after"), errors, strict=True)),
        "sequences": {n: [b, a] for n, b, a in zip(names, before, after, strict=True)},
    }


def judge(
    trained: dict[str, Any], sequences: list[Sequence], options: argparse.Namespace
) -> dict[str, Any]:
    """Everything about one training."""
    weights = [options.weights, trained["weights"]]
    (before, first), (after, second) = (score(one, sequences) for one in weights)
    result = {**trained, **compare(before, after, [s.name for s in sequences], [first, second])}
    if options.videos:
        result["procedural"] = score_procedural(weights, options.videos, options.frames)
    return result


def fleet(options: argparse.Namespace) -> dict[str, Any]:
    """Alike objects."""
    for name, clips, frames, seed in (("train", 40, 50, 1), ("test", 20, 80, 2)):
        write_clips(options.out / name, clips, frames=frames, seed=seed)
    trained = fine_tune(options.out / "train", options.out, options)
    tested = list(read_sequences(find_format("otb").open(options.out / "test")))
    return judge(trained, tested, options)


def folds(options: argparse.Namespace) -> dict[str, Any]:
    """Real sequences, each tested by weights that have not seen it."""
    every = {s.name: s for f in options.folders for s in read_sequences(find_format("otb").open(f))}
    places = {path.name: path for f in options.folders for path in sorted(f.iterdir())}
    names = np.random.default_rng(0).permutation(sorted(every)).tolist()
    parts = []
    for fold in options.folds:
        tested = set(names[fold::FOLDS])
        out = options.out / f"fold-{fold}"
        (out / "train").mkdir(parents=True, exist_ok=True)
        for name in sorted(places.keys() - tested):
            link = out / "train" / name
            if not link.exists():
                link.symlink_to(places[name].absolute())
        trained = fine_tune(out / "train", out, options)
        parts.append(judge(trained, [every[name] for name in sorted(tested)], options))
        (out / "result.json").write_text(json.dumps(parts[-1]))
    rows = {name: row for part in parts for name, row in part["sequences"].items()}
    before, after = ([row[place] for row in rows.values()] for place in (0, 1))
    errors = [
        float(np.mean([p["calibration_error"][w] for p in parts])) for w in ("before", "after")
    ]
    return {**compare(before, after, list(rows), errors), "folds": parts}


def describe(result: dict[str, Any]) -> str:
    """The result as text."""
    difference = result["difference"]
    interval = f"[{difference['low']:+.3f}, {difference['high']:+.3f}]"
    better = f"better in {difference['greater']} of {difference['count']}"
    lines = [
        f"AUC {result['before']:.3f} before, {result['after']:.3f} after",
        f"difference {difference['mean']:+.3f} {interval}, {better}",
    ]
    errors = result["calibration_error"]
    lines.append(f"calibration error {errors['before']:.3f} before, {errors['after']:.3f} after")
    for part in result.get("folds", [result]):
        lines.append(
            f"training took {part['seconds']:.0f} s, {part['processor_seconds']:.0f} s of one core"
        )
        if "procedural" in part:
            before, after = part["procedural"]
            lines.append(f"procedural videos: AUC {before:.3f} before, {after:.3f} after")
    return "\n".join(lines)


def main() -> None:
    """Train, track, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("fleet", "folds"))
    parser.add_argument("folders", nargs="*", type=Path, help="sequences in the layout of OTB")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="light")
    parser.add_argument("--folds", type=int, nargs="+", choices=range(FOLDS), default=range(FOLDS))
    parser.add_argument("--frame-step", type=int, default=1, help="of the frames trained on")
    parser.add_argument("--videos", type=int, default=16, help="procedural, each judged twice")
    parser.add_argument("--frames", type=int, default=30, help="of each procedural video")
    parser.add_argument("--set", action="append", help="NAME=VALUE, as of siamfc train")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = fleet(options) if options.what == "fleet" else folds(options)
    result |= {"machine": machine(), "commit": commit()}
    print(json.dumps(result) if options.json else describe(result))


if __name__ == "__main__":
    main()
