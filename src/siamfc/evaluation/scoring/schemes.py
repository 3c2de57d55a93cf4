"""Schemes of evaluation: the runs on a sequence, their starts, and any restarts."""

from collections.abc import Callable
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from siamfc.boxes import is_absent
from siamfc.datasets.sequences import Sequence
from siamfc.errors import InputError, suggest
from siamfc.evaluation.runs import Pass, Run, RunRecord, one_pass, tracking_rate
from siamfc.evaluation.scoring.measures import (
    ACCURACY,
    EXPECTED_OVERLAP,
    FAILURES,
    ROBUSTNESS,
    Comparison,
    Score,
)
from siamfc.evaluation.scoring.multistart import (
    MultiStart,
    anchor_result,
    multi_start_runs,
    score_multi_start,
)
from siamfc.evaluation.scoring.protocols import Protocol, Scores, pool
from siamfc.evaluation.scoring.robustness import spatial_runs, temporal_runs
from siamfc.evaluation.scoring.supervised import (
    SupervisedRun,
    Supervision,
    score_supervised,
    supervised_result,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracked:
    """A sequence, the runs over it, and the track of each."""

    sequence: Sequence
    runs: AbstractSequence[Run]
    tracks: AbstractSequence[RunRecord]

    @property
    def frames_per_second(self) -> float:
        """Frames per second spent in the tracker; NaN if it was never called."""
        return tracking_rate(*(track.seconds for track in self.tracks))

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, from the annotation or the first frame."""
        if self.sequence.size is not None:
            return self.sequence.size
        height, width, _ = next(self.sequence.images()).shape
        return width, height

    def compare(self, protocol: Protocol) -> Comparison:
        """Compare all runs with the ground truth by a benchmark's rules, as if they were one."""
        size = self.size if protocol.clipped else None
        comparisons = []
        for run, track in zip(self.runs, self.tracks, strict=True):
            truth = run.truth(track)
            if (~is_absent(truth)).sum() < 2:  # the first frame alone does not test a tracker
                truth = np.full_like(truth, np.nan)
            comparisons.append(protocol.compare(track.boxes, truth, size))
        return pool(comparisons)


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """A scheme to evaluate a tracker on sequences."""

    name: str
    """Name on the command line."""
    title: str
    """Title in a run's record; states all that determines the tracks."""
    runs: Callable[[Sequence], AbstractSequence[Run]] = field(repr=False)
    """Returns the runs on a sequence."""
    benchmark: Callable[[AbstractSequence[Tracked]], Scores] | None = field(
        default=None, repr=False
    )
    """Scores sequences by the scheme's own rules; None: the data set's rules apply."""
    scores: tuple[Score, ...] = ()
    """Scores that `benchmark` returns."""


def supervised(settings: Supervision | None = None) -> Scheme:
    """Return VOT's scheme with restarts after failures."""
    chosen = settings or Supervision()
    return Scheme(
        name="vot-supervised",
        title=f"supervised restarts, {chosen.skipped} frames after a failure",
        runs=lambda sequence: [SupervisedRun(sequence=sequence, settings=chosen)],
        benchmark=partial(_score_supervised, chosen),
        scores=(ACCURACY, FAILURES, ROBUSTNESS, EXPECTED_OVERLAP),
    )


def multi_start(settings: MultiStart | None = None) -> Scheme:
    """Return VOT's scheme with starts from anchors."""
    chosen = settings or MultiStart()
    return Scheme(
        name="vot-multistart",
        title="multi-start",
        runs=partial(multi_start_runs, settings=chosen),
        benchmark=partial(_score_multi_start, chosen),
        scores=(ACCURACY, ROBUSTNESS, EXPECTED_OVERLAP),
    )


def _score_supervised(settings: Supervision, tracked: AbstractSequence[Tracked]) -> Scores:
    if not tracked:
        return dict.fromkeys(("accuracy", "failures", "robustness", "eao"), float("nan"))
    results = [
        supervised_result(run, track, one.size)
        for one in tracked
        for run, track in zip(one.runs, one.tracks, strict=True)
        if isinstance(run, SupervisedRun)
    ]
    return score_supervised(results, settings)


def _score_multi_start(settings: MultiStart, tracked: AbstractSequence[Tracked]) -> Scores:
    if not tracked:
        return dict.fromkeys(("accuracy", "robustness", "eao"), float("nan"))
    results = [
        (
            len(one.sequence),
            [
                anchor_result(run, track, one.size, settings)
                for run, track in zip(one.runs, one.tracks, strict=True)
                if isinstance(run, Pass)
            ],
        )
        for one in tracked
    ]
    return score_multi_start(results, settings)


ONE_PASS = Scheme(name="ope", title="one pass", runs=lambda sequence: [one_pass(sequence)])
"""Each sequence once, from its first box to its end."""
TEMPORAL = Scheme(name="tre", title="temporal robustness", runs=temporal_runs)
"""Starts in 20 frames of each sequence, each to its end."""
SPATIAL = Scheme(name="sre", title="spatial robustness", runs=spatial_runs)
"""Starts from 12 wrong initial boxes."""

SCHEMES = {
    scheme.name: scheme for scheme in (ONE_PASS, TEMPORAL, SPATIAL, supervised(), multi_start())
}
"""Every scheme by its name."""


def find_scheme(name: str) -> Scheme:
    """Return a scheme by its name.

    Raises:
        InputError: no scheme has this name.
    """
    if name not in SCHEMES:
        raise InputError(f"unknown protocol {name!r}: {suggest(name, SCHEMES)}")
    return SCHEMES[name]
