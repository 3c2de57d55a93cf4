"""Charts of the report's page."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.charts.chart import Chart, fraction_ticks, ticks
from siamfc.datasets.sequences import Sequence
from siamfc.evaluation.scoring import metrics
from siamfc.evaluation.scoring.measures import AUC, Comparison, Measure
from siamfc.report.scored_tracker import ScoredTracker
from siamfc.report.statistics import Difference
from siamfc.report.study import Study

_POINTS = 300
"""Most points of a line over time; the chart is too small to show more."""
_ERROR_TICKS = (0, 2, 5, 20, 100, 500)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve over thresholds."""

    name: str
    """Name of its file."""
    title: str
    axis: str
    """Title of the axis of thresholds."""
    thresholds: FloatArray
    """(T,)"""
    compute: Callable[[Comparison], FloatArray]
    """Computes the curve (T,) of a sequence."""
    score: str
    """Name of the score that summarises it."""


CURVES = (
    Curve(
        name="success",
        title="Success",
        axis="overlap threshold",
        thresholds=metrics.SUCCESS_THRESHOLDS,
        compute=lambda one: metrics.success_curve(one.overlaps, frame_count=one.frame_count),
        score="auc",
    ),
    Curve(
        name="precision",
        title="Precision",
        axis="centre error threshold, pixels",
        thresholds=metrics.PRECISION_THRESHOLDS,
        compute=lambda one: metrics.precision_curve(one.errors, frame_count=one.frame_count),
        score="precision",
    ),
    Curve(
        name="normalized_precision",
        title="Normalised precision",
        axis="centre error threshold, sizes of the target",
        thresholds=metrics.NORMALIZED_THRESHOLDS,
        compute=lambda one: metrics.precision_curve(
            one.normalized_errors, metrics.NORMALIZED_THRESHOLDS, frame_count=one.frame_count
        ),
        score="normalized_precision",
    ),
)
"""OTB's success and precision curves, and LaSOT's normalised precision."""


def curve_chart(study: Study, curve: Curve) -> Chart:
    """Chart a curve for all trackers."""
    end = float(curve.thresholds[-1])
    chart = Chart(f"{curve.title} plot", (0.0, end), (0.0, 1.0))
    chart.y_axis(fraction_ticks(), "fraction of frames")
    chart.x_axis(ticks(0.0, end), curve.axis)
    for entry in reversed(study.entries):  # the first on top
        chart.line(curve.thresholds, entry.curve(curve.compute), entry.index)
    return chart


def overlap_chart(study: Study, sequence: Sequence) -> Chart:
    """Chart the intersection over union in each frame."""
    chart = Chart(f"Overlap over time in {sequence.name}", _frames(sequence), (0, 1), height=150)
    chart.y_axis([(0, "0"), (0.5, "0.5"), (1, "1")], "overlap")
    chart.x_axis(ticks(*_frames(sequence)), "frame")
    for entry in reversed(study.entries):
        places, values = _downsample(entry.results[sequence.name].overlaps, np.fmin)
        chart.line(places, values, entry.index)
    return chart


def error_chart(study: Study, sequence: Sequence) -> Chart:
    """Chart the centre error in each frame, on a scale that shows small and large ones."""
    results = [entry.results[sequence.name].errors for entry in study.entries]
    finite = np.concatenate([errors[np.isfinite(errors)] for errors in results])
    top = max(50.0, float(finite.max(initial=0)))
    scale = (0.0, float(np.log1p(top)))
    chart = Chart(
        f"Centre error over time in {sequence.name}", _frames(sequence), scale, height=150
    )
    shown = [value for value in _ERROR_TICKS if value <= top]
    chart.y_axis([(float(np.log1p(value)), str(value)) for value in shown], "error, px")
    chart.x_axis(ticks(*_frames(sequence)), "frame")
    for entry in reversed(study.entries):
        places, values = _downsample(entry.results[sequence.name].errors, np.fmax)
        chart.line(places, np.log1p(values), entry.index)
    return chart


def _frames(sequence: Sequence) -> tuple[float, float]:
    return 0.0, float(max(len(sequence) - 1, 1))


def _downsample(values: FloatArray, worse: np.ufunc) -> tuple[FloatArray, FloatArray]:
    """Return frames and values, keeping the worst of the frames that share a point.

    NaN where all of them are, so that a frame without ground truth hides no other.
    """
    size = -(-len(values) // _POINTS)
    starts = np.arange(0, len(values), size)
    return starts.astype(np.float64), np.asarray(worse.reduceat(values, starts))


def offset_limit(study: Study) -> float:
    """Range of the offset histograms in pixels, ±: 5, 10, 20, 50, 100, … for nearly all offsets.

    The first tracker's offsets count, of which a tenth, in x and y together, may lie beyond.
    """
    offsets = np.abs(study.entries[0].offsets)
    reach = max(float(np.quantile(offsets, 0.9)) if offsets.size else 0.0, 5.0)
    decade = 10.0 ** math.floor(math.log10(reach))
    return next(digit * decade for digit in (1, 2, 5, 10) if digit * decade >= reach)


def offset_histogram(
    entry: ScoredTracker, axis: int, limit: float
) -> tuple[FloatArray, FloatArray]:
    """Edges (B + 1,) in pixels and fractions of frames (B,), without values beyond the limit."""
    edges = np.linspace(-limit, limit, 42)  # an odd number of bins: one is centred on 0
    counts, _ = np.histogram(entry.offsets[:, axis], edges)
    return edges, counts / max(len(entry.offsets), 1)


def offset_chart(study: Study, axis: int) -> Chart:
    """Chart the predicted centre's offset to the right (axis 0) or down (1): thesis, figure 12."""
    limit = offset_limit(study)
    shown = [offset_histogram(entry, axis, limit) for entry in study.entries]
    top = max(float(values.max()) for _, values in shown) * 1.05 or 1.0
    side = ("to the right", "down")[axis]
    chart = Chart(f"Histogram of the offset {side}", (-limit, limit), (0, top), height=200)
    chart.y_axis([(value, f"{100 * value:g} %") for value, _ in ticks(0, top, 4)])
    chart.x_axis(ticks(-limit, limit), f"predicted − ground-truth centre, pixels {side}")
    chart.rule(0)
    for entry, (edges, values) in reversed(list(zip(study.entries, shown, strict=True))):
        chart.line(np.repeat(edges, 2)[1:-1], np.repeat(values, 2), entry.index)
    return chart


def attribute_chart(study: Study) -> Chart:
    """Chart the AUC on the sequences of each attribute."""
    names = list(study.attributes)
    height = 42 + 24 * len(names)
    chart = Chart("AUC by attribute", (0, 1), (-0.5, len(names) - 0.5), height=height, left=165.0)
    rows = [(len(names) - 1 - row, name) for row, name in enumerate(names)]
    counts = {name: len(those) for name, those in study.attributes.items()}
    chart.y_axis([(y, f"{shorten(name, 22)} ({counts[name]})") for y, name in rows])
    chart.x_axis(fraction_ticks(), "AUC")
    for y, name in rows:
        for entry in reversed(study.entries):
            value = entry.mean_over(study.attributes[name])[AUC.name]
            chart.dot(value, y, entry.index, f"{entry.name}, {name}: {value:.3f}")
    return chart


def difference_chart(
    study: Study, measure: Measure, differences: list[tuple[ScoredTracker, Difference]]
) -> Chart:
    """Chart the first tracker's score minus each other's, per sequence, with intervals."""
    first, *others = study.entries
    each = [first.values(measure.name) - one.values(measure.name) for one in others]
    finite = np.concatenate([values[np.isfinite(values)] for values in each])
    reach = float(np.abs(finite).max(initial=0)) * 1.05 or 0.1
    count = len(differences)
    chart = Chart(
        f"Differences in {measure.title}",
        (-reach, reach),
        (-0.7, count - 0.4),
        height=48 + 38 * count,
        left=120.0,
    )
    chart.y_axis([(count - 1 - row, shorten(e.name)) for row, (e, _) in enumerate(differences)])
    chart.x_axis(ticks(-reach, reach, 6), f"difference in {measure.title}")
    chart.rule(0)
    for row, ((entry, one), values) in enumerate(zip(differences, each, strict=True)):
        y = count - 1 - row
        for value, sequence in zip(values, study.sequences, strict=True):
            chart.mark(float(value), y - 0.32, entry.index, f"{sequence.name}: {value:+.3f}")
        if np.isfinite(one.low):
            chart.bar(one.low, one.high, y, entry.index)
        chart.dot(one.mean, y, entry.index, f"{entry.name}: {one.mean:+.3f}")
    return chart


def shorten(name: str, length: int = 18) -> str:
    """Shorten a name to a number of characters."""
    return name if len(name) <= length else f"{name[: length - 1]}…"
