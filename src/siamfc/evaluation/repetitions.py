"""Repeated evaluations of one tracker (repetitions, seeds, checkpoints): mean and deviation."""

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from siamfc.datasets.sequences import Sequence
from siamfc.errors import InputError
from siamfc.evaluation.evaluations import (
    Evaluation,
    SequenceScores,
    collect_tracks,
    plan_runs,
    score_tracks,
)
from siamfc.evaluation.execution import TrackerFactory
from siamfc.evaluation.results import ResultFolder
from siamfc.evaluation.runs import OnFrames, Run, RunRecord
from siamfc.evaluation.scoring.protocols import OTB, Protocol, Scores
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme
from siamfc.workers import Workers

_PROOF = 3
"""Identical consecutive tracks after which a tracker counts as deterministic."""


@dataclass(frozen=True, kw_only=True)
class Average(Evaluation):
    """Mean of evaluations of the same sequences.

    `sequences` are those completed in all of them. The overall scores are the means of the
    evaluations' own, each of which leaves out the sequences that failed in it.
    """

    deviation: Scores = field(default_factory=dict)
    """Sample standard deviation of each score by OTB's rules."""
    benchmark_deviation: Scores = field(default_factory=dict)
    """Sample standard deviation of each score by the benchmark's rules."""
    repetitions: tuple[Evaluation, ...] = ()
    """Evaluations that were averaged."""

    def to_json(self) -> dict[str, Any]:
        """Return `Evaluation.to_json`, with the deviation and each repetition's scores."""
        differs = self.protocol != OTB.name
        benchmark = {"benchmark_deviation": self.benchmark_deviation} if differs else {}
        return {
            **super().to_json(),
            "deviation": self.deviation,
            **benchmark,
            "repetitions": [
                {**one.scores, **({"benchmark": one.benchmark} if differs else {})}
                for one in self.repetitions
            ],
        }


def evaluate_repeatedly(
    factory: TrackerFactory,
    sequences: AbstractSequence[Sequence],
    *,
    repetitions: int,
    results: AbstractSequence[ResultFolder | None],
    deterministic: bool = False,
    scheme: Scheme = ONE_PASS,
    protocol: Protocol = OTB,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> Iterator[Evaluation]:
    """Evaluate a tracker several times, and yield each evaluation as it finishes.

    A deterministic tracker is run once, and its tracks are used for all repetitions, as in the
    GOT-10k toolkit. For any other tracker a run is skipped once its last three tracks are identical
    to the last digit, as in the VOT toolkit; the last of them is used for the rest.

    Args:
        factory: makes a tracker.
        sequences: the sequences to track.
        repetitions: number of evaluations; three in GOT-10k.
        results: a folder for each repetition, or None for each.
        deterministic: the tracker declares that it always returns the same boxes.
        scheme: as for `evaluate`, like the following arguments.
        protocol: as for `evaluate`.
        workers: as for `evaluate`.
        on_frames: as for `evaluate`.

    Raises:
        InputError: the number of result folders is not that of repetitions.
        Exception: any error of `evaluate`.
    """
    if len(results) != repetitions:
        raise InputError(f"expected {repetitions} folders of results, got {len(results)}")
    plan = plan_runs(sequences, scheme)
    runs = [run for some in plan.values() for run in some]
    made: list[dict[str, RunRecord]] = []
    for folder in results:
        final = _final_tracks(runs, made, deterministic)
        if folder is not None:
            for track in final.values():
                if not folder.track_path(track.sequence).exists():
                    folder.save(track)
            final = {}  # read back below, like the tracks of an earlier run
        tracks = collect_tracks(
            factory,
            [run for run in runs if run.name not in final],
            results=folder,
            workers=workers,
            on_frames=on_frames,
        )
        if on_frames is not None and final:
            on_frames(sum(len(track.boxes) for track in final.values()))
        made.append({**final, **tracks})
        yield score_tracks(sequences, plan, made[-1], scheme=scheme, protocol=protocol)


def average(evaluations: AbstractSequence[Evaluation]) -> Average:
    """Return the mean and deviation of evaluations of the same sequences.

    Raises:
        InputError: no evaluation is given.
    """
    if not evaluations:
        raise InputError("expected at least one evaluation to average, got none")
    first = evaluations[0]
    failures = {
        name: reason for one in reversed(evaluations) for name, reason in one.failures.items()
    }
    done = [name for name in first.sequences if all(name in one.sequences for one in evaluations)]
    scores = [one.scores for one in evaluations]
    benchmarks = [one.benchmark for one in evaluations]
    return Average(
        scores=_mean(scores),
        protocol=first.protocol,
        benchmark=_mean(benchmarks),
        sequences={name: _mean_sequence([e.sequences[name] for e in evaluations]) for name in done},
        failures=failures,
        frames=first.frames,
        frames_per_second=float(np.mean([one.frames_per_second for one in evaluations])),
        deviation=_deviation(scores),
        benchmark_deviation=_deviation(benchmarks),
        repetitions=tuple(evaluations),
    )


def _final_tracks(
    runs: AbstractSequence[Run], made: list[dict[str, RunRecord]], deterministic: bool
) -> dict[str, RunRecord]:
    """Return the tracks of runs that need not be repeated."""
    needed = 1 if deterministic else _PROOF
    if len(made) < needed:
        return {}
    last = made[-needed:]
    return {
        run.name: last[-1][run.name]
        for run in runs
        if all(_same(tracks[run.name], last[-1][run.name]) for tracks in last)
    }


def _same(first: RunRecord, second: RunRecord) -> bool:
    """Return whether two tracks are complete and have the same boxes."""
    whole = first.failure is None and second.failure is None
    return whole and np.array_equal(first.boxes, second.boxes, equal_nan=True)


def _mean_sequence(scores: AbstractSequence[SequenceScores]) -> SequenceScores:
    return replace(
        scores[0],
        scores=_mean([one.scores for one in scores]),
        benchmark=_mean([one.benchmark for one in scores]),
        frames_per_second=float(np.mean([one.frames_per_second for one in scores])),
    )


def _mean(scores: AbstractSequence[Mapping[str, float]]) -> Scores:
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def _deviation(scores: AbstractSequence[Mapping[str, float]]) -> Scores:
    if len(scores) < 2:
        return dict.fromkeys(scores[0], float("nan"))
    return {name: float(np.std([one[name] for one in scores], ddof=1)) for name in scores[0]}
