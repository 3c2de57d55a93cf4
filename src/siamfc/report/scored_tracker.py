"""One tracker in the report: its results on each sequence, and their means."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.boxes import is_absent
from siamfc.evaluation.formats import TrackerResults
from siamfc.evaluation.runs import tracking_rate
from siamfc.evaluation.scoring import metrics
from siamfc.evaluation.scoring.measures import MEASURES, Comparison
from siamfc.evaluation.scoring.protocols import OTB, Scores, pool
from siamfc.evaluation.scoring.schemes import Tracked


@dataclass(frozen=True, kw_only=True, eq=False)
class SequenceResult:
    """One tracker's result on one sequence of F frames, over all of its runs."""

    boxes: FloatArray
    """(F, 4) boxes of the first run, unchanged; NaN in frames that it did not reach."""
    comparison: Comparison
    """Comparison by OTB's rules."""
    scores: Scores
    """All of `MEASURES`."""
    overlaps: FloatArray
    """(F,) intersection over union, mean over the runs; NaN without a ground-truth box."""
    errors: FloatArray
    """(F,) centre error in pixels; NaN without a ground-truth box, infinite without a predicted
    one.
    """
    offsets: FloatArray
    """(N, 2) predicted minus ground-truth centre in pixels, in all frames after the first of a run.
    """
    following_offsets: FloatArray
    """(N, 2) the same where the boxes overlap; elsewhere the target is lost, which shows no bias.
    """
    seconds: FloatArray
    """(N,) time of each call of the tracker, where known."""
    following_seconds: FloatArray
    """(N,) the same without the first call of each run."""
    missing: int
    """Misses: frames with a ground-truth box but no predicted one."""

    @property
    def frames_per_second(self) -> float:
        """Speed of the tracker alone; NaN if no times are known."""
        return tracking_rate(self.seconds)


def score_sequence(tracked: Tracked) -> SequenceResult:
    """Compare the tracks of a sequence with the ground truth."""
    comparison = tracked.compare(OTB)
    count = len(tracked.sequence)
    shape = (len(tracked.runs), count)
    boxes, truths = np.full((*shape, 4), np.nan), np.full((*shape, 4), np.nan)
    missing, seconds, following_seconds = 0, [], []
    following = [(np.zeros((0, 2)), np.zeros(0))]
    for row, (run, track) in enumerate(zip(tracked.runs, tracked.tracks, strict=True)):
        truth = run.truth(track)
        first = int(np.argmax(~is_absent(truth)))
        predicted = track.boxes.copy()
        predicted[first] = truth[first]
        missing += int((is_absent(predicted) & ~is_absent(truth)).sum())
        boxes[row, run.frames], truths[row, run.frames] = predicted, truth
        if (~is_absent(truth)).sum() > 1:
            counted = OTB.compare(track.boxes, truth)
            following.append((counted.offsets[1:], counted.overlaps[1:]))
        known = track.seconds[~np.isnan(track.seconds)]
        seconds.append(known)
        following_seconds.append(known[1:])
    offsets = np.concatenate([one for one, _ in following])
    held = np.concatenate([one for _, one in following]) > 0
    boxes[0, tracked.runs[0].frames] = tracked.tracks[0].boxes
    return SequenceResult(
        boxes=boxes[0],
        comparison=comparison,
        scores={measure.name: measure.compute(comparison) for measure in MEASURES},
        overlaps=_mean_known([metrics.overlap(*pair) for pair in zip(boxes, truths, strict=True)]),
        errors=_mean_known(
            [metrics.center_error(*pair) for pair in zip(boxes, truths, strict=True)]
        ),
        offsets=offsets[np.isfinite(offsets).all(axis=1)],
        following_offsets=offsets[held],
        seconds=np.concatenate(seconds),
        following_seconds=np.concatenate(following_seconds),
        missing=missing,
    )


def mean_result(results: AbstractSequence[SequenceResult]) -> SequenceResult:
    """Average the results of several repetitions."""
    return SequenceResult(
        boxes=results[0].boxes,
        comparison=pool([one.comparison for one in results]),
        scores=mean_scores([one.scores for one in results]),
        overlaps=_mean_known([one.overlaps for one in results]),
        errors=_mean_known([one.errors for one in results]),
        offsets=np.concatenate([one.offsets for one in results]),
        following_offsets=np.concatenate([one.following_offsets for one in results]),
        seconds=np.concatenate([one.seconds for one in results]),
        following_seconds=np.concatenate([one.following_seconds for one in results]),
        missing=sum(one.missing for one in results),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredTracker:
    """One tracker in the report."""

    name: str
    index: int
    """Position in the report, which determines its colour."""
    results: Mapping[str, SequenceResult]
    """Results by sequence name, for the sequences that every tracker has."""
    benchmark: Scores
    """Scores by the rules of the data set's own benchmark, or of the protocol."""
    sources: tuple[TrackerResults, ...]
    """Results that it was read from: one, or all of a series."""
    repetitions: tuple["ScoredTracker", ...] = ()
    """Each run of a series separately; empty if there is only one."""

    @property
    def record(self) -> Mapping[str, Any]:
        """Record of its run, or of the first of a series; as complete as the files are."""
        return self.sources[0].record

    @cached_property
    def scores(self) -> Scores:
        """Means over the sequences."""
        return self.mean_over(list(self.results))

    @cached_property
    def deviation(self) -> Scores:
        """Sample standard deviation of the scores over repetitions; empty if there are none."""
        return _deviation([one.scores for one in self.repetitions])

    @cached_property
    def benchmark_deviation(self) -> Scores:
        """The same for the benchmark's scores."""
        return _deviation([one.benchmark for one in self.repetitions])

    def mean_over(self, names: AbstractSequence[str]) -> Scores:
        """Return the means of all scores over some of the sequences; NaN for none."""
        if not names:
            return {measure.name: float("nan") for measure in MEASURES}
        return mean_scores([self.results[name].scores for name in names])

    def values(self, measure: str) -> FloatArray:
        """Return a score on each sequence, in order: (S,)."""
        return np.array([one.scores[measure] for one in self.results.values()])

    def curve(self, compute: Callable[[Comparison], FloatArray]) -> FloatArray:
        """Return the mean over the sequences of a curve (T,), as in the OTB toolkit."""
        curves = [compute(one.comparison) for one in self.results.values()]
        return np.asarray(np.mean(curves, axis=0))

    @property
    def missing(self) -> int:
        """Misses: frames with a ground-truth box but no predicted one."""
        return sum(one.missing for one in self.results.values())

    @cached_property
    def offsets(self) -> FloatArray:
        """(N, 2) `SequenceResult.offsets` of all sequences."""
        return np.concatenate([one.offsets for one in self.results.values()])

    @cached_property
    def following_offsets(self) -> FloatArray:
        """(N, 2) `SequenceResult.following_offsets` of all sequences."""
        return np.concatenate([one.following_offsets for one in self.results.values()])

    @cached_property
    def milliseconds(self) -> FloatArray:
        """(N,) time for each frame after the first of its run."""
        return 1000 * np.concatenate([one.following_seconds for one in self.results.values()])

    @property
    def frames_per_second(self) -> float:
        """Speed of the tracker alone, as in `siamfc evaluate`; NaN if no times are known."""
        return tracking_rate(*(one.seconds for one in self.results.values()))


def mean_tracker(name: str, repetitions: AbstractSequence[ScoredTracker]) -> ScoredTracker:
    """Average the entries of several repetitions, and keep them in the result."""
    first = repetitions[0]
    return replace(
        first,
        name=name,
        results={
            sequence: mean_result([one.results[sequence] for one in repetitions])
            for sequence in first.results
        },
        benchmark=mean_scores([one.benchmark for one in repetitions]),
        sources=tuple(source for one in repetitions for source in one.sources),
        repetitions=tuple(repetitions),
    )


def mean_scores(scores: AbstractSequence[Scores]) -> Scores:
    """Return the mean of each score."""
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def _deviation(scores: AbstractSequence[Scores]) -> Scores:
    if len(scores) < 2:
        return {}
    with np.errstate(invalid="ignore"):  # an infinite error has no deviation
        return {name: float(np.std([one[name] for one in scores], ddof=1)) for name in scores[0]}


def _mean_known(rows: AbstractSequence[FloatArray]) -> FloatArray:
    """Return the mean over rows, ignoring NaN: (F,); NaN where all are."""
    table = np.stack(rows)
    known = ~np.isnan(table)
    total = np.where(known, table, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(table.shape[1], np.nan), where=count > 0))
