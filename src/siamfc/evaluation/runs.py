"""Runs: a tracker's passes over a sequence, each of which makes one track."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import ByteImage, FloatArray
from siamfc.boxes import is_absent
from siamfc.checks import shown
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError, InputError, SiamFCError
from siamfc.system import frames_per_second, machine

_logger = logging.getLogger(__name__)

OnFrames = Callable[[int], None]
"""Callback that receives the number of frames finished since the last call."""


class TrackerError(SiamFCError):
    """A tracker in another process raised an error, timed out or died."""


def describe(error: Exception) -> str:
    """Return an error's message, with the class's name if the error is not siamfc's."""
    return str(error) if isinstance(error, SiamFCError) else f"{type(error).__name__}: {error}"


class SingleTargetTracker(Protocol):
    """Interface of a tracker to evaluate; `siamfc.tracking.Tracker` implements it.

    If it has a `score`, that is recorded after each frame. If it has `seconds`, that is recorded as
    the duration of its last call; otherwise the call is timed.
    """

    def init(self, image: ByteImage, box: FloatArray) -> object:
        """Start tracking: a frame (H, W, 3) uint8 RGB and the target's box x, y, w, h in it."""
        ...

    def update(self, image: ByteImage) -> ArrayLike:
        """Return the target's box x, y, w, h in the next frame."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRecord:
    """A tracker's output in one run of F frames."""

    sequence: str
    """Name of the run; the sequence's if that has only one run."""
    boxes: FloatArray
    """(F, 4); NaN before the first ground-truth box and after a failure."""
    scores: FloatArray
    """(F,) the tracker's scores; NaN where it has none."""
    seconds: FloatArray
    """(F,) time in the tracker, excluding the reading of frames; NaN where it was not called."""
    failure: str | None = None
    """Reason why the tracker stopped early, with the frame; None if it finished."""
    finished: str = ""
    """Time of completion, ISO 8601 in UTC."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    """Machine of the run; see `siamfc.system.machine`."""

    @property
    def frames_per_second(self) -> float:
        """Frames per second spent in the tracker; NaN if it was never called."""
        return tracking_rate(self.seconds)


def tracking_rate(*seconds: FloatArray) -> float:
    """Frames per second spent in a tracker.

    Args:
        seconds: of each run (F,); NaN where the tracker was not called.

    >>> tracking_rate(np.array([0.04, np.nan, 0.04]))
    25.0
    """
    spent = np.concatenate([np.zeros(0), *seconds])
    called = spent[~np.isnan(spent)]
    return frames_per_second(len(called), float(called.sum()))


def failed_record(run: "Run", reason: str) -> RunRecord:
    """Return the record of a run that could not start."""
    unknown = np.full(len(run), np.nan)
    return RunRecord(
        sequence=run.name,
        boxes=np.full((len(run), 4), np.nan),
        scores=unknown,
        seconds=unknown,
        failure=reason,
    )


class Run(Protocol):
    """One run of a tracker on a sequence; picklable."""

    @property
    def name(self) -> str:
        """Unique name in an evaluation; `/` separates levels."""
        ...

    @property
    def sequence(self) -> Sequence:
        """Sequence to track."""
        ...

    @property
    def frames(self) -> range:
        """Indices of the sequence's frames, in the order in which the tracker sees them."""
        ...

    def __len__(self) -> int:
        """Number of frames of the track."""
        ...

    def perform(self, tracker: SingleTargetTracker, on_frames: OnFrames | None = None) -> RunRecord:
        """Run the tracker; any error is recorded as the track's `failure`."""
        ...

    def truth(self, track: RunRecord) -> FloatArray:
        """Return the ground-truth boxes (F, 4) in the track's order.

        They are NaN in frames that do not count.
        """
        ...

    def matches_init(self, track: RunRecord) -> bool:
        """Return whether a track starts with the boxes that the data set now has."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """A pass through a sequence or part of it, with the tracker initialised once.

    It starts in the first frame with a ground-truth box.
    """

    sequence: Sequence
    name: str
    frames: range
    """Indices of the sequence's frames in the order of tracking, with a step of 1 or -1."""
    perturb: Callable[[FloatArray, tuple[int, int]], FloatArray] | None = None
    """Perturbs the initial box (4,), given the frame's (width, height); None: use the ground truth.
    """

    def __len__(self) -> int:
        return len(self.frames)

    def truth(self, _track: RunRecord) -> FloatArray:
        """Return all ground-truth boxes."""
        return self.sequence.boxes[self.frames]

    def matches_init(self, track: RunRecord) -> bool:
        """Compare the first box, perturbed if the pass does so.

        Raises:
            SourceError: the frame's size is needed and the frame cannot be read.
        """
        expected = self.sequence.boxes[self.frames]
        annotated = np.flatnonzero(~is_absent(expected))
        if self.perturb is not None and annotated.size:
            first = int(annotated[0])
            image = next(self.sequence.images(self.frames[first : first + 1]))
            expected[first] = self.init_box(expected[first], image)
        return starts_from(expected, track)

    def perform(self, tracker: SingleTargetTracker, on_frames: OnFrames | None = None) -> RunRecord:
        """Track to the end without re-initialisation."""
        truth = self.sequence.boxes[self.frames]
        record = Recorder(self.name, len(self), tracker, on_frames)
        try:
            first = first_annotated(truth)
            for place, image in record.frames(self.sequence.images(self.frames)):
                if place == first:
                    record.init(image, self.init_box(truth[first], image))
                elif first < place < len(self):
                    record.update(image)
        except Exception as error:  # a third-party tracker may raise anything; other runs continue
            return record.track(error)
        return record.track()

    def init_box(self, box: FloatArray, image: ByteImage) -> FloatArray:
        """Return the initial box, given the ground truth and the frame."""
        height, width, _ = image.shape
        return box if self.perturb is None else self.perturb(box, (width, height))


def one_pass(sequence: Sequence) -> Pass:
    """Return a run over the whole sequence (one-pass evaluation, OPE)."""
    return Pass(sequence=sequence, name=sequence.name, frames=range(len(sequence)))


class Recorder:
    """Calls a tracker and records its output.

    Args:
        name: the run's name.
        count: its number of frames.
        tracker: the tracker to call.
        on_frames: called with the number of frames finished.
    """

    def __init__(
        self, name: str, count: int, tracker: SingleTargetTracker, on_frames: OnFrames | None
    ) -> None:
        self._place = 0
        """Position in the run of the frame being read or tracked."""
        self._name, self._tracker, self._on_frames = name, tracker, on_frames
        self._boxes = np.full((count, 4), np.nan)
        self._scores, self._seconds = np.full(count, np.nan), np.full(count, np.nan)

    def frames(self, images: Iterable[ByteImage]) -> Iterator[tuple[int, ByteImage]]:
        """Yield the run's frames with their positions.

        Raises:
            DatasetError: there are too few.
        """
        for image in images:
            yield self._place, image
            self._place += 1
        if self._place < len(self._boxes):
            raise DatasetError(f"expected {len(self._boxes)} frames, got {self._place}")
        if self._place > len(self._boxes):
            _logger.warning(
                "%s: expected %d frames for as many boxes, got %d: those after the last box "
                "aren't scored",
                self._name,
                len(self._boxes),
                self._place,
            )

    def init(self, image: ByteImage, box: FloatArray) -> None:
        """Initialise the tracker."""
        start = time.perf_counter()
        self._tracker.init(image, box.copy())
        self._note(box, time.perf_counter() - start)

    def update(self, image: ByteImage) -> FloatArray:
        """Update the tracker and return its box (4,).

        Raises:
            InputError: its output is not four finite numbers.
        """
        start = time.perf_counter()
        answer = self._tracker.update(image)
        elapsed = time.perf_counter() - start
        box = checked_box(answer)
        self._note(box, elapsed)
        return box

    def track(self, error: Exception | None = None) -> RunRecord:
        """Return the record, with the error that ended the run."""
        return RunRecord(
            sequence=self._name,
            boxes=self._boxes,
            scores=self._scores,
            seconds=self._seconds,
            failure=None if error is None else self._failure(error),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=_machine(),
        )

    def _failure(self, error: Exception) -> str:
        return f"frame {self._place}: {describe(error)}"

    def _note(self, box: FloatArray, elapsed: float) -> None:
        self._boxes[self._place] = box
        self._scores[self._place] = getattr(self._tracker, "score", np.nan)
        self._seconds[self._place] = getattr(self._tracker, "seconds", elapsed)
        if self._on_frames is not None:
            self._on_frames(1)


def first_annotated(truth: FloatArray) -> int:
    """Return the index of the first ground-truth box in (F, 4).

    Raises:
        DatasetError: there is none.
    """
    annotated = np.flatnonzero(~np.isnan(truth).any(axis=1))
    if not annotated.size:
        raise DatasetError("expected an initial box, got no box in any frame")
    return int(annotated[0])


def starts_from(expected: FloatArray, track: RunRecord) -> bool:
    """Return whether a track has the `expected` boxes (F, 4) wherever it starts.

    It starts in the first frame with an expected box, and wherever a box follows a frame without
    one.
    """
    boxed = ~is_absent(track.boxes)
    starts = boxed & ~np.concatenate([[False], boxed[:-1]])
    starts[np.argmax(~is_absent(expected))] = True
    return np.allclose(track.boxes[starts], expected[starts], rtol=0, atol=1e-6)


@cache
def _machine() -> Mapping[str, Any]:
    return machine()


def checked_box(answer: ArrayLike) -> FloatArray:
    """Return a tracker's answer as a box (4,); one without area is only a miss.

    Raises:
        InputError: it is not four finite numbers.
    """
    try:
        box = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise InputError(
            f"expected a box of 4 finite numbers from the tracker, got {shown(answer)}"
        )
    return box
