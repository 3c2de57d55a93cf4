"""Sets a tracker on runs, in this process or spread over workers."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

from siamfc.datasets.sequences import Sequence
from siamfc.evaluation.runs import OnFrames, Run, RunRecord, SingleTargetTracker, one_pass
from siamfc.workers import Workers

TrackerFactory = Callable[[], SingleTargetTracker]
"""Makes a tracker; to be sent to workers it must be possible to pickle it."""


def run_sequence(
    tracker: SingleTargetTracker,
    sequence: Sequence,
    *,
    on_frames: OnFrames | None = None,
) -> RunRecord:
    """Track a sequence once from its first true box to its end (one-pass evaluation, OPE).

    Whatever goes wrong on the way, in the tracker or in reading a frame, ends up in the track's
    `failure`; a box that isn't four finite numbers is a failure too.

    Args:
        tracker: is given the first true box.
        sequence: what to track.
        on_frames: called with the number of frames done since the last call.
    """
    return one_pass(sequence).perform(tracker, on_frames)


def perform_runs(
    factory: TrackerFactory,
    runs: Iterable[Run],
    *,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> Iterator[RunRecord]:
    """Perform runs and give their tracks as they are done: with workers, in any order.

    Args:
        factory: makes a tracker; called once in each process that takes part.
        runs: what to track; consumed as workers get free.
        workers: who tracks, opened; None: this process.
        on_frames: called with the number of frames done since the last call.

    Raises:
        WorkerError: a worker was killed.
        Exception: what `factory` raises.
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
    """Track sequences once each, as `run_sequence`; see `perform_runs` for the rest."""
    yield from perform_runs(factory, map(one_pass, sequences), workers=workers, on_frames=on_frames)


def _perform_there(pickled: bytes, run: Run) -> RunRecord:
    """Perform in a worker, whose tracker is made once and kept."""
    return run.perform(_tracker(pickled))


@lru_cache(maxsize=1)
def _tracker(pickled: bytes) -> SingleTargetTracker:
    factory: TrackerFactory = pickle.loads(pickled)
    return factory()
