"""Benchmarks' rules: which frames count and how scores are averaged."""

from collections.abc import Iterable
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.boxes import is_absent
from siamfc.errors import InputError
from siamfc.evaluation.scoring import metrics
from siamfc.evaluation.scoring.measures import (
    AUC,
    AVERAGE_OVERLAP,
    CENTER_ERROR,
    NORMALIZED_AUC,
    NORMALIZED_PRECISION,
    PRECISION,
    SUCCESS_RATE_50,
    SUCCESS_RATE_75,
    TRAPEZOID_AUC,
    Comparison,
    Measure,
)

Scores = dict[str, float]
"""Score by the name of its measure; NaN where no frame counts."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A benchmark's rules of scoring.

    Frames without a ground-truth box are never compared; see `absent`.
    """

    name: str
    measures: tuple[Measure, ...]
    """Measures that the benchmark reports."""
    first_frame: bool = True
    """Count the first frame, in which the tracker is given the ground truth."""
    absent: Literal["skipped", "missed"] = "skipped"
    """Treatment of frames without a ground-truth box: skipped, or counted as misses."""
    clipped: bool = False
    """Clip both boxes to the frame, as `metrics.clip_like_got10k` does."""
    held: bool = False
    """Replace an invalid predicted box by the last valid one."""
    pooled: bool = False
    """Compute the overall score over all frames; otherwise average the sequences' scores."""

    def compare(
        self,
        predicted: FloatArray,
        truth: FloatArray,
        size: tuple[float, float] | None = None,
    ) -> Comparison:
        """Compare a track (F, 4) with the ground truth (F, 4).

        Args:
            predicted: NaN where there is no box. In the first frame with a ground-truth box, that
                box is used, as every toolkit does, whatever the tracker wrote there.
            truth: NaN where the target is absent or not annotated.
            size: width and height of the frames, required by `clipped`.

        Raises:
            InputError: the lengths differ, or a required size is missing.
        """
        if predicted.shape != truth.shape:
            raise InputError(
                f"expected boxes of the ground truth's shape, {truth.shape}, got {predicted.shape}"
            )
        predicted = predicted.copy()
        first = int(np.argmax(~is_absent(truth)))
        predicted[first : first + 1] = truth[first : first + 1]
        if self.held:
            predicted = metrics.hold_last(predicted)
        if self.clipped:
            if size is None:
                raise InputError(f"expected the frames' size for the protocol {self.name}")
            predicted = metrics.clip_like_got10k(predicted, size)
            truth = metrics.clip_like_got10k(truth, size)
        counted = ~is_absent(truth)
        frame_count = len(truth) if self.absent == "missed" else int(counted.sum())
        if not self.first_frame and counted.any():
            counted[first] = False
            frame_count -= 1
        predicted, truth = predicted[counted], truth[counted]
        return Comparison(
            overlaps=metrics.overlap(predicted, truth),
            errors=metrics.center_error(predicted, truth),
            normalized_errors=metrics.normalized_center_error(predicted, truth),
            offsets=metrics.center_offset(predicted, truth),
            frame_count=frame_count,
        )

    def score(self, comparison: Comparison) -> Scores:
        """Score one sequence."""
        return {measure.name: measure.compute(comparison) for measure in self.measures}

    def summarize(self, comparisons: Iterable[Comparison]) -> Scores:
        """Score a data set: the mean over its sequences, or over all frames if `pooled`.

        Sequences in which no frame counts are left out.
        """
        counting = [comparison for comparison in comparisons if len(comparison)]
        if not counting:
            return {measure.name: float("nan") for measure in self.measures}
        if self.pooled:
            return self.score(pool(counting))
        scores = [self.score(comparison) for comparison in counting]
        return {
            measure.name: float(np.mean([score[measure.name] for score in scores]))
            for measure in self.measures
        }


def pool(comparisons: AbstractSequence[Comparison]) -> Comparison:
    """Join the frames of several comparisons, as if they were of one track."""
    return Comparison(
        overlaps=np.concatenate([one.overlaps for one in comparisons]),
        errors=np.concatenate([one.errors for one in comparisons]),
        normalized_errors=np.concatenate([one.normalized_errors for one in comparisons]),
        offsets=np.concatenate([one.offsets for one in comparisons]),
        frame_count=sum(one.frame_count for one in comparisons),
    )


OTB = Protocol(
    name="otb",
    measures=(AUC, PRECISION, CENTER_ERROR, NORMALIZED_PRECISION),
)
"""The OTB toolkit's rules: every annotated frame counts, the first too; mean over sequences.

Deviation: there, frames whose ground-truth box has a coordinate of 0 or below are misses; here they
count like all others, and frames without a target do not count at all.
"""

GOT10K = Protocol(
    name="got10k",
    measures=(AVERAGE_OVERLAP, SUCCESS_RATE_50, SUCCESS_RATE_75),
    first_frame=False,
    clipped=True,
    pooled=True,
)
"""The GOT-10k toolkit's rules (`ExperimentGOT10k.report`): no first frame, clipped, pooled."""

LASOT = Protocol(
    name="lasot",
    measures=(AUC, PRECISION, NORMALIZED_PRECISION),
    absent="missed",
    held=True,
)
"""The LaSOT toolkit's rules: fractions of all frames, though none without a target can be hit."""

TRACKINGNET = Protocol(
    name="trackingnet",
    measures=(TRAPEZOID_AUC, PRECISION, NORMALIZED_AUC),
)
"""TrackingNet's rules, with two deviations: boxes are not rounded to whole pixels, and precision is
taken at 20 pixels, as in its paper, where its kit integrates the curve.
"""

PROTOCOLS = {one.name: one for one in (OTB, GOT10K, LASOT, TRACKINGNET)}
