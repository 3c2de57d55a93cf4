"""From sequences and a tracker to scores: runs what hasn't been run, scores all of it."""

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
    """How a tracker did on one sequence."""

    scores: Scores
    """By OTB's rules."""
    benchmark: Scores
    """By the rules of the data set's own benchmark."""
    frames: int
    """Frames that count by OTB's rules."""
    frames_per_second: float
    """Of the tracker alone."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a tracker did on a data set."""

    scores: Scores
    """By OTB's rules: means over the sequences."""
    protocol: str
    """Name of the rules of the data set's own benchmark."""
    benchmark: Scores
    """By those rules."""
    sequences: Mapping[str, SequenceScores]
    """Those that the tracker came to the end of, in the data set's order."""
    failures: Mapping[str, str]
    """The others: why not."""
    frames: int
    """Frames that count by OTB's rules."""
    frames_per_second: float
    """Frames per second spent in the tracker; decoding isn't counted. Of one worker."""

    def to_json(self) -> dict[str, Any]:
        """What `siamfc evaluate --json` prints: OTB's scores, and under `benchmark` others."""
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
        """Whether the data set's benchmark has rules of its own."""
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

    A sequence on which the tracker fails doesn't stop the others and has no part in the means.

    Args:
        factory: makes a tracker.
        sequences: what to track; the longest first if there are workers.
        scheme: how often, and from where.
        protocol: rules of the data set's own benchmark; where the scheme has rules of its own,
            these are taken.
        results: where tracks are kept; those that are there already aren't run again.
        workers: who tracks, opened; None: this process.
        on_frames: called with the number of frames done since the last call.

    Raises:
        DatasetError: two sequences of one name.
        OutputError: results of another run are there; see `ResultFolder`.
        WorkerError: a worker was killed.
    """
    plan = plan_runs(sequences, scheme)
    runs = [run for some in plan.values() for run in some]
    tracks = collect_tracks(factory, runs, results=results, workers=workers, on_frames=on_frames)
    return judge_tracks(sequences, plan, tracks, scheme=scheme, protocol=protocol)


def judge_tracks(
    sequences: AbstractSequence[Sequence],
    plan: Mapping[str, AbstractSequence[Run]],
    tracks: Mapping[str, RunRecord],
    *,
    scheme: Scheme = ONE_PASS,
    protocol: Protocol = OTB,
) -> Evaluation:
    """Score the tracks of a plan's runs.

    Args:
        sequences: what was tracked.
        plan: as `plan_runs` gives it.
        tracks: of all runs, by name.
        scheme: of the plan.
        protocol: see `evaluate`.
    """
    tracked, failures = [], {}
    for sequence in sequences:
        mine = [tracks[run.name] for run in plan[sequence.name]]
        reason = next((_reason(track, sequence) for track in mine if track.failure), None)
        if reason is None:
            tracked.append(Tracked(sequence=sequence, runs=plan[sequence.name], tracks=mine))
        else:
            failures[sequence.name] = reason
    return _judge(tracked, failures, scheme, protocol)


def _reason(track: RunRecord, sequence: Sequence) -> str:
    """Why a run failed, and which, where there are several."""
    part = track.sequence.removeprefix(sequence.name).lstrip("/")
    return f"{part}: {track.failure}" if part else str(track.failure)


def plan_runs(
    sequences: AbstractSequence[Sequence], scheme: Scheme = ONE_PASS
) -> dict[str, AbstractSequence[Run]]:
    """The runs that a scheme asks for, by the sequences' names.

    Raises:
        DatasetError: two sequences of one name.
    """
    plan: dict[str, AbstractSequence[Run]] = {}
    for sequence in sequences:
        if sequence.name in plan:
            raise DatasetError(f"expected a name for each sequence, got {sequence.name!r} twice")
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
    """Load the tracks that there are, make the others, and keep each as soon as it is done.

    Takes and raises what `evaluate` does; gives the tracks by the names of their runs.
    """
    tracks = {}
    waiting = []
    for run in runs:
        try:
            track = results.load(run) if results else None
        except (DatasetError, SourceError) as error:  # the others go on
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


def _judge(
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
    """The rules of a data set's own benchmark; OTB's where it has none here."""
    return PROTOCOLS.get(format_name, OTB)


def describe_run(
    tracker: Mapping[str, Any],
    dataset: Mapping[str, Any],
    *,
    root: Path | None = None,
    weights: str = "",
    scheme: Scheme = ONE_PASS,
) -> Record:
    """Make the record of a run, which each of its result files carries.

    Args:
        tracker: what decides where the boxes are, such as `SiamFC.record` gives.
        dataset: format and split.
        root: folder of the data set, where a report looks for its frames.
        weights: what the weights were asked for by.
        scheme: how the tracker is run.
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
