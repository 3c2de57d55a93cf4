"""Runs a tracker over sequences, in this process or spread over workers."""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.data.sequences import FloatArray, Sequence
from siamfc.errors import DatasetError, InputError
from siamfc.system import machine
from siamfc.workers import Workers


class SingleTargetTracker(Protocol):
    """What a tracker must offer to be evaluated; `siamfc.tracking.Tracker` does.

    If it has a `score`, that is recorded after each frame.
    """

    def init(self, image: NDArray[np.uint8], box: FloatArray) -> object:
        """Take the target: a frame (H, W, 3) uint8 RGB and its box x, y, w, h there."""
        ...

    def update(self, image: NDArray[np.uint8]) -> ArrayLike:
        """Find the target in the next frame: its box x, y, w, h."""
        ...


TrackerFactory = Callable[[], SingleTargetTracker]
"""Makes a tracker; to be sent to workers it must be possible to pickle it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """What a tracker said of one sequence of F frames."""

    sequence: str
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
        called = self.seconds[~np.isnan(self.seconds)]
        return len(called) / float(called.sum()) if called.sum() else float("nan")


def run_sequence(
    tracker: SingleTargetTracker,
    sequence: Sequence,
    *,
    on_frames: Callable[[int], None] | None = None,
) -> Track:
    """Track a sequence once from its first true box to its end (one-pass evaluation, OPE).

    Whatever goes wrong on the way, in the tracker or in reading a frame, ends up in the track's
    `failure`; a box that isn't four finite numbers is a failure too.

    Args:
        tracker: is given the first true box.
        sequence: what to track.
        on_frames: hears of frames that are done, how many at a time.
    """
    count = len(sequence)
    boxes = np.full((count, 4), np.nan)
    scores, seconds = np.full(count, np.nan), np.full(count, np.nan)
    frame = -1
    failure = None
    try:
        first = _first_frame(sequence)
        for frame, image in enumerate(sequence.images()):
            if frame < first:
                continue
            if frame >= count:
                break
            start = time.perf_counter()
            if frame == first:
                tracker.init(image, sequence.boxes[first].copy())
                box = sequence.boxes[first]
            else:
                box = _checked(tracker.update(image))
            seconds[frame] = time.perf_counter() - start
            boxes[frame] = box
            scores[frame] = getattr(tracker, "score", np.nan)
            if on_frames is not None:
                on_frames(1)
        else:
            if frame + 1 < count:
                raise DatasetError(f"expected {count} frames, got {frame + 1}")
    except Exception as error:  # a foreign tracker may raise anything, and the rest must go on
        failure = f"frame {max(frame, 0)}: {type(error).__name__}: {error}"
    return Track(
        sequence=sequence.name,
        boxes=boxes,
        scores=scores,
        seconds=seconds,
        failure=failure,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=_machine(),
    )


def run_sequences(
    factory: TrackerFactory,
    sequences: Iterable[Sequence],
    *,
    workers: Workers | None = None,
    on_frames: Callable[[int], None] | None = None,
) -> Iterator[Track]:
    """Track sequences and give their tracks as they are done: with workers, in any order.

    Args:
        factory: makes a tracker; called once in each process that takes part.
        sequences: what to track; consumed as workers get free.
        workers: who tracks, opened; None: this process.
        on_frames: hears of frames that are done, how many at a time.

    Raises:
        WorkerError: a worker was killed.
        Exception: what `factory` raises.
    """
    if workers is None:
        tracker = factory()
        for sequence in sequences:
            yield run_sequence(tracker, sequence, on_frames=on_frames)
        return
    for track in workers.map_unordered(partial(_run_there, pickle.dumps(factory)), sequences):
        if on_frames is not None:
            on_frames(len(track.boxes))
        yield track


def _run_there(pickled: bytes, sequence: Sequence) -> Track:
    """Run in a worker, whose tracker is made once and kept."""
    return run_sequence(_tracker(pickled), sequence)


@lru_cache(maxsize=1)
def _tracker(pickled: bytes) -> SingleTargetTracker:
    factory: TrackerFactory = pickle.loads(pickled)
    return factory()


@cache
def _machine() -> Mapping[str, Any]:
    return machine()


def _first_frame(sequence: Sequence) -> int:
    annotated = np.flatnonzero(sequence.annotated)
    if not annotated.size:
        raise DatasetError("expected a box to begin with, got none in any frame")
    return int(annotated[0])


def _checked(value: ArrayLike) -> FloatArray:
    box = np.asarray(value, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise InputError(f"expected a box of 4 finite numbers from the tracker, got {value!r}")
    return box
