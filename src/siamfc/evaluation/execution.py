"""Execution of runs, in this process or spread over workers."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

from siamfc.datasets.sequences import Sequence
from siamfc.evaluation.runs import OnFrames, Run, RunRecord, SingleTargetTracker, one_pass
from siamfc.workers import Workers

TrackerFactory = Callable[[], SingleTargetTracker]
"""Function that makes a tracker; it must be picklable to be sent to workers."""


def run_sequence(
    tracker: SingleTargetTracker,
    sequence: Sequence,
    *,
    on_frames: OnFrames | None = None,
) -> RunRecord:
    """Track a sequence once from its first ground-truth box to its end (one-pass evaluation, OPE).

    Any error in the tracker or in reading a frame is recorded as the track's `failure`, and so is a
    box that is not four finite numbers.

    Args:
        tracker: initialised with the first ground-truth box.
        sequence: the sequence to track.
        on_frames: called with the number of frames finished since the last call.
    """
    return one_pass(sequence).perform(tracker, on_frames)


def perform_runs(
    factory: TrackerFactory,
    runs: Iterable[Run],
    *,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> Iterator[RunRecord]:
    """Perform runs and yield their tracks as they finish: with workers, in any order.

    Args:
        factory: makes a tracker; called once in each process that takes part.
        runs: the runs to perform; taken as workers become free.
        workers: the workers that track, already open; None: this process.
        on_frames: called with the number of frames finished since the last call.

    Raises:
        WorkerError: a worker was killed.
        Exception: any error that `factory` raises.
    """
    if workers is None:
        tracker = factory()
        for run in runs:
            yield run.perform(tracker, on_frames)
        return
    for track in workers.map_unordered(partial(_perform_there, pickle.dumps(factory)), runs):
        if on_frames is not None:
            on_frames(len(track.boxes))
        yield track


def run_sequences(
    factory: TrackerFactory,
    sequences: Iterable[Sequence],
    *,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> Iterator[RunRecord]:
    """Track each sequence once, as `run_sequence` does, with the arguments of `perform_runs`."""
    yield from perform_runs(factory, map(one_pass, sequences), workers=workers, on_frames=on_frames)


def _perform_there(pickled: bytes, run: Run) -> RunRecord:
    """Perform a run in a worker, whose tracker is made once and kept."""
    return run.perform(_tracker(pickled))


@lru_cache(maxsize=1)
def _tracker(pickled: bytes) -> SingleTargetTracker:
    factory: TrackerFactory = pickle.loads(pickled)
    return factory()
