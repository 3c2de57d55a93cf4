"""The plots as PNG, for papers and slides; by matplotlib, which comes with the extra `eval`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from siamfc.errors import MissingDependencyError
from siamfc.report.colors import css, dash_index, series_color
from siamfc.report.entry import Entry
from siamfc.report.figures import CURVES, offset_histogram, offset_limit, shorten
from siamfc.report.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = ("-", "--", ":", "-.", (0, (9, 3)), (0, (4, 1, 1, 1)), (0, (1, 1)))
_DOTS_PER_INCH = 200
_LETTERS = 32
"""Of a name, at most."""


def require_matplotlib() -> None:
    """Say before the work that plots cannot be drawn.

    Raises:
        MissingDependencyError: matplotlib isn't installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "a report needs matplotlib, which isn't installed: pip install 'siamfc[eval]'"
        ) from None


def save_plots(study: Study, folder: Path) -> None:
    """Write the plots of a study into a folder.

    Raises:
        MissingDependencyError: matplotlib isn't installed.
    """
    require_matplotlib()
    for name, figure in _figures(study):
        figure.savefig(folder / f"{name}.png", dpi=_DOTS_PER_INCH, metadata={"Software": None})


def _figures(study: Study) -> Iterator[tuple[str, "Figure"]]:
    for name, title, axis, thresholds, compute, score in CURVES:
        figure, axes = _axes()
        for entry in study.entries:
            label = f"{_plain(entry.name)} [{entry.scores[score]:.3f}]"
            axes.plot(thresholds, entry.curve(compute), label=label, **_style(entry))
        axes.set(xlabel=axis, ylabel="share of frames", title=title, ylim=(0, 1))
        axes.set_xlim(0, float(thresholds[-1]))
        axes.legend(frameon=False, fontsize=8)
        yield name, figure
    limit = offset_limit(study)
    for direction, side in enumerate(("to the right", "down")):
        figure, axes = _axes()
        for entry in study.entries:
            edges, values = offset_histogram(entry, direction, limit)
            axes.stairs(100 * values, edges, label=_plain(entry.name), **_style(entry))
        axes.axvline(0, color="0.6", linewidth=0.8)
        axes.set(xlabel=f"predicted − true centre, pixels {side}", ylabel="frames, %")
        axes.legend(frameon=False, fontsize=8)
        yield f"offset_{'xy'[direction]}", figure
    if study.attributes:
        yield "attributes", _attributes(study)


def _attributes(study: Study) -> "Figure":
    names = list(study.attributes)
    figure, axes = _axes(height=1 + 0.3 * len(names))
    rows = np.arange(len(names))[::-1]
    for entry in study.entries:
        values = [entry.mean_over(study.attributes[name])["auc"] for name in names]
        color = css(series_color(entry.index))
        axes.plot(values, rows, "o", color=color, label=_plain(entry.name), markersize=5)
    axes.set_yticks(rows, [f"{_plain(one)} ({len(study.attributes[one])})" for one in names])
    axes.set(xlabel="AUC", xlim=(0, 1))
    axes.legend(frameon=False, fontsize=8)
    return figure


def _axes(height: float = 3.4) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", linewidth=0.6)
    return figure, axes


def _style(entry: Entry) -> dict[str, Any]:
    return {
        "color": css(series_color(entry.index)),
        "linestyle": _STYLES[dash_index(entry.index)],
        "linewidth": 1.6,
        "zorder": 10 - entry.index,
    }


def _plain(name: str) -> str:
    """A name that fits, and that matplotlib neither takes for a formula nor leaves out."""
    text = "".join(sign if sign.isprintable() else "?" for sign in shorten(name, _LETTERS))
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
