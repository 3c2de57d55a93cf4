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
    """One tracker on one sequence of F frames; where it was run several times, all of that."""

    boxes: FloatArray
    """(F, 4) of the first run, as it said them; NaN in frames that it didn't get to."""
    comparison: Comparison
    """By OTB's rules."""
    scores: Scores
    """All of `MEASURES`."""
    overlaps: FloatArray
    """(F,) intersection over union, mean over the runs; NaN where there is no true box."""
    errors: FloatArray
    """(F,) centre error in pixels; NaN without a true box, infinite without a predicted one."""
    offsets: FloatArray
    """(N, 2) predicted less true centre in pixels, of all frames after the first of a run."""
    following_offsets: FloatArray
    """(N, 2) the same where the boxes overlap: a lost target says nothing of a bias."""
    seconds: FloatArray
    """(N,) of each call of the tracker whose time is known."""
    following_seconds: FloatArray
    """(N,) the same without the first of each run."""
    missing: int
    """Frames with a true box but none of the tracker's: misses."""

    @property
    def frames_per_second(self) -> float:
        """Of the tracker alone; NaN where no times are known."""
        return tracking_rate(self.seconds)


def score_sequence(tracked: Tracked) -> SequenceResult:
    """Set the tracks of a sequence beside the truth."""
    comparison = tracked.compare(OTB)
    count = len(tracked.sequence)
    shape = (len(tracked.runs), count)
    boxes, truths = np.full((*shape, 4), np.nan), np.full((*shape, 4), np.nan)
    missing, seconds, following_seconds = 0, [], []
    following = [(np.zeros((0, 2)), np.zeros(0))]
    for row, (run, track) in enumerate(zip(tracked.runs, tracked.tracks, strict=True)):
        truth = run.truth(track)
        first = int(np.argmax(~is_absent(truth)))
        said = track.boxes.copy()
        said[first] = truth[first]
        missing += int((is_absent(said) & ~is_absent(truth)).sum())
        boxes[row, run.frames], truths[row, run.frames] = said, truth
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
    """One result in place of those of several repetitions."""
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
class Entry:
    """One tracker in the report."""

    name: str
    index: int
    """Place in the report, which decides about its colour."""
    results: Mapping[str, SequenceResult]
    """By the name of the sequence, for those that every tracker has."""
    benchmark: Scores
    """By the rules of the data set's own benchmark, or of the protocol."""
    sources: tuple[TrackerResults, ...]
    """What it was read from: one, or all of a series."""
    repetitions: tuple["Entry", ...] = ()
    """Each run of a series on its own; empty where there is only one."""

    @property
    def record(self) -> Mapping[str, Any]:
        """Of its run, the first of a series; as far as the files say."""
        return self.sources[0].record

    @cached_property
    def scores(self) -> Scores:
        """Means over the sequences."""
        return self.mean_over(list(self.results))

    @cached_property
    def deviation(self) -> Scores:
        """Sample standard deviation of the scores over repetitions; empty where there are none."""
        return _deviation([one.scores for one in self.repetitions])

    @cached_property
    def benchmark_deviation(self) -> Scores:
        """Likewise of the benchmark's."""
        return _deviation([one.benchmark for one in self.repetitions])

    def mean_over(self, names: AbstractSequence[str]) -> Scores:
        """Means of all scores over some of the sequences; NaN if there are none."""
        if not names:
            return {measure.name: float("nan") for measure in MEASURES}
        return mean_scores([self.results[name].scores for name in names])

    def values(self, measure: str) -> FloatArray:
        """(S,) a score on each sequence, in order."""
        return np.array([one.scores[measure] for one in self.results.values()])

    def curve(self, compute: Callable[[Comparison], FloatArray]) -> FloatArray:
        """Mean over the sequences of a curve (T,), as in the OTB toolkit."""
        curves = [compute(one.comparison) for one in self.results.values()]
        return np.asarray(np.mean(curves, axis=0))

    @property
    def missing(self) -> int:
        """Frames with a true box but none of the tracker's: misses."""
        return sum(one.missing for one in self.results.values())

    @cached_property
    def offsets(self) -> FloatArray:
        """(N, 2) see `SequenceResult`."""
        return np.concatenate([one.offsets for one in self.results.values()])

    @cached_property
    def following_offsets(self) -> FloatArray:
        """(N, 2) see `SequenceResult`."""
        return np.concatenate([one.following_offsets for one in self.results.values()])

    @cached_property
    def milliseconds(self) -> FloatArray:
        """(N,) spent on each frame after the first of its run."""
        return 1000 * np.concatenate([one.following_seconds for one in self.results.values()])

    @property
    def frames_per_second(self) -> float:
        """Of the tracker alone, as `siamfc evaluate` gives it; NaN where no times are known."""
        return tracking_rate(*(one.seconds for one in self.results.values()))


def mean_entry(name: str, repetitions: AbstractSequence[Entry]) -> Entry:
    """One entry in place of those of several repetitions, which it keeps."""
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
    """The mean of each score."""
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def _deviation(scores: AbstractSequence[Scores]) -> Scores:
    if len(scores) < 2:
        return {}
    with np.errstate(invalid="ignore"):  # an infinite error has none
        return {name: float(np.std([one[name] for one in scores], ddof=1)) for name in scores[0]}


def _mean_known(rows: AbstractSequence[FloatArray]) -> FloatArray:
    """(F,) the mean over rows of what isn't NaN; NaN where all are."""
    table = np.stack(rows)
    known = ~np.isnan(table)
    total = np.where(known, table, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(table.shape[1], np.nan), where=count > 0))
