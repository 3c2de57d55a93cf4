"""LaTeX versions of the report's tables."""

import math
from collections.abc import Iterable, Sequence

from siamfc.report.study import Study
from siamfc.report.tables import SUMMARY, Table, best, format_mean


def summary_to_latex(study: Study) -> str:
    """Format the summary as a `tabular` with booktabs rules, the best scores in bold."""
    bests = {one.name: best(study.entries, one) for one in SUMMARY}
    titles = [f"{one.title} ({one.unit})" if one.unit else one.title for one in SUMMARY]
    rows = []
    for entry in study.entries:
        cells = [latex(entry.name)]
        for one in SUMMARY:
            text = latex(format_mean(entry.scores, entry.deviation, one))
            cells.append(rf"\textbf{{{text}}}" if entry.index in bests[one.name] else text)
        rate = entry.frames_per_second
        rows.append([*cells, "--" if math.isnan(rate) else f"{rate:.0f}"])
    comment = f"{len(study.sequences)} sequences, {study.frame_count} frames; rules of OTB"
    return _tabular(comment, ["Tracker", *map(latex, titles), "frames/s"], rows)


def to_latex(table: Table) -> str:
    """Format a table as a `tabular` with booktabs rules."""
    rows = [[latex(_latex_cell(cell)) for cell in row] for row in table.rows]
    return _tabular(table.name, [latex(title.replace("_", " ")) for title in table.header], rows)


def _latex_cell(cell: str | float) -> str:
    if not isinstance(cell, float):
        return str(cell)
    if not math.isfinite(cell):
        return "–" if math.isnan(cell) else "∞"
    text = f"{cell:z.3f}" if abs(cell) < 10 else f"{cell:z.1f}"
    return text.replace("-", "−")


def _tabular(comment: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [
        f"% {comment}",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        _latex_row(header),
        r"\midrule",
        *map(_latex_row, rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join([*lines, ""])


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "∞": r"$\infty$",
    "−": "$-$",
    "–": "--",
    "±": r"$\pm$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def latex(text: str) -> str:
    r"""Escape the characters that are special in LaTeX.

    >>> latex("50 % of a_b")
    '50 \\% of a\\_b'
    """
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
