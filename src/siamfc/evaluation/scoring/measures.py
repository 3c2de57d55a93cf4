"""Scores of a sequence, each with its range, direction and source."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.evaluation.scoring import metrics

Direction = Literal["higher", "lower", "zero"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A track compared with the ground truth in the N frames that count."""

    overlaps: FloatArray
    """(N,) intersection over union."""
    errors: FloatArray
    """(N,) distance of the centres, pixels."""
    normalized_errors: FloatArray
    """(N,) distance of the centres, in widths and heights of the ground-truth box."""
    offsets: FloatArray
    """(N, 2) predicted minus ground-truth centre, pixels to the right and down."""
    frame_count: int
    """Denominator of fractions: N, or all frames if absent frames count as misses."""

    def __len__(self) -> int:
        return len(self.overlaps)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Name, range and meaning of a score."""

    name: str
    """Name in result files and JSON."""
    title: str
    """Title in tables and plots."""
    unit: str = ""
    """Empty for a fraction of 1."""
    low: float = 0.0
    high: float = 1.0
    better: Direction = "higher"
    source: str
    """Publication or toolkit, and the convention followed."""


@dataclass(frozen=True, kw_only=True)
class Measure(Score):
    """A score computed from a comparison."""

    compute: Callable[[Comparison], float] = field(repr=False)
    """Computes the score; NaN if no frame counts."""


def _auc(comparison: Comparison) -> float:
    curve = metrics.success_curve(comparison.overlaps, frame_count=comparison.frame_count)
    return metrics.area_under_curve(curve)


def _trapezoid_auc(comparison: Comparison) -> float:
    curve = metrics.success_curve(comparison.overlaps, frame_count=comparison.frame_count)
    return metrics.trapezoid_area(curve)


def _precision(comparison: Comparison) -> float:
    return metrics.precision_at(comparison.errors, 20.0, frame_count=comparison.frame_count)


def _normalized_auc(comparison: Comparison) -> float:
    curve = metrics.precision_curve(
        comparison.normalized_errors, np.linspace(0, 0.5, 21), frame_count=comparison.frame_count
    )
    return metrics.trapezoid_area(curve)


def _normalized_precision(comparison: Comparison) -> float:
    return metrics.precision_at(
        comparison.normalized_errors, 0.2, frame_count=comparison.frame_count
    )


AUC = Measure(
    name="auc",
    title="AUC",
    source="OTB (Wu et al., TPAMI 2015): mean fraction of frames with IoU > t, t = 0, 0.05, … 1",
    compute=_auc,
)
TRAPEZOID_AUC = Measure(
    name="auc",
    title="AUC",
    source="TrackingNet's kit: as OTB's, integrated by the trapezoid rule",
    compute=_trapezoid_auc,
)
PRECISION = Measure(
    name="precision",
    title="Precision",
    source="OTB (Wu et al., TPAMI 2015): fraction of frames with a centre error up to 20 pixels",
    compute=_precision,
)
NORMALIZED_PRECISION = Measure(
    name="normalized_precision",
    title="Norm. precision",
    source="LaSOT's toolkit: fraction of frames with a normalised centre error of at most 0.2",
    compute=_normalized_precision,
)
NORMALIZED_AUC = Measure(
    name="normalized_auc",
    title="Norm. precision AUC",
    source="TrackingNet (Müller et al., ECCV 2018): area under normalised precision, 0 to 0.5",
    compute=_normalized_auc,
)
CENTER_ERROR = Measure(
    name="center_error",
    title="Centre error",
    unit="px",
    high=float("inf"),
    better="lower",
    source="thesis, equation 6: mean distance of the centres",
    compute=lambda comparison: metrics.mean(comparison.errors),
)
OFFSET_X = Measure(
    name="offset_x",
    title="Offset x",
    unit="px",
    low=float("-inf"),
    high=float("inf"),
    better="zero",
    source="thesis, figure 12: mean of predicted minus ground-truth centre, to the right",
    compute=lambda comparison: metrics.mean(comparison.offsets[:, 0]),
)
OFFSET_Y = Measure(
    name="offset_y",
    title="Offset y",
    unit="px",
    low=float("-inf"),
    high=float("inf"),
    better="zero",
    source="thesis, figure 12: mean of predicted minus ground-truth centre, down",
    compute=lambda comparison: metrics.mean(comparison.offsets[:, 1]),
)
AVERAGE_OVERLAP = Measure(
    name="ao",
    title="AO",
    source="GOT-10k (Huang et al., TPAMI 2021): mean IoU",
    compute=lambda comparison: metrics.average_overlap(comparison.overlaps),
)
SUCCESS_RATE_50 = Measure(
    name="sr50",
    title="SR0.5",
    source="GOT-10k (Huang et al., TPAMI 2021): fraction of frames with IoU > 0.5",
    compute=lambda comparison: metrics.success_rate(comparison.overlaps, 0.5),
)
SUCCESS_RATE_75 = Measure(
    name="sr75",
    title="SR0.75",
    source="GOT-10k (Huang et al., TPAMI 2021): fraction of frames with IoU > 0.75",
    compute=lambda comparison: metrics.success_rate(comparison.overlaps, 0.75),
)

MEASURES = (
    AUC,
    PRECISION,
    CENTER_ERROR,
    NORMALIZED_PRECISION,
    NORMALIZED_AUC,
    AVERAGE_OVERLAP,
    SUCCESS_RATE_50,
    SUCCESS_RATE_75,
    OFFSET_X,
    OFFSET_Y,
)
"""Every measure, in the order of tables."""

ACCURACY = Score(
    name="accuracy",
    title="Accuracy",
    source="VOT (Kristan et al., ICCVW 2015): mean IoU in whole pixels while tracking",
)
FAILURES = Score(
    name="failures",
    title="Failures",
    high=float("inf"),
    better="lower",
    source="VOT (Kristan et al., ICCVW 2015): failures per sequence, weighted by length",
)
ROBUSTNESS = Score(
    name="robustness",
    title="Robustness",
    source="VOT: supervised, exp(−30 · failures / frames); multi-start, frames before the failure",
)
EXPECTED_OVERLAP = Score(
    name="eao",
    title="EAO",
    source="VOT (Kristan et al., ICCVW 2015; ECCVW 2020): expected average overlap",
)
