"""Charts shared by the experiments' pages."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from siamfc.charts.chart import Chart, ticks
from siamfc.experiments.loss_forms import score_curves
from siamfc.experiments.pages import Figure, Figures, Strip
from siamfc.report import Study, figures
from siamfc.report.strips import film_strip
from siamfc.training.curves import LOSSES, best_epoch, loss_chart, score_chart

_SHOTS = 6
_SCORE_REACH = 8.0
"""Range of scores in figure 10, ±."""
_FAR_SCORES = (-120.0, 120.0)


def loss_figure(epochs: Sequence[Mapping[str, Any]]) -> Figure:
    """Chart training and validation loss by epoch, the best epoch marked: figures 11 and 14."""
    best = best_epoch(epochs)["epoch"]
    return Figure(
        caption=f"Loss by epoch; the best is epoch {best}",
        svg=loss_chart(epochs).render(),
        legend=LOSSES,
    )


def score_figure(epochs: Sequence[Mapping[str, Any]], name: str, title: str, unit: str) -> Figure:
    """Chart a score measured after each epoch."""
    return Figure(caption=title, svg=score_chart(epochs, name, title, unit).render())


def loss_form_charts() -> Figures:
    """Chart the loss over the score, as figure 10, and where the form as written overflows."""
    near = np.linspace(-_SCORE_REACH, _SCORE_REACH, 81)
    curves = score_curves(near)
    names = ("logistic, y = −1", "logistic, y = +1", "BCE, y = 0", "BCE, y = 1")
    chart = Chart("Loss over the score", (-_SCORE_REACH, _SCORE_REACH), (0, _SCORE_REACH))
    chart.y_axis(ticks(0, _SCORE_REACH), "loss")
    chart.x_axis(ticks(-_SCORE_REACH, _SCORE_REACH), "score")
    for index, name in enumerate(names):
        chart.line(near, curves[name], index)
    wide = np.linspace(*_FAR_SCORES, 121)
    far = score_curves(wide)
    overflow = Chart("Where the written form overflows", _FAR_SCORES, (0, 130))
    overflow.y_axis(ticks(0, 130), "loss")
    overflow.x_axis(ticks(*_FAR_SCORES), "score")
    written = [value if math.isfinite(value) else math.nan for value in far[_WRITTEN]]
    overflow.line(wide, far["logistic, y = +1"], 0)
    overflow.line(wide, written, 1)
    return Figures(
        charts=(
            Figure(
                caption="The four losses of figure 10, which are only two curves",
                svg=chart.render(),
                legend=names,
            ),
            Figure(
                caption="Logistic loss in single precision, y = +1",
                svg=overflow.render(),
                legend=("as softplus", "as written: infinite below −88"),
            ),
        ),
        note="On labels 0 and 1, the cross-entropy of the score’s sigmoid is the logistic loss: "
        "the thesis’s two functions are the same, computed in two ways. It saw an effect of the "
        "order of operations, not of the function.",
    )


_WRITTEN = "logistic as written, y = +1"


def offset_charts(study: Study) -> Figures:
    """Chart histograms of the signed offsets: figure 12."""
    legend = [entry.name for entry in study.entries]
    return Figures(
        charts=tuple(
            Figure(
                caption=f"{side} offset of the predicted centre",
                svg=figures.offset_chart(study, axis).render(),
                legend=legend,
            )
            for axis, side in enumerate(("Horizontal", "Vertical"))
        ),
        note="Positive values are to the right and down; all frames after the first. The thesis’s "
        "figure 12 shows horizontal offsets below 0.",
    )


def strips(study: Study) -> list[Strip]:
    """Return a film strip of each video whose frames are available: figures 13 and 15 to 17."""
    legend = [entry.name for entry in study.entries]
    return [
        Strip(caption=f"Snapshots: {one.name}", shots=shots, legend=legend)
        for one in study.sequences
        if (shots := film_strip(study, one, _SHOTS))
    ]


def error_charts(study: Study) -> Figures:
    """Chart the centre error over time in each video."""
    legend = [entry.name for entry in study.entries]
    return Figures(
        charts=tuple(
            Figure(caption=one.name, svg=figures.error_chart(study, one).render(), legend=legend)
            for one in study.sequences
        )
    )
