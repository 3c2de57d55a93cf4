"""Gain from the tracker's options: exemplar updates, and the search for a lost target.

    python benchmarks/tracker_options.py --out build/options --workers 16 --device cuda \
        --sequences FOLDER [--weights light]

Every option tracks the same videos: the thesis's squares, procedural videos of what is hard
(`benchmarks/hard_videos.py`), and, where a folder is given, real sequences in the layout of OTB.
For each it prints AUC and precision at 20 pixels, the mean over videos, and the difference from
the tracker without options, video by video, with the interval that holds 95 % of its bootstrap
means. An option is chosen by the procedural videos; the real ones only confirm.

Tracks are kept under --out and not made again; `scores.json` there holds all that is printed, and
for each option how high scores are where the box is right and where it is wrong.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

from hard_videos import EVENTS, KINDS, write_videos

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.evaluation import ResultFolder, RunRecord, describe_run
from siamfc.evaluation.runs import one_pass
from siamfc.evaluation.scoring.metrics import overlap
from siamfc.evaluation.scoring.protocols import OTB
from siamfc.evaluation.trackers.pretrained import PretrainedTracker
from siamfc.files import write_file
from siamfc.network import load_matcher
from siamfc.network.architectures import LIGHT
from siamfc.network.loader import read_metadata
from siamfc.report.statistics import paired_difference
from siamfc.synthetic import SquareVideo, SquareVideoSettings, write_otb
from siamfc.tracking import LightSettings, Settings, SiamFCSettings, Tracker
from siamfc.tracking.exemplar_update import UpdateSettings, first_and_recent
from siamfc.tracking.redetection import LostSettings
from siamfc.workers import Workers

STEPS = (4, 16, 32)
"""Longest steps of the thesis's square videos, pixels."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NONE = "none"


class Job(NamedTuple):
    """One option's pass through one video."""

    option: str
    group: str
    sequence: Sequence
    settings: Settings
    weights: str
    device: str


def options(weights: str) -> dict[str, Settings]:
    """The tracker without options, and with one or more of them; the network has its own."""
    if read_metadata(weights).architecture == LIGHT.name:
        return box_options()
    hardly_lost = LostSettings(lost_threshold=0.2, found_threshold=0.5)
    rows: dict[str, Settings] = {NONE: SiamFCSettings(lost=hardly_lost)}
    for name, update in updates().items():
        rows[name] = SiamFCSettings(update=update, lost=hardly_lost)
    for name, lost in searches().items():
        rows[name] = SiamFCSettings(lost=lost)
    for count in (2, 4):
        rows[f"bias_correction {count}"] = SiamFCSettings(bias_correction=count, lost=hardly_lost)
    return rows


def box_options() -> dict[str, Settings]:
    """Return exemplar updates and searches for a lost target, to compare."""

    def again(windows: int, **changes: float) -> LightSettings:
        lost = replace(LightSettings().lost, windows=windows, **changes)
        return LightSettings(lost=lost, update=UpdateSettings())

    rows: dict[str, Settings] = {NONE: again(0)}
    rows |= {name: replace(again(0), update=update) for name, update in box_updates().items()}
    rows["recent, again, 3 windows"] = LightSettings()
    rows |= {f"again, {count} windows": again(count) for count in (2, 3, 4, 8, 24)}
    return rows | {"again, 8 windows, moved 0.95": again(8, relocate_threshold=0.95)}


def box_updates() -> dict[str, UpdateSettings]:
    """Return the default exemplar update and variants of it."""
    recent = first_and_recent()
    return {
        "previous frame": UpdateSettings(rate=1.0),
        "recent": recent,
        "recent, first 0.3": replace(recent, first_weight=0.3),
        "recent, first 0.7": replace(recent, first_weight=0.7),
        "recent, every 1": replace(recent, every=1),
        "recent, every 20": replace(recent, every=20),
        "recent, latest": replace(recent, rate=1.0),
        "recent, sure 0.99": replace(recent, lowest_score=0.99),
    }


def updates() -> dict[str, UpdateSettings]:
    """Return the exemplar updates to compare."""
    return {
        "previous frame": UpdateSettings(rate=1.0),
        "average 0.01": UpdateSettings(rate=0.01),
        "average 0.03": UpdateSettings(rate=0.03),
        "average 0.1": UpdateSettings(rate=0.1),
        "average 0.03, sure 0.95": UpdateSettings(rate=0.03, lowest_score=0.95),
        "average 0.1, sure 0.98": UpdateSettings(rate=0.1, lowest_score=0.98),
        "first 0.5, previous": UpdateSettings(rate=1.0, first_weight=0.5),
        "first 0.5, average 0.1": UpdateSettings(rate=0.1, first_weight=0.5),
        "first 0.7, average 0.1, sure 0.95": UpdateSettings(
            rate=0.1, first_weight=0.7, lowest_score=0.95
        ),
    }


def searches() -> dict[str, LostSettings]:
    """Return the searches for a lost target to compare, named by their two thresholds."""

    def again(lost_threshold: float, found_threshold: float) -> LostSettings:
        return LostSettings(
            lost_threshold=lost_threshold,
            found_threshold=found_threshold,
            relocate_threshold=found_threshold,
            windows=8,
        )

    sized = replace(again(0.8, 0.95), holds_size=True)
    return {
        "again 0.5/0.8": again(0.5, 0.8),
        "again 0.7/0.9": again(0.7, 0.9),
        "again 0.8/0.95": again(0.8, 0.95),
        "again 0.9/0.98": again(0.9, 0.98),
        "again 0.8/0.95, size": sized,
        "again 0.8/0.95, 24 windows": replace(again(0.8, 0.95), windows=24),
        "again 0.8/0.95, size, patience 3": replace(sized, patience=3),
        "again 0.8/0.99, moved 0.9, size": replace(
            sized, found_threshold=0.99, relocate_threshold=0.9
        ),
    }


def make_videos(arguments: argparse.Namespace) -> dict[str, list[Sequence]]:
    """All videos, by group; drawn ones are written once."""
    folder = arguments.out / "videos"
    for step in STEPS:
        if not (folder / "squares" / f"step_{step}").exists():
            settings = SquareVideoSettings(
                frames=arguments.frames, max_displacement=step, seed=arguments.seed
            )
            write_otb(folder / "squares" / f"step_{step}", SquareVideo(settings))
    groups = {"squares": _read_otb(folder / "squares")}
    for number, kind in enumerate(KINDS):
        if kind not in arguments.kinds:
            continue
        groups[kind] = write_videos(
            folder, kind, arguments.videos, arguments.frames,
            device=arguments.drawing or arguments.device, seed=arguments.seed + number,
        )  # fmt: skip
    if arguments.sequences is not None:
        groups["real"] = _read_otb(arguments.sequences)
    return groups


def _read_otb(root: Path) -> list[Sequence]:
    return list(read_sequences(find_format("otb").open(root)))


def track_all(jobs: list[Job], out: Path, workers: int) -> Iterator[tuple[Job, RunRecord]]:
    """Tracks of all jobs: those that are there are read, the others made and kept."""
    waiting = {}
    for job in jobs:
        track = _folder(job, out).load(one_pass(job.sequence))
        if track is None:
            waiting[job.option, job.sequence.name] = job
        else:
            yield job, track
    longest_first = sorted(waiting.values(), key=lambda job: -len(job.sequence))
    with Workers(workers) as processes:
        done = processes.map_unordered(perform, longest_first)
        for number, (option, track) in enumerate(done, 1):
            if track.failure:
                raise SystemExit(f"{option}, {track.sequence}: {track.failure}")
            job = waiting[option, track.sequence]
            _folder(job, out).save(track)
            if number % 50 == 0:
                print(f"{number} of {len(waiting)} tracks", file=sys.stderr, flush=True)
            yield job, track


def _folder(job: Job, out: Path) -> ResultFolder:
    tracker = PretrainedTracker(weights=job.weights, device=job.device, settings=job.settings)
    record = describe_run(tracker.record(), {"group": job.group}, weights=job.weights)
    return ResultFolder(path=out / "tracks" / job.option.replace("/", "-"), record=record)


def perform(job: Job) -> tuple[str, RunRecord]:
    """Track one video, in whatever process this is."""
    tracker = Tracker(_matcher(job.weights, job.device), job.settings)
    return job.option, one_pass(job.sequence).perform(tracker)


@lru_cache(maxsize=1)
def _matcher(weights: str, device: str) -> Any:
    return load_matcher(weights, device=device, threads=1)


def summarize(results: dict[str, dict[str, tuple[Job, RunRecord]]]) -> dict[str, Any]:
    """Scores of each option in each group, and differences from the tracker without options."""
    each = {
        option: {
            name: OTB.score(OTB.compare(track.boxes, job.sequence.boxes))
            for name, (job, track) in tracks.items()
        }
        for option, tracks in results.items()
    }
    groups: dict[str, list[str]] = {}
    for name, (job, _) in results[NONE].items():
        groups.setdefault(job.group, []).append(name)
    groups["procedural"] = [name for kind in KINDS for name in groups.get(kind, [])]
    return {
        option: {
            "scores": {
                group: {
                    measure: _difference(scores, each[NONE], names, measure)
                    for measure in ("auc", "precision")
                }
                for group, names in groups.items()
            },
            "score quantiles": _quantiles(results[option]),
            "frames per second": _rate(results[option]),
            "sequences": scores,
        }
        for option, scores in each.items()
    }


def _difference(
    scores: dict[str, Any], base: dict[str, Any], names: list[str], measure: str
) -> dict[str, Any]:
    ours, theirs = ([table[name][measure] for name in names] for table in (scores, base))
    found = paired_difference(ours, theirs)
    return {
        "mean": float(np.mean(ours)),
        "difference": found.mean,
        "interval": [found.low, found.high],
        "better": found.greater,
        "worse": found.smaller,
        "count": found.count,
    }


def _quantiles(tracks: dict[str, tuple[Job, RunRecord]]) -> dict[str, dict[str, list[float]]]:
    """Return scores where the box is right (overlap above 0.5), wrong, or there is no target."""
    found: dict[str, dict[str, list[Any]]] = {}
    for job, track in tracks.values():
        kind = job.group if job.group in ("squares", "real") else "procedural"
        overlaps = overlap(track.boxes, job.sequence.boxes)[1:]
        scores = track.scores[1:]
        rows = {"right": overlaps > 0.5, "wrong": overlaps < 0.1, "absent": np.isnan(overlaps)}
        for name, chosen in rows.items():
            found.setdefault(kind, {}).setdefault(name, []).append(scores[chosen])
    joined = {
        kind: {name: np.concatenate(parts) for name, parts in table.items()}
        for kind, table in found.items()
    }
    return {
        kind: {
            name: np.quantile(values, QUANTILES).round(4).tolist() if len(values) else []
            for name, values in table.items()
        }
        for kind, table in joined.items()
    }


def _rate(tracks: dict[str, tuple[Job, RunRecord]]) -> float:
    seconds = np.concatenate([track.seconds[1:] for _, track in tracks.values()])
    return float(1 / np.nanmean(seconds))


def print_summary(summary: dict[str, Any]) -> None:
    """A table for each group."""
    for group in summary[NONE]["scores"]:
        print(f"\n{group}")
        for option, facts in summary.items():
            row = [f"{option:36s}"]
            for measure, sign in (("auc", "AUC"), ("precision", "P20")):
                one = facts["scores"][group][measure]
                low, high = one["interval"]
                row.append(
                    f"{sign} {one['mean']:.3f} ({one['difference']:+.3f}, {low:+.3f} … {high:+.3f},"
                    f" {one['better']}:{one['worse']} of {one['count']})"
                )
            print("  ".join(row))


def main() -> None:
    """Draw, track, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sequences", type=Path, help="real sequences in the layout of OTB")
    parser.add_argument("--weights", default="siamfc")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--drawing", help="device that draws the videos, if not --device")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--videos", type=int, default=10, help="of each procedural kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=EVENTS, help="procedural ones")
    parser.add_argument("--frames", type=int, default=90, help="of each video that is drawn")
    parser.add_argument("--seed", type=int, default=2024, help="of the videos that are drawn")
    parser.add_argument("--only", action="append", help="options whose name contains this")
    arguments = parser.parse_args()

    groups = make_videos(arguments)
    chosen = {
        name: settings
        for name, settings in options(arguments.weights).items()
        if name == NONE or not arguments.only or any(part in name for part in arguments.only)
    }
    jobs = [
        Job(option, group, sequence, settings, arguments.weights, arguments.device)
        for option, settings in chosen.items()
        for group, sequences in groups.items()
        for sequence in sequences
    ]
    results: dict[str, dict[str, tuple[Job, RunRecord]]] = {option: {} for option in chosen}
    for job, track in track_all(jobs, arguments.out, arguments.workers):
        results[job.option][job.sequence.name] = (job, track)
    summary = summarize(results)
    text = json.dumps(summary, indent=1) + "\n"
    write_file(arguments.out / "scores.json", text.encode(), overwrite=True)
    print_summary(summary)


if __name__ == "__main__":
    main()
