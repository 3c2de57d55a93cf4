"""Holding of a target: real sequences by weights and by settings, paired with one another.

    python benchmarks/held.py track --weights light --sequences FOLDER [FOLDER …] --out RUN.npz
    python benchmarks/held.py track --weights light --sequences FOLDER --hand 8 --out HAND.npz
    python benchmarks/held.py table RUN.npz OTHER.npz [--each]
    python benchmarks/held.py losses RUN.npz OTHER.npz

`track` follows every sequence in the layout of OTB once, with the tracker's defaults, and keeps the
boxes and the scores; `--set NAME=VALUE` changes a setting, `lost.` and `update.` before its name
where it is of these. With `--hand N` the first box is drawn as by hand, N times: moved by up to a
tenth of its size, its sides up to 15 % off. `--error 0.01` makes these errors 1 and 1.5 %: the mean
over such boxes has less of the chance by which one run holds a target or loses it. With
`--backwards` it begins with the last frame: other difficulties, in which no setting was chosen.

`table` prints AUC and precision at 20 pixels, mean over sequences, and of all frames the fraction
without any overlap; how well the score tells frames with an overlap above a half from those without
(area under the ROC curve); and the difference from the first run, sequence by sequence, with the
interval that holds 95 % of its bootstrap means. Runs that are joined by commas count as one, their
mean: such as the seeds of a training.

`losses` lists the longer losses, ten frames or more without any overlap: whether the score told of
it, by falling below the tracker's threshold within the first ten of them; for how many of them the
target was in view; and whether it was followed again after them, with an overlap above a half
within ten frames.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("OMP_NUM_THREADS", "1")

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.evaluation.runs import Pass
from siamfc.evaluation.scoring.metrics import overlap
from siamfc.evaluation.scoring.protocols import OTB
from siamfc.network import load_matcher
from siamfc.report.statistics import paired_difference
from siamfc.tracking import LightSettings, Tracker
from siamfc.tracking.defaults import fitting_settings
from siamfc.workers import Workers

_LONG = 10
"""Frames without overlap that make a longer loss, and within which it is told or made good."""


@dataclass(frozen=True)
class Hand:
    """Draws the first box as somebody would; the same for a sequence and number every time."""

    number: int
    error: float
    """Largest distance that the box is moved, as a fraction of its sides; these are up to one and a
    half times as much off."""

    def __call__(self, box: NDArray[np.float64], _frame: tuple[int, int]) -> NDArray[np.float64]:
        """Box (4,) x, y, w, h with errors."""
        draws = np.random.default_rng([self.number, *np.round(box).astype(int)]).uniform(-1, 1, 4)
        size = box[2:] * (1 + 1.5 * self.error * draws[2:])
        center = box[:2] + box[2:] / 2 + self.error * draws[:2] * box[2:]
        return np.concatenate([center - size / 2, size])


@dataclass(frozen=True)
class Job:
    """One pass over one sequence."""

    key: str
    run: Pass
    weights: str
    changes: tuple[str, ...]


def change(settings: Any, text: str) -> Any:
    """The settings with one of them changed, `NAME=VALUE` or `PART.NAME=VALUE`."""
    name, _, value = text.partition("=")
    part, _, rest = name.partition(".")
    if part not in {item.name for item in fields(settings)}:
        raise SystemExit(f"--set {text}: no setting named {part!r}")
    present = getattr(settings, part)
    if is_dataclass(present):
        return replace(settings, **{part: change(present, f"{rest}={value}")})
    kind = type(present)
    return replace(settings, **{part: value == "true" if kind is bool else kind(value)})


@cache
def make_tracker(weights: str, changes: tuple[str, ...]) -> Tracker:
    """A tracker on one thread; one for each process."""
    matcher = load_matcher(weights, device="cpu", threads=1)
    settings = fitting_settings(matcher, None)
    for text in changes:
        settings = change(settings, text)
    return Tracker(matcher, settings)


def perform(job: Job) -> tuple[str, NDArray[np.float64]]:
    """Boxes, scores and true boxes of a job, (F, 9)."""
    track = job.run.perform(make_tracker(job.weights, job.changes))
    if track.failure:
        raise SystemExit(f"{job.key}: {track.failure}")
    truth = job.run.truth(track)
    return job.key, np.concatenate([track.boxes, track.scores[:, None], truth], 1)


def jobs_of(arguments: argparse.Namespace) -> Iterator[Job]:
    """Every sequence once, or as often as its first box is drawn by hand."""
    changes = tuple(arguments.set)
    for folder in arguments.sequences:
        for sequence in read_sequences(find_format("otb").open(folder)):
            if arguments.only and not any(part in sequence.name for part in arguments.only):
                continue
            yield from _jobs(sequence, folder.name, arguments, changes)


def _jobs(
    sequence: Sequence, group: str, arguments: argparse.Namespace, changes: tuple[str, ...]
) -> Iterator[Job]:
    frames = range(len(sequence))[:: -1 if arguments.backwards else 1]
    for number in range(max(1, arguments.hand)):
        alter = Hand(number, arguments.error) if arguments.hand else None
        run = Pass(sequence=sequence, name=sequence.name, frames=frames, perturb=alter)
        yield Job(f"{group}/{sequence.name}/{number}", run, arguments.weights, changes)


def track(arguments: argparse.Namespace) -> None:
    """Follow all sequences and keep what came."""
    jobs = sorted(jobs_of(arguments), key=lambda job: -len(job.run))
    with Workers(arguments.workers) as workers:
        found = dict(workers.map_unordered(perform, jobs))
    np.savez_compressed(arguments.out, **dict(sorted(found.items())))
    table([str(arguments.out)])


def score_roc(scores: NDArray[np.float64], overlaps: NDArray[np.float64]) -> float:
    """Chance that a box with an overlap above a half scores higher than one without any."""
    good, bad = scores[overlaps > 0.5], np.sort(scores[overlaps == 0])
    if not len(good) or not len(bad):
        return float("nan")
    below = np.searchsorted(bad, good, "left") + np.searchsorted(bad, good, "right")
    return float(below.mean() / 2 / len(bad))


def measure(paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Return each sequence's result, by group and name, averaged over runs and drawn boxes."""
    each: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        with np.load(path) as file:
            for key in file.files:
                rows = file[key]
                boxes, scores, truth = rows[:, :4], rows[:, 4], rows[:, 5:]
                overlaps = overlap(boxes, truth)
                seen = np.isfinite(overlaps)
                seen[0] = False
                entry = dict(OTB.score(OTB.compare(boxes, truth)))
                entry |= {"overlaps": overlaps[seen], "scores": scores[seen]}
                each.setdefault(key.rpartition("/")[0], []).append(entry)
    return {
        name: {
            key: np.concatenate([np.atleast_1d(entry[key]) for entry in entries])
            if key in ("overlaps", "scores")
            else float(np.mean([entry[key] for entry in entries]))
            for key in ("auc", "precision", "overlaps", "scores")
        }
        for name, entries in each.items()
    }


def table(texts: list[str], each: bool = False) -> None:
    """Print one line a run and group; the differences are from the first run."""
    joined = [[Path(part) for part in text.split(",")] for text in texts]
    runs = {",".join(path.stem for path in paths): measure(paths) for paths in joined}
    base = next(iter(runs.values()))
    groups = sorted({name.partition("/")[0] for name in base})
    for group in [*groups, "all"] if len(groups) > 1 else groups:
        for run, found in runs.items():
            names = [n for n in base if n in found and group in (n.partition("/")[0], "all")]
            print(f"{group:16s} {run:24s} {_line(found, base, names)}")
    if each:
        print("\n" + " " * 42 + "  ".join(f"{run[:11]:>11s}" for run in runs))
        for name in base:
            cells = [
                f"{found[name]['auc']:.3f}/{found[name]['precision']:.3f}"
                for found in runs.values()
                if name in found
            ]
            print(f"{name:42s}{'  '.join(cells)}")


@dataclass(frozen=True)
class Loss:
    """A run of frames without any overlap."""

    key: str
    start: int
    frames: int
    in_view: int
    """Frames of these in which the target has a true box."""
    told: bool
    """Return True if the score fell below the threshold early."""
    followed_again: bool

    def __str__(self) -> str:
        words = "told" if self.told else "not told", "again" if self.followed_again else "lost"
        return (
            f"{self.key:42s} from {self.start:4d}, {self.frames:3d} frames, "
            f"{self.in_view:3d} in view  {words[0]:8s}  {words[1]}"
        )


def find_losses(
    key: str, overlaps: NDArray[np.float64], scores: NDArray[np.float64], threshold: float
) -> Iterator[Loss]:
    """Longer losses in a pass with overlaps (F,), NaN without a true box, and scores (F,)."""
    off = np.concatenate([[False], ~(overlaps[1:] > 0), [False]])
    starts, ends = np.flatnonzero(np.diff(off)).reshape(-1, 2).T + 1
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start >= _LONG:
            yield Loss(
                key=key,
                start=start,
                frames=end - start,
                in_view=int(np.isfinite(overlaps[start:end]).sum()),
                told=bool((scores[start : start + _LONG] < threshold).any()),
                followed_again=bool((overlaps[end : end + _LONG] > 0.5).any()),
            )


def losses(paths: list[Path]) -> None:
    """Print the longer losses of each run, and how many were told and made good."""
    threshold = LightSettings().lost.lost_threshold
    for path in paths:
        found: list[Loss] = []
        with np.load(path) as file:
            for key in file.files:
                rows = file[key]
                overlaps = overlap(rows[:, :4], rows[:, 5:])
                found += find_losses(key, overlaps, rows[:, 4], threshold)
        in_view = [loss for loss in found if loss.in_view >= _LONG]
        print(*[f"  {loss}" for loss in found], sep="\n")
        print(
            f"{path.stem}: {len(found)} longer losses, {sum(loss.told for loss in found)} told; "
            f"{len(in_view)} with the target in view, {sum(loss.told for loss in in_view)} told, "
            f"{sum(loss.followed_again for loss in in_view)} followed again"
        )


def _line(found: dict[str, Any], base: dict[str, Any], names: list[str]) -> str:
    overlaps, scores = (
        np.concatenate([found[name][key] for name in names]) for key in ("overlaps", "scores")
    )
    nothing = np.mean([(found[name]["overlaps"] == 0).mean() for name in names])
    parts = [
        f"AUC {np.mean([found[name]['auc'] for name in names]):.3f}",
        f"P20 {np.mean([found[name]['precision'] for name in names]):.3f}",
        f"none {nothing:.3f}",
        f"ROC {score_roc(scores, overlaps):.3f}",
    ]
    if found is not base:
        for key in ("auc", "precision"):
            one = paired_difference(
                [found[name][key] for name in names], [base[name][key] for name in names]
            )
            parts.append(f"{key} {one.mean:+.3f} ({one.low:+.3f} … {one.high:+.3f})")
    return "  ".join(parts)


def main() -> None:
    """Track, or compare runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("track")
    one.add_argument("--weights", default="light", help="a name or a path")
    one.add_argument("--sequences", type=Path, nargs="+", required=True)
    one.add_argument("--only", nargs="+", help="sequences whose name contains this")
    one.add_argument("--hand", type=int, default=0, help="drawings of the first box by hand")
    one.add_argument("--error", type=float, default=0.1, help="of these drawings")
    one.add_argument("--backwards", action="store_true", help="from the last frame to the first")
    one.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    one.add_argument("--workers", type=int, default=1)
    one.add_argument("--out", type=Path, required=True)
    other = verbs.add_parser("table")
    other.add_argument("runs", nargs="+", metavar="RUN.npz[,RUN.npz …]")
    other.add_argument("--each", action="store_true", help="a line for each sequence too")
    verbs.add_parser("losses").add_argument("runs", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.verb == "track":
        track(arguments)
    elif arguments.verb == "losses":
        losses(arguments.runs)
    else:
        table(arguments.runs, arguments.each)


if __name__ == "__main__":
    sys.exit(main())
