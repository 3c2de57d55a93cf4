"""Evaluation of a tracker on sequences: run what is missing, then score all tracks."""

from collections.abc import Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError, SourceError
from siamfc.evaluation.execution import TrackerFactory, perform_runs
from siamfc.evaluation.results import Record, ResultFolder
from siamfc.evaluation.runs import OnFrames, Run, RunRecord, failed_record, tracking_rate
from siamfc.evaluation.scoring.protocols import OTB, PROTOCOLS, Protocol, Scores
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme, Tracked
from siamfc.system import commit, version
from siamfc.workers import Workers

_PACKAGES = ("numpy", "pillow", "av", "onnxruntime", "torch")


@dataclass(frozen=True, kw_only=True)
class SequenceScores:
    """A tracker's scores on one sequence."""

    scores: Scores
    """Scores by OTB's rules."""
    benchmark: Scores
    """Scores by the rules of the data set's own benchmark."""
    frames: int
    """Number of frames scored by OTB's rules."""
    frames_per_second: float
    """Speed of the tracker, excluding the reading of frames."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A tracker's scores on a data set."""

    scores: Scores
    """Scores by OTB's rules: means over the sequences."""
    protocol: str
    """Name of the rules of the data set's own benchmark."""
    benchmark: Scores
    """Scores by those rules."""
    sequences: Mapping[str, SequenceScores]
    """Scores of the sequences that the tracker completed, in the data set's order."""
    failures: Mapping[str, str]
    """Reasons why the other sequences failed, by name."""
    frames: int
    """Number of frames scored by OTB's rules."""
    frames_per_second: float
    """Speed of the tracker in one worker, excluding decoding."""

    def to_json(self) -> dict[str, Any]:
        """Return the output of `siamfc evaluate --json`: OTB's scores, others under `benchmark`."""
        sequences = {}
        for name, one in self.sequences.items():
            facts = {**one.scores, "frames": one.frames, "fps": one.frames_per_second}
            sequences[name] = facts | ({"benchmark": one.benchmark} if self._differs else {})
        benchmark = {"benchmark": {"protocol": self.protocol, **self.benchmark}}
        return {
            **self.scores,
            "fps": self.frames_per_second,
            "frames": self.frames,
            **(benchmark if self._differs else {}),
            "sequences": sequences,
            "failures": dict(self.failures),
        }

    @property
    def _differs(self) -> bool:
        """True if the data set's benchmark has its own rules."""
        return self.protocol != OTB.name


def evaluate(
    factory: TrackerFactory,
    sequences: AbstractSequence[Sequence],
    *,
    scheme: Scheme = ONE_PASS,
    protocol: Protocol = OTB,
    results: ResultFolder | None = None,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> Evaluation:
    """Track sequences and score the tracks.

    A sequence on which the tracker fails does not stop the others and does not count in the means.

    Args:
        factory: makes a tracker.
        sequences: the sequences to track; workers take the longest first.
        scheme: runs per sequence and their starting frames.
        protocol: rules of the data set's own benchmark; a scheme with its own rules replaces them.
        results: folder of tracks; those that it already contains are not run again.
        workers: the workers that track, already open; None: this process.
        on_frames: called with the number of frames finished since the last call.

    Raises:
        DatasetError: two sequences have the same name.
        OutputError: the folder contains results of another run; see `ResultFolder`.
        WorkerError: a worker was killed.
    """
    plan = plan_runs(sequences, scheme)
    runs = [run for some in plan.values() for run in some]
    tracks = collect_tracks(factory, runs, results=results, workers=workers, on_frames=on_frames)
    return score_tracks(sequences, plan, tracks, scheme=scheme, protocol=protocol)


def score_tracks(
    sequences: AbstractSequence[Sequence],
    plan: Mapping[str, AbstractSequence[Run]],
    tracks: Mapping[str, RunRecord],
    *,
    scheme: Scheme = ONE_PASS,
    protocol: Protocol = OTB,
) -> Evaluation:
    """Score the tracks of a plan's runs.

    Args:
        sequences: the tracked sequences.
        plan: the runs by sequence, from `plan_runs`.
        tracks: the tracks of all runs, by name.
        scheme: the plan's scheme.
        protocol: as for `evaluate`.
    """
    tracked, failures = [], {}
    for sequence in sequences:
        mine = [tracks[run.name] for run in plan[sequence.name]]
        reason = next((_reason(track, sequence) for track in mine if track.failure), None)
        if reason is None:
            tracked.append(Tracked(sequence=sequence, runs=plan[sequence.name], tracks=mine))
        else:
            failures[sequence.name] = reason
    return _score(tracked, failures, scheme, protocol)


def _reason(track: RunRecord, sequence: Sequence) -> str:
    """Return why a run failed, naming the run if a sequence has several."""
    part = track.sequence.removeprefix(sequence.name).lstrip("/")
    return f"{part}: {track.failure}" if part else str(track.failure)


def plan_runs(
    sequences: AbstractSequence[Sequence], scheme: Scheme = ONE_PASS
) -> dict[str, AbstractSequence[Run]]:
    """Return the runs that a scheme requires, by the sequences' names.

    Raises:
        DatasetError: two sequences have the same name.
    """
    plan: dict[str, AbstractSequence[Run]] = {}
    for sequence in sequences:
        if sequence.name in plan:
            raise DatasetError(f"expected unique sequence names, got {sequence.name!r} twice")
        plan[sequence.name] = scheme.runs(sequence)
    return plan


def collect_tracks(
    factory: TrackerFactory,
    runs: AbstractSequence[Run],
    *,
    results: ResultFolder | None = None,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> dict[str, RunRecord]:
    """Load the saved tracks, run the others, and save each as soon as it is finished.

    Arguments and errors are those of `evaluate`; returns the tracks by the names of their runs.
    """
    tracks = {}
    waiting = []
    for run in runs:
        try:
            track = results.load(run) if results else None
        except (DatasetError, SourceError) as error:  # the other runs continue
            track = failed_record(run, str(error))
        if track is None:
            waiting.append(run)
            continue
        tracks[run.name] = track
        if on_frames is not None:
            on_frames(len(run))
    if workers is not None:
        waiting.sort(key=len, reverse=True)
    if waiting:
        for track in perform_runs(factory, waiting, workers=workers, on_frames=on_frames):
            if results is not None:
                results.save(track)
            tracks[track.sequence] = track
    return tracks


def _score(
    tracked: list[Tracked], failures: dict[str, str], scheme: Scheme, protocol: Protocol
) -> Evaluation:
    otb = [one.compare(OTB) for one in tracked]
    if scheme.benchmark is None:
        name = protocol.name
        compared = [one.compare(protocol) for one in tracked]
        benchmark = protocol.summarize(compared)
        each = [protocol.score(one) for one in compared]
    else:
        name = scheme.name
        benchmark = scheme.benchmark(tracked)
        each = [scheme.benchmark([one]) for one in tracked]
    seconds = [track.seconds for one in tracked for track in one.tracks]
    return Evaluation(
        scores=OTB.summarize(otb),
        protocol=name,
        benchmark=benchmark,
        sequences={
            one.sequence.name: SequenceScores(
                scores=OTB.score(comparison),
                benchmark=own,
                frames=len(comparison),
                frames_per_second=one.frames_per_second,
            )
            for one, comparison, own in zip(tracked, otb, each, strict=True)
        },
        failures=failures,
        frames=sum(map(len, otb)),
        frames_per_second=tracking_rate(*seconds),
    )


def protocol_of(format_name: str) -> Protocol:
    """Return the rules of a data set's own benchmark, or OTB's if siamfc has none for it."""
    return PROTOCOLS.get(format_name, OTB)


def describe_run(
    tracker: Mapping[str, Any],
    dataset: Mapping[str, Any],
    *,
    root: Path | None = None,
    weights: str = "",
    scheme: Scheme = ONE_PASS,
) -> Record:
    """Make the record of a run that is stored in each of its result files.

    Args:
        tracker: all that determines the boxes, such as `PretrainedTracker.record`.
        dataset: format and split.
        root: folder of the data set, where a report looks for frames.
        weights: the weights as the user named them.
        scheme: the way in which the tracker is run.
    """
    return {
        "tracker": dict(tracker),
        "dataset": dict(dataset),
        "root": None if root is None else str(root.absolute()),
        "weights": weights,
        "protocol": scheme.title,
        "siamfc": {"version": version(), "commit": commit()},
        "packages": _versions(),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
