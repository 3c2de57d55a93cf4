"""The plots of the study, by matplotlib; torch is not needed."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.light_study.results import (
    PROCEDURAL,
    REAL,
    Effect,
    Reliability,
    Result,
    chance,
    compared_pairs,
    curve,
    effects,
    kinds_of,
    parts_of,
    reliability,
    trainings,
)
from benchmarks.light_study.table import table
from benchmarks.light_study.variants import BASE

from siamfc.charts.colors import css, series_color
from siamfc.files import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 160
_COLORS = {PROCEDURAL: css(series_color(1)), REAL: css(series_color(0))}
_MARKS = {PROCEDURAL: "o", REAL: "s"}


def save_report(
    results: Sequence[Result],
    out: Path,
    bases: Mapping[str, str] | None = None,
    repeats: Sequence[Result] | None = None,
) -> list[Path]:
    """Write what can be made of the results: plots as PNG, and a table; their paths.

    Args:
        results: of a study.
        out: folder of the files.
        bases: of the variants that are compared with another one than `BASE`.
        repeats: in which seeds of `BASE` show how large chance is; None: in the results themselves.
    """
    pairs = compared_pairs(results)
    contents = {"study.md": table(results, bases, repeats).encode()}
    if any(result.variant == BASE for result in trainings(results)):
        contents["pairs.png"] = _png(draw_pairs(results))
        contents["reliability.png"] = _png(draw_reliability(*pooled_frames(results)))
    if pairs is not None:
        panels = {"ingredients": kinds_of(results), "kinds": parts_of(results)}
        for name, kinds in panels.items():
            figure = draw_ingredients(results, pairs, kinds, bases, repeats)
            contents[f"{name}.png"] = _png(figure)
    for name, content in contents.items():
        write_file(out / name, content, overwrite=True)
    return [out / name for name in contents]


def draw_pairs(results: Sequence[Result]) -> "Figure":
    """AUC against pairs: a dot for each seed, a line through the means, a band over all seeds.

    The band ends where there is but one seed.
    """
    figure, (axes,) = _figure(5.2, 3.6)
    for kind in kinds_of(results):
        points = curve(results, kind)
        if not points:
            continue
        color, millions = _COLORS[kind], np.array(list(points)) / 1e6
        values = [list(seeds.values()) for seeds in points.values()]
        axes.plot(millions, [np.mean(v) for v in values], color=color, linewidth=1.6)
        repeated = [len(seeds) > 1 for seeds in values]
        ends = [[end(seeds) for seeds in values] for end in (min, max)]
        axes.fill_between(millions, *ends, where=repeated, color=color, alpha=0.18, lw=0)
        for place, seeds in zip(millions, values, strict=True):
            axes.plot([place] * len(seeds), seeds, _MARKS[kind], color=color, markersize=3.5)
        axes.plot([], [], _MARKS[kind], ls="-", color=color, markersize=3.5, label=kind)
    axes.set_xscale("log")
    ticks = sorted({pairs / 1e6 for kind in kinds_of(results) for pairs in curve(results, kind)})
    axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="pairs, millions", ylabel="AUC")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def draw_ingredients(
    results: Sequence[Result],
    pairs: int,
    kinds: Sequence[str],
    bases: Mapping[str, str] | None = None,
    repeats: Sequence[Result] | None = None,
) -> "Figure":
    """Each variant less its base: mean, interval over the videos, and a tick for each seed.

    A panel for each kind of videos, in the order of the effect on all procedural ones. The mark
    is filled where interval and at least two seeds are all on one side of 0. Two seeds of the base
    are no further apart than the grey band is to either side. `bases` and `repeats` are those of
    `save_report`.
    """
    found = {kind: effects(results, pairs, kind, bases) for kind in kinds}
    ranking = effects(results, pairs, PROCEDURAL, bases)[::-1]
    order = [one.variant for one in ranking]
    titles = [f"{one.title} less {one.base}" if bases else one.title for one in ranking]
    width = 3.4 if len(kinds) < 3 else 2.2
    figure, panels = _figure(2.6 + width * len(kinds), 1.3 + 0.27 * len(order), len(kinds))
    for axes, kind in zip(panels, kinds, strict=True):
        apart = chance(repeats or results, pairs, kind)
        if apart is not None:
            axes.axvspan(-apart, apart, color="0.9", linewidth=0)
        axes.axvline(0, color="0.35", linewidth=0.9)
        for one in found[kind]:
            if one.variant in order:
                _draw_effect(axes, one, order.index(one.variant), kind)
        axes.set_yticks(range(len(order)), titles)
        axes.set_ylim(-0.7, len(order) - 0.3)
        axes.locator_params(axis="x", nbins=5 if len(kinds) < 3 else 3)
        axes.set_xlabel("difference in AUC" if bases else f"AUC less that of {BASE!r}")
        axes.set_title(kind, fontsize=9)
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    if len(kinds) > 2:
        ends = [end for axes in panels for end in axes.get_xlim()]
        for axes in panels:
            axes.set_xlim(min(ends), max(ends))
    known = any(chance(repeats or results, pairs, kind) is not None for kind in kinds)
    grey = "; grey: how far apart two seeds of the same recipe were" if known else ""
    figure.suptitle(f"{pairs / 1e6:.3g} million pairs{grey}", fontsize=9)
    return figure


def _draw_effect(axes: "Axes", effect: Effect, row: int, kind: str) -> None:
    color, change = _COLORS.get(kind, _COLORS[PROCEDURAL]), effect.difference
    axes.plot([change.low, change.high], [row, row], color=color, linewidth=2.4, alpha=0.55)
    axes.plot(list(effect.seeds.values()), [row] * len(effect.seeds), "|", color="0.15", ms=7)
    filled = color if effect.is_certain else "white"
    axes.plot(
        change.mean,
        row,
        _MARKS.get(kind, _MARKS[PROCEDURAL]),
        color=color,
        markerfacecolor=filled,
        markersize=6,
    )


def pooled_frames(results: Sequence[Result]) -> tuple[np.ndarray, np.ndarray]:
    """Scores and IoU of the base's longest training, all seeds together."""
    base = [result for result in trainings(results) if result.variant == BASE]
    longest = max(result.pairs for result in base)
    frames = [result.frames() for result in base if result.pairs == longest]
    scores, overlaps = (np.concatenate(parts) for parts in zip(*frames, strict=True))
    return scores, overlaps


def draw_reliability(scores: np.ndarray, overlaps: np.ndarray) -> "Figure":
    """Plot the fraction of frames with IoU above a half, and the mean IoU, by score.

    Args:
        scores: what the tracker said of each frame, in [0, 1].
        overlaps: IoU of its box with the truth, of the same frames.
    """
    found = reliability(scores, overlaps)
    figure, (axes, below) = _figure(4.2, 4.8, rows=2, heights=(4, 1))
    _draw_truth(axes, found)
    below.bar(found.tenth + 0.05, 100 * found.share, width=0.085, color="0.55")
    for one in (axes, below):
        one.set_xlim(0, 1)
    axes.tick_params(labelbottom=False)
    below.set(xlabel="score", ylabel="frames, %")
    return figure


def _draw_truth(axes: "Axes", found: Reliability) -> None:
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.9, linestyle="--")
    label = f"share with IoU > 0.5 [error {found.error:.3f}]"
    axes.plot(found.score, found.right, "o-", color=_COLORS[PROCEDURAL], label=label)
    axes.plot(found.score, found.iou, "s:", color=_COLORS[REAL], label="mean IoU")
    axes.set(ylabel="of the frames with this score", ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def _figure(
    width: float, height: float, columns: int = 1, *, rows: int = 1, heights: Sequence[float] = (1,)
) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    panels = list(grid.ravel())
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, panels


def _png(figure: "Figure") -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()
