"""VOT's supervised protocol, until 2019: a tracker that loses its target is restarted.

A failure is a frame in which the predicted box does not overlap the ground truth; five frames later
the tracker is initialised again. From Kristan et al., ICCVW 2015 and vot-toolkit
(`SupervisedExperiment`, `vot.analysis.supervised`).
"""

import math
from collections.abc import Iterator
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from siamfc.array_types import FloatArray, IntArray
from siamfc.boxes import is_absent
from siamfc.datasets.sequences import Sequence
from siamfc.errors import InputError
from siamfc.evaluation.runs import (
    OnFrames,
    Recorder,
    RunRecord,
    SingleTargetTracker,
    first_annotated,
    starts_from,
)
from siamfc.evaluation.scoring.vot import eao, raster_overlap, restart_eao_curve


class FrameState(IntEnum):
    """State of a frame in a supervised run."""

    SKIPPED = 0
    """Frame between a failure and the next start, or before the first ground-truth box."""
    STARTED = 1
    FAILED = 2
    TRACKED = 3


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """Settings of the protocol; the defaults are those of VOT2018's baseline."""

    skipped: int = 5
    """Frames from a failure to the next start, at least 1."""
    burn_in: int = 10
    """Frames after a start that are left out of the accuracy."""
    sensitivity: float = 30.0
    """Number of frames for which robustness states the probability of no failure."""
    low: int = 100
    high: int = 356
    """Sequence lengths, in frames, between which the expected overlap is averaged."""

    def __post_init__(self) -> None:
        if self.skipped < 1 or self.burn_in < 0 or not 1 <= self.low <= self.high:
            raise InputError(
                "supervision: expected skipped ≥ 1, burn_in ≥ 0 and 1 ≤ low ≤ high, got "
                f"{self.skipped}, {self.burn_in}, {self.low} and {self.high}"
            )


class _Supervisor:
    """Determines the state of each frame, in order.

    Deviations from the toolkit: a start waits for a frame with a ground-truth box, and a frame
    without one cannot be a failure.
    """

    def __init__(self, truth: FloatArray, skipped: int) -> None:
        self._truth, self._skipped = truth, skipped
        self._absent = is_absent(truth)
        self._next: int | None = 0
        """First frame in which to start; None while tracking."""

    def should_start(self, frame: int) -> bool | None:
        """Return whether to start in a frame (True), to track (False), or to skip it (None)."""
        if self._next is None:
            return False
        return True if frame >= self._next and not self._absent[frame] else None

    def start(self) -> FrameState:
        self._next = None
        return FrameState.STARTED

    def check(self, frame: int, box: FloatArray, size: tuple[int, int]) -> FrameState:
        """Return whether a tracker with this box has failed in a frame, as its state."""
        truth = self._truth[frame]
        if self._absent[frame] or raster_overlap(box, truth, size) > 0:
            return FrameState.TRACKED
        self._next = frame + self._skipped
        return FrameState.FAILED


@dataclass(frozen=True, kw_only=True, eq=False)
class SupervisedRun:
    """A run from the sequence's first frame to its last, with restarts.

    In its track, the box of a starting frame is the ground truth, that of a failure is the failed
    prediction, and skipped frames have none, so the states can be derived from the track.
    """

    sequence: Sequence
    settings: Supervision

    @property
    def name(self) -> str:
        """The sequence's name."""
        return self.sequence.name

    @property
    def frames(self) -> range:
        """Indices of all frames of the sequence."""
        return range(len(self.sequence))

    def __len__(self) -> int:
        return len(self.sequence)

    def perform(self, tracker: SingleTargetTracker, on_frames: OnFrames | None = None) -> RunRecord:
        """Track, and restart after each failure."""
        sequence = self.sequence
        record = Recorder(self.name, len(self), tracker, on_frames)
        supervisor = _Supervisor(sequence.boxes, self.settings.skipped)
        try:
            first_annotated(sequence.boxes)
            for frame, image in record.frames(sequence.images(range(len(self)))):
                height, width, _ = image.shape
                match supervisor.should_start(frame):
                    case True:
                        record.init(image, sequence.boxes[frame])
                        supervisor.start()
                    case False:
                        supervisor.check(frame, record.update(image), (width, height))
                    case None if on_frames is not None:
                        on_frames(1)
        except Exception as error:  # a third-party tracker may raise anything; other runs continue
            return record.track(error)
        return record.track()

    def truth(self, track: RunRecord) -> FloatArray:
        """Return the ground-truth boxes of the frames in which the tracker ran."""
        idle = is_absent(track.boxes)[:, None]
        return np.where(idle, np.nan, self.sequence.boxes)

    def matches_init(self, track: RunRecord) -> bool:
        """Compare the boxes of all starts."""
        return starts_from(self.sequence.boxes, track)

    def states(self, track: RunRecord, size: tuple[int, int]) -> IntArray:
        """Return the state of each frame: (F,) of `FrameState`."""
        supervisor = _Supervisor(self.sequence.boxes, self.settings.skipped)
        states = np.full(len(self), int(FrameState.SKIPPED))
        for frame, box in enumerate(track.boxes):
            match supervisor.should_start(frame):
                case True:
                    states[frame] = supervisor.start()
                case False:
                    states[frame] = supervisor.check(frame, box, size)
        return states


@dataclass(frozen=True, kw_only=True, eq=False)
class SupervisedResult:
    """Result of a supervised run."""

    states: IntArray
    """(F,) of `FrameState`."""
    overlaps: FloatArray
    """(F,) in whole pixels; 0 in all frames but tracked ones."""

    @property
    def failures(self) -> int:
        """Number of failures."""
        return int((self.states == FrameState.FAILED).sum())

    def accuracy(self, burn_in: int) -> float:
        """Mean overlap in tracked frames, without the first ones after each start; or 0."""
        counted = self.states == FrameState.TRACKED
        for start in np.flatnonzero(self.states == FrameState.STARTED):
            counted[start : start + burn_in] = False
        return float(self.overlaps[counted].mean()) if counted.any() else 0.0

    def fragments(self) -> Iterator[tuple[FloatArray, bool]]:
        """Yield the overlaps from each start to its failure or the end, and whether it failed.

        As in the toolkit, a sequence without a failure is one fragment from its first frame.
        """
        starts = np.flatnonzero(self.states == FrameState.STARTED)
        failed = np.flatnonzero(self.states == FrameState.FAILED)
        if not failed.size:
            yield self.overlaps, False
            return
        for start, end in zip(starts, failed, strict=False):
            yield self.overlaps[start:end], True
        if len(starts) > len(failed):
            yield self.overlaps[starts[-1] :], False


def supervised_result(
    run: SupervisedRun, track: RunRecord, size: tuple[int, int]
) -> SupervisedResult:
    """Compare a supervised track with the ground truth."""
    states = run.states(track, size)
    overlaps = raster_overlap(track.boxes, run.sequence.boxes, size)
    tracked = states == FrameState.TRACKED
    return SupervisedResult(states=states, overlaps=np.where(tracked, overlaps, 0.0))


def score_supervised(
    results: AbstractSequence[SupervisedResult], settings: Supervision
) -> dict[str, float]:
    """Accuracy, mean failures, robustness and expected average overlap of sequences.

    Accuracy and failures are means weighted by the sequences' lengths; robustness is
    exp(−sensitivity · failures / mean length), as in `AverageAccuracyRobustness` of vot-toolkit.
    """
    lengths = np.array([len(result.states) for result in results])
    accuracies = [result.accuracy(settings.burn_in) for result in results]
    failures = float(np.average([result.failures for result in results], weights=lengths))
    fragments = [fragment for result in results for fragment in result.fragments()]
    curve = restart_eao_curve([one for one, _ in fragments], [failed for _, failed in fragments])
    return {
        "accuracy": float(np.average(accuracies, weights=lengths)),
        "failures": failures,
        "robustness": math.exp(-settings.sensitivity * failures / float(lengths.mean())),
        "eao": eao(curve, settings.low, settings.high),
    }
