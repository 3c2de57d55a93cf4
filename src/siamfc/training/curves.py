"""A run's curves: loss and scores by epoch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from siamfc.charts.chart import Chart, stack, ticks

Record = Mapping[str, Any]

_WIDTH, _HEIGHT = 520.0, 220.0
_NOT_SCORES = {"kind", "epoch", "step", "training_loss", "validation_loss", "best"}
LOSSES = ("training", "validation")
"""The series of `loss_chart`."""


def draw_curves(log: Iterable[Record], title: str) -> str:
    """Draw the losses by epoch, and every other score below them; return SVG text.

    Args:
        log: the lines of a run's log; only those of kind "epoch" are drawn.
        title: the heading.
    """
    epochs = [record for record in log if record["kind"] == "epoch"]
    if not epochs:
        return stack([(Chart("No epoch has ended yet", (0, 1), (0, 1), width=_WIDTH), ())], title)
    best = best_epoch(epochs)
    legend = (LOSSES[0], f"{LOSSES[1]}; best: epoch {best['epoch']}")
    charts: list[tuple[Chart, Sequence[str]]] = [(loss_chart(epochs, width=_WIDTH), legend)]
    for name in [name for name in epochs[-1] if name not in _NOT_SCORES]:
        words = name.replace("_", " ")
        charts.append((score_chart(epochs, name, words, words, width=_WIDTH), ()))
    return stack(charts, title)


def loss_chart(epochs: Sequence[Record], *, width: float = 360) -> Chart:
    """Chart training and validation loss by epoch, and mark the best (thesis, figures 11, 14)."""
    numbers = [record["epoch"] for record in epochs]
    series = [[record[name] for record in epochs] for name in ("training_loss", "validation_loss")]
    values = [value for one in series for value in one if math.isfinite(value)] or [0.0]
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or 0.1
    limits = (low - margin, high + margin)
    chart = Chart(
        "Training and validation loss by epoch", _span(numbers), limits, width=width, height=_HEIGHT
    )
    chart.y_axis(ticks(*limits), "loss")
    chart.x_axis(_whole(ticks(numbers[0], numbers[-1])), "epoch")
    for index, one in enumerate(series):
        chart.line(numbers, one, index)
    best = best_epoch(epochs)
    chart.dot(best["epoch"], best["validation_loss"], 1, f"best: epoch {best['epoch']}")
    return chart


def score_chart(
    epochs: Sequence[Record], name: str, title: str, unit: str, *, width: float = 360
) -> Chart:
    """Chart a score measured after each epoch; epochs without it are gaps."""
    numbers = [record["epoch"] for record in epochs]
    values = [float(record.get(name, "nan")) for record in epochs]
    top = max((value for value in values if value == value), default=0.0) * 1.05 or 1.0
    chart = Chart(title, _span(numbers), (0, top), width=width, height=_HEIGHT)
    chart.y_axis(ticks(0, top), unit)
    chart.x_axis(_whole(ticks(numbers[0], numbers[-1])), "epoch")
    chart.line(numbers, values, 2)
    return chart


def best_epoch(epochs: Sequence[Record]) -> Record:
    """Return the record of the epoch with the lowest validation loss; NaN is never the lowest."""
    losses = [float(record["validation_loss"]) for record in epochs]
    return epochs[int(np.argmin(np.nan_to_num(losses, nan=math.inf)))]


def _span(numbers: Sequence[int]) -> tuple[int, int]:
    return numbers[0], max(numbers[-1], numbers[0] + 1)


def _whole(marks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    return [(value, text) for value, text in marks if value == int(value)]
