"""What a report is about: trackers scored on the sequences that all of them have."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from siamfc.boxes import is_absent
from siamfc.data.sequences import BoolArray, FloatArray, Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation import metrics
from siamfc.evaluation.formats import TrackerResults
from siamfc.evaluation.measures import MEASURES, Comparison
from siamfc.evaluation.protocols import OTB, Protocol, Scores
from siamfc.evaluation.runs import Track


@dataclass(frozen=True, kw_only=True, eq=False)
class SequenceResult:
    """One tracker on one sequence of F frames."""

    track: Track
    comparison: Comparison
    """By OTB's rules."""
    scores: Scores
    """All of `MEASURES`."""
    overlaps: FloatArray
    """(F,) intersection over union; NaN where there is no true box."""
    errors: FloatArray
    """(F,) centre error in pixels; NaN without a true box, infinite without a predicted one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One tracker in the report."""

    name: str
    index: int
    """Place in the report, which decides about its colour."""
    results: Mapping[str, SequenceResult]
    """By the name of the sequence, for those that every tracker has."""
    record: Mapping[str, Any]
    """Of its run, as far as the files say."""
    benchmark: Scores
    """By the rules of the data set's own benchmark."""
    missing: int
    """Frames with a true box but none of the tracker's: misses."""

    @cached_property
    def scores(self) -> Scores:
        """Means over the sequences."""
        return self.mean_over(list(self.results))

    def mean_over(self, names: AbstractSequence[str]) -> Scores:
        """Means of all scores over some of the sequences; NaN if there are none."""
        return {
            measure.name: _mean([self.results[name].scores[measure.name] for name in names])
            for measure in MEASURES
        }

    def values(self, measure: str) -> FloatArray:
        """(S,) a score on each sequence, in order."""
        return np.array([one.scores[measure] for one in self.results.values()])

    def curve(self, compute: Callable[[Comparison], FloatArray]) -> FloatArray:
        """Mean over the sequences of a curve (T,), as in the OTB toolkit."""
        curves = [compute(one.comparison) for one in self.results.values()]
        return np.asarray(np.mean(curves, axis=0))

    @cached_property
    def offsets(self) -> FloatArray:
        """(N, 2) predicted less true centre in pixels, of all frames after the first."""
        offsets = np.concatenate([one.comparison.offsets[1:] for one in self.results.values()])
        return np.asarray(offsets[np.isfinite(offsets).all(axis=1)])

    @cached_property
    def following_offsets(self) -> FloatArray:
        """(N, 2) the same where the boxes overlap: a lost target says nothing of a bias."""
        rows = [
            one.comparison.offsets[1:][one.comparison.overlaps[1:] > 0]
            for one in self.results.values()
        ]
        return np.concatenate(rows)

    @cached_property
    def milliseconds(self) -> FloatArray:
        """(N,) spent on each frame after the first of its sequence."""
        seconds = np.concatenate([_after_first(one.track) for one in self.results.values()])
        return np.asarray(seconds[~np.isnan(seconds)] * 1000)

    @property
    def frames_per_second(self) -> float:
        """Of the tracker alone, as `siamfc evaluate` gives it; NaN where no times are known."""
        seconds = np.concatenate([one.track.seconds for one in self.results.values()])
        called = seconds[~np.isnan(seconds)]
        return len(called) / float(called.sum()) if called.sum() else float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """Trackers side by side."""

    entries: tuple[Entry, ...]
    """The first is the one that the others are compared with."""
    sequences: tuple[Sequence, ...]
    """Those that count, in the data set's order."""
    title: str
    """Of the data set."""
    protocol: Protocol
    """The rules of the data set's own benchmark."""
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sequences that don't count, and the trackers that don't have them."""
    problems: tuple[str, ...] = ()
    """A line for each file that was left out or isn't as expected."""

    @property
    def frame_count(self) -> int:
        """Frames of all sequences."""
        return sum(map(len, self.sequences))

    @cached_property
    def worst_first(self) -> tuple[Sequence, ...]:
        """The sequences, those first in which the first tracker does worst."""
        results = self.entries[0].results
        return tuple(sorted(self.sequences, key=lambda one: results[one.name].scores["auc"]))

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attribute → names of the sequences that have it, or that have it in some frame."""
        found: dict[str, list[str]] = {}
        for one in self.sequences:
            tags = [name for name, flags in one.tags.items() if flags.any()]
            for attribute in dict.fromkeys([*one.attributes, *tags]):
                found.setdefault(attribute, []).append(one.name)
        return {name: tuple(found[name]) for name in sorted(found)}


def make_study(
    trackers: AbstractSequence[TrackerResults],
    sequences: AbstractSequence[Sequence],
    *,
    title: str,
    protocol: Protocol = OTB,
) -> Study:
    """Score trackers on the sequences that all of them have, so that means can be compared.

    Args:
        trackers: what they said; the first is the one that the others are compared with.
        sequences: of the data set.
        title: of the data set.
        protocol: rules of the data set's own benchmark.

    Raises:
        DatasetError: no tracker, or no sequence that all of them have.
    """
    lacking = {
        one.name: tuple(each.name for each in trackers if one.name not in each.tracks)
        for one in sequences
    }
    scored = tuple(one for one in sequences if not lacking[one.name] and one.annotated.sum() > 1)
    if not trackers or not scored:
        damaged = next((line for each in trackers for line in each.damaged), "")
        raise DatasetError(
            "expected at least one sequence of which every tracker has results, got none"
            + (f"; the first file left out is {damaged}" if damaged else "")
        )
    entries = tuple(
        _enter(index, name, each, scored, protocol)
        for index, (name, each) in enumerate(zip(_unique(trackers), trackers, strict=True))
    )
    return Study(
        entries=entries,
        sequences=scored,
        title=title,
        protocol=protocol,
        left_out={name: those for name, those in lacking.items() if those},
        problems=tuple(line for each in trackers for line in (*each.damaged, *each.notes)),
    )


def _enter(
    index: int,
    name: str,
    tracker: TrackerResults,
    sequences: tuple[Sequence, ...],
    protocol: Protocol,
) -> Entry:
    results = {one.name: _score(tracker.tracks[one.name], one) for one in sequences}
    rules = [
        protocol.compare(
            results[one.name].track.boxes, one.boxes, _size(one) if protocol.clipped else None
        )
        for one in sequences
    ]
    absent = [_missing(results[one.name].track.boxes, one.annotated) for one in sequences]
    return Entry(
        name=name,
        index=index,
        results=results,
        record=tracker.record,
        benchmark=protocol.summarize(rules),
        missing=sum(absent),
    )


def _score(track: Track, sequence: Sequence) -> SequenceResult:
    comparison = OTB.compare(track.boxes, sequence.boxes)
    boxes = track.boxes.copy()
    first = int(np.argmax(sequence.annotated))
    boxes[first] = sequence.boxes[first]
    return SequenceResult(
        track=track,
        comparison=comparison,
        scores={measure.name: measure.compute(comparison) for measure in MEASURES},
        overlaps=metrics.overlap(boxes, sequence.boxes),
        errors=metrics.center_error(boxes, sequence.boxes),
    )


def _size(sequence: Sequence) -> tuple[int, int]:
    if sequence.size is not None:
        return sequence.size
    height, width, _ = next(sequence.images()).shape
    return width, height


def _missing(boxes: FloatArray, annotated: BoolArray) -> int:
    counted = annotated.copy()
    counted[int(np.argmax(annotated))] = False
    return int((is_absent(boxes) & counted).sum())


def _unique(trackers: AbstractSequence[TrackerResults]) -> list[str]:
    """Names that tell the trackers apart: one that is taken gets the folder above, or a number."""
    names: list[str] = []
    for one in trackers:
        name = one.name
        if name in names:
            name = f"{one.path.absolute().parent.name}/{name}"
        number = 2
        while name in names:
            name, number = f"{one.name} ({number})", number + 1
        names.append(name)
    return names


def _after_first(track: Track) -> FloatArray:
    known = np.flatnonzero(~np.isnan(track.seconds))
    return track.seconds[known[1:]]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
