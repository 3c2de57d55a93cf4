"""What a tracker is asked to do: runs, each of which makes one track."""

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
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError, InputError, SiamFCError
from siamfc.system import frames_per_second, machine

_logger = logging.getLogger(__name__)

OnFrames = Callable[[int], None]
"""Called with the number of frames done since the last call."""


class TrackerError(SiamFCError):
    """A tracker in another process raised an error, gave no answer in time, or died."""


def describe(error: Exception) -> str:
    """What an error says; one that isn't of this package is named by its class."""
    return str(error) if isinstance(error, SiamFCError) else f"{type(error).__name__}: {error}"


class SingleTargetTracker(Protocol):
    """What a tracker must offer to be evaluated; `siamfc.tracking.Tracker` does.

    If it has a `score`, that is recorded after each frame. If it has `seconds`, that is taken for
    the time that its last call took; otherwise the call is timed.
    """

    def init(self, image: ByteImage, box: FloatArray) -> object:
        """Take the target: a frame (H, W, 3) uint8 RGB and its box x, y, w, h there."""
        ...

    def update(self, image: ByteImage) -> ArrayLike:
        """Find the target in the next frame: its box x, y, w, h."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRecord:
    """What a tracker said in one run of F frames."""

    sequence: str
    """Name of the run; that of the sequence where there is only one."""
    boxes: FloatArray
    """(F, 4); NaN before the first true box, and after a failure."""
    scores: FloatArray
    """(F,) the tracker's own; NaN where it has none."""
    seconds: FloatArray
    """(F,) spent in the tracker, without reading the frame; NaN where it wasn't called."""
    failure: str | None = None
    """Why the tracker didn't come to the end, with the frame; None if it did."""
    finished: str = ""
    """When, as ISO 8601 in UTC."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    """Where; see `siamfc.system.machine`."""

    @property
    def frames_per_second(self) -> float:
        """Frames per second spent in the tracker; NaN if it was never called."""
        return tracking_rate(self.seconds)


def tracking_rate(*seconds: FloatArray) -> float:
    """Frames per second spent in a tracker.

    Args:
        seconds: of each run (F,); NaN where the tracker wasn't called.

    >>> tracking_rate(np.array([0.04, np.nan, 0.04]))
    25.0
    """
    spent = np.concatenate([np.zeros(0), *seconds])
    called = spent[~np.isnan(spent)]
    return frames_per_second(len(called), float(called.sum()))


def failed_record(run: "Run", reason: str) -> RunRecord:
    """The record of a run that couldn't be begun."""
    unknown = np.full(len(run), np.nan)
    return RunRecord(
        sequence=run.name,
        boxes=np.full((len(run), 4), np.nan),
        scores=unknown,
        seconds=unknown,
        failure=reason,
    )


class Run(Protocol):
    """One time that a tracker is set on a sequence; can be pickled."""

    @property
    def name(self) -> str:
        """Unique in an evaluation; `/` separates levels."""
        ...

    @property
    def sequence(self) -> Sequence:
        """What is tracked."""
        ...

    @property
    def frames(self) -> range:
        """Of the sequence, in the order in which they are shown."""
        ...

    def __len__(self) -> int:
        """Frames of the track."""
        ...

    def perform(self, tracker: SingleTargetTracker, on_frames: OnFrames | None = None) -> RunRecord:
        """Track; whatever goes wrong on the way ends up in the track's `failure`."""
        ...

    def truth(self, track: RunRecord) -> FloatArray:
        """The true boxes (F, 4) of the frames that count, in the track's order; others NaN."""
        ...

    def matches_init(self, track: RunRecord) -> bool:
        """Whether a track was begun with the boxes that the data set has now."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """A way through a sequence, or part of it, on which the tracker is begun once.

    It begins in the first frame with a true box.
    """

    sequence: Sequence
    name: str
    frames: range
    """Of the sequence, in the order in which they are shown, by steps of 1 or -1."""
    perturb: Callable[[FloatArray, tuple[int, int]], FloatArray] | None = None
    """Perturbs the initial box (4,), given the frame's (width, height); None: use the ground
    truth."""

    def __len__(self) -> int:
        return len(self.frames)

    def truth(self, _track: RunRecord) -> FloatArray:
        """All true boxes."""
        return self.sequence.boxes[self.frames]

    def matches_init(self, track: RunRecord) -> bool:
        """Looks at the first box, altered where that is asked for.

        Raises:
            SourceError: the frame's size is needed, and it cannot be read.
        """
        expected = self.sequence.boxes[self.frames]
        annotated = np.flatnonzero(~is_absent(expected))
        if self.perturb is not None and annotated.size:
            first = int(annotated[0])
            image = next(self.sequence.images(self.frames[first : first + 1]))
            expected[first] = self.init_box(expected[first], image)
        return starts_from(expected, track)

    def perform(self, tracker: SingleTargetTracker, on_frames: OnFrames | None = None) -> RunRecord:
        """Track without help to the end."""
        truth = self.sequence.boxes[self.frames]
        record = Recorder(self.name, len(self), tracker, on_frames)
        try:
            first = first_annotated(truth)
            for place, image in record.watch(self.sequence.images(self.frames)):
                if place == first:
                    record.begin(image, self.init_box(truth[first], image))
                elif first < place < len(self):
                    record.follow(image)
        except Exception as error:  # a foreign tracker may raise anything, and the rest must go on
            return record.track(error)
        return record.track()

    def init_box(self, box: FloatArray, image: ByteImage) -> FloatArray:
        """The box that the tracker is initialised with, given the true one and the frame."""
        height, width, _ = image.shape
        return box if self.perturb is None else self.perturb(box, (width, height))


def one_pass(sequence: Sequence) -> Pass:
    """The whole sequence, once (one-pass evaluation, OPE)."""
    return Pass(sequence=sequence, name=sequence.name, frames=range(len(sequence)))


class Recorder:
    """Calls a tracker and writes down what it says.

    Args:
        name: of the run.
        count: of its frames.
        tracker: that is called.
        on_frames: called with the number of frames done.
    """

    def __init__(
        self, name: str, count: int, tracker: SingleTargetTracker, on_frames: OnFrames | None
    ) -> None:
        self._place = 0
        """Of the frame in hand, or being read, among the run's frames."""
        self._name, self._tracker, self._on_frames = name, tracker, on_frames
        self._boxes = np.full((count, 4), np.nan)
        self._scores, self._seconds = np.full(count, np.nan), np.full(count, np.nan)

    def watch(self, images: Iterable[ByteImage]) -> Iterator[tuple[int, ByteImage]]:
        """Give the run's frames, each with its place.

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

    def begin(self, image: ByteImage, box: FloatArray) -> None:
        """Tell the tracker the target."""
        start = time.perf_counter()
        self._tracker.init(image, box.copy())
        self._note(box, time.perf_counter() - start)

    def follow(self, image: ByteImage) -> FloatArray:
        """Ask the tracker where the target is: its box (4,).

        Raises:
            InputError: what it answers isn't four finite numbers.
        """
        start = time.perf_counter()
        answer = self._tracker.update(image)
        elapsed = time.perf_counter() - start
        box = _checked(answer)
        self._note(box, elapsed)
        return box

    def track(self, error: Exception | None = None) -> RunRecord:
        """All that was said, and the error that ended it."""
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
    """The first of the true boxes (F, 4).

    Raises:
        DatasetError: there is none.
    """
    annotated = np.flatnonzero(~np.isnan(truth).any(axis=1))
    if not annotated.size:
        raise DatasetError("expected a box to begin with, got none in any frame")
    return int(annotated[0])


def starts_from(expected: FloatArray, track: RunRecord) -> bool:
    """Whether a track has the `expected` boxes (F, 4) wherever it begins.

    It begins in the first frame for which there is one, and where a box follows upon none.
    """
    boxed = ~is_absent(track.boxes)
    begun = boxed & ~np.concatenate([[False], boxed[:-1]])
    begun[np.argmax(~is_absent(expected))] = True
    return np.allclose(track.boxes[begun], expected[begun], rtol=0, atol=1e-6)


@cache
def _machine() -> Mapping[str, Any]:
    return machine()


def _checked(value: ArrayLike) -> FloatArray:
    box = np.asarray(value, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise InputError(f"expected a box of 4 finite numbers from the tracker, got {value!r}")
    return box
