"""From sequences and a tracker to scores: runs what hasn't been run, scores all of it."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np

from siamfc.data.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.measures import Comparison
from siamfc.evaluation.protocols import OTB, PROTOCOLS, Protocol, Scores
from siamfc.evaluation.results import Record, ResultFolder
from siamfc.evaluation.running import Track, TrackerFactory, run_sequences
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


@dataclass
class _Tally:
    """What is known so far."""

    otb: dict[str, Comparison] = field(default_factory=dict)
    benchmark: dict[str, Comparison] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    calls: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, sequence: Sequence, track: Track, protocol: Protocol) -> None:
        if track.failure is not None:
            self.failures[sequence.name] = track.failure
            return
        truth = sequence.boxes
        if sequence.annotated.sum() < 2:  # the first frame alone says nothing of a tracker
            truth = np.full_like(truth, np.nan)
        self.otb[sequence.name] = OTB.compare(track.boxes, truth)
        size = _frame_size(sequence) if protocol.clipped else None
        self.benchmark[sequence.name] = protocol.compare(track.boxes, truth, size)
        self.rates[sequence.name] = track.frames_per_second
        self.seconds += float(np.nansum(track.seconds))
        self.calls += int((~np.isnan(track.seconds)).sum())


def evaluate(
    factory: TrackerFactory,
    sequences: AbstractSequence[Sequence],
    *,
    protocol: Protocol = OTB,
    results: ResultFolder | None = None,
    workers: Workers | None = None,
    on_frames: Callable[[int], None] | None = None,
) -> Evaluation:
    """Track sequences and score the tracks.

    A sequence on which the tracker fails doesn't stop the others and has no part in the means.

    Args:
        factory: makes a tracker.
        sequences: what to track; the longest first if there are workers.
        protocol: rules of the data set's own benchmark.
        results: where tracks are kept; those that are there already aren't run again.
        workers: who tracks, opened; None: this process.
        on_frames: hears of frames that are done, how many at a time.

    Raises:
        DatasetError: two sequences of one name.
        DatasetError, OutputError: results that are there and don't fit; see `ResultFolder`.
        WorkerError: a worker was killed.
    """
    by_name: dict[str, Sequence] = {}
    for sequence in sequences:
        if by_name.setdefault(sequence.name, sequence) is not sequence:
            raise DatasetError(f"expected a name for each sequence, got {sequence.name!r} twice")
    tally = _Tally()
    waiting = []
    for sequence in sequences:
        track = results.load(sequence.name, len(sequence)) if results else None
        if track is None:
            waiting.append(sequence)
            continue
        tally.add(sequence, track, protocol)
        if on_frames is not None:
            on_frames(len(sequence))
    if workers is not None:
        waiting.sort(key=len, reverse=True)
    if waiting:
        for track in run_sequences(factory, waiting, workers=workers, on_frames=on_frames):
            if results is not None:
                results.save(track)
            tally.add(by_name[track.sequence], track, protocol)
    return _summarize(tally, list(by_name), protocol)


def _frame_size(sequence: Sequence) -> tuple[int, int]:
    """Width and height of a sequence's frames, from its annotation or its first frame."""
    if sequence.size is not None:
        return sequence.size
    height, width, _ = next(sequence.images()).shape
    return width, height


def _summarize(tally: _Tally, names: list[str], protocol: Protocol) -> Evaluation:
    done = [name for name in names if name in tally.otb]
    return Evaluation(
        scores=OTB.summarize(tally.otb[name] for name in done),
        protocol=protocol.name,
        benchmark=protocol.summarize(tally.benchmark[name] for name in done),
        sequences={
            name: SequenceScores(
                scores=OTB.score(tally.otb[name]),
                benchmark=protocol.score(tally.benchmark[name]),
                frames=len(tally.otb[name]),
                frames_per_second=tally.rates[name],
            )
            for name in done
        },
        failures={name: tally.failures[name] for name in names if name in tally.failures},
        frames=sum(len(comparison) for comparison in tally.otb.values()),
        frames_per_second=tally.calls / tally.seconds if tally.seconds else float("nan"),
    )


def protocol_of(format_name: str) -> Protocol:
    """The rules of a data set's own benchmark; OTB's where it has none here."""
    return PROTOCOLS.get(format_name, OTB)


def run_record(
    tracker: Mapping[str, Any], dataset: Mapping[str, Any], *, weights: str = ""
) -> Record:
    """Make the record of a run, which each of its result files carries.

    Args:
        tracker: what decides where the boxes are, such as `SiamFC.record` gives.
        dataset: format and split.
        weights: what the weights were asked for by.
    """
    return {
        "tracker": dict(tracker),
        "dataset": dict(dataset),
        "weights": weights,
        "protocol": "one pass",
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
