"""All numbers of the plots of the study as Markdown."""

from collections.abc import Mapping, Sequence

import numpy as np
from benchmarks.light_study.results import (
    PROCEDURAL,
    Effect,
    Result,
    chance,
    compared_pairs,
    curve,
    effects,
    kinds_of,
    parts_of,
    trainings,
)


def table(
    results: Sequence[Result],
    bases: Mapping[str, str] | None = None,
    repeats: Sequence[Result] | None = None,
) -> str:
    """The file `study.md`; the arguments are those of `plots.save_report`."""
    kinds, pairs = kinds_of(results), compared_pairs(results)
    lines = ["# What the light network's accuracy comes from", "", _origin(results)]
    curves = {kind: curve(results, kind) for kind in kinds}
    lines += ["", "## Pairs", "", "AUC, mean over seeds (least to greatest).", ""]
    lines += _rows(["million pairs", "seeds", *kinds])
    for count in sorted({count for one in curves.values() for count in one}):
        points = [curves[kind].get(count, {}) for kind in kinds]
        cells = [_spread(list(seeds.values())) for seeds in points]
        lines.append(_row([f"{count / 1e6:.3g}", max(map(len, points)), *cells]))
    if pairs is not None:
        lines += ["", f"## Ingredients, {pairs / 1e6:.3g} million pairs"]
        for kind in kinds:
            apart = chance(repeats or results, pairs, kind)
            lines += ["", *_effect_rows(effects(results, pairs, kind, bases), kind, apart)]
        lines += ["", *_part_rows(results, pairs, bases)]
    return "\n".join(lines) + "\n"


def _origin(results: Sequence[Result]) -> str:
    facts = [result.facts for result in trainings(results)]
    videos = facts[0]["videos"]
    known = {
        name: ", ".join(sorted({str(one[name]) for one in facts}))
        for name in ("device", "torch", "commit")
    }
    seconds = sum(one["seconds"] for one in facts)
    return (
        f"{len(facts)} trainings, {seconds / 60:.3g} minutes without compilation, on "
        f"{known['device']} with PyTorch {known['torch']}; commit {known['commit']}. "
        f"{videos['videos']} procedural videos of each kind, {videos['frames']} frames each."
    )


def _effect_rows(found: Sequence[Effect], kind: str, apart: float | None) -> list[str]:
    title = (
        f"Difference from the base in AUC on {kind}, with the interval that holds 95 % of its "
        "bootstrap means over the videos; then that of each seed."
    )
    if apart is not None:
        title += f" Two seeds of the same recipe are {apart:.3f} apart at most."
    head = ["variant", "", "base", "AUC", "difference", "interval", "seeds", "better : worse"]
    rows = [title, "", *_rows(head)]
    for one in found:
        change = one.difference
        cells = [
            f"`{one.variant}`",
            one.title,
            f"`{one.base}`",
            f"{one.auc:.3f}",
            f"{change.mean:+.3f}",
            f"{change.low:+.3f} … {change.high:+.3f}",
            ", ".join(f"{value:+.3f}" for value in one.seeds.values()),
            f"{change.greater} : {change.smaller} of {change.count}",
        ]
        rows.append(_row(cells))
    return rows


def _part_rows(results: Sequence[Result], pairs: int, bases: Mapping[str, str] | None) -> list[str]:
    parts = parts_of(results)
    tables = [{one.variant: one for one in effects(results, pairs, part, bases)} for part in parts]
    title = "Difference on each kind of procedural videos; bold where interval and seeds agree."
    rows = [title, "", *_rows(["variant", *parts])]
    for one in effects(results, pairs, PROCEDURAL, bases):
        found = [table[one.variant] for table in tables]
        marks = ["**" if effect.is_certain else "" for effect in found]
        cells = [
            f"{mark}{effect.difference.mean:+.3f}{mark}"
            for mark, effect in zip(marks, found, strict=True)
        ]
        rows.append(_row([f"`{one.variant}`", *cells]))
    return rows


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.3f} ({min(values):.3f} … {max(values):.3f})"


def _rows(head: Sequence[str]) -> list[str]:
    return [_row(head), "|" + "---|" * len(head)]


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
