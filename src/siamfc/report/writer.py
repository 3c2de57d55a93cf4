"""Writing of a report: a folder with the page, the plots, and the tables as CSV and LaTeX."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from siamfc.charts.chart import Chart, stack
from siamfc.errors import InputError
from siamfc.files import staged_folder
from siamfc.report import figures
from siamfc.report.page import render_page
from siamfc.report.page_template import require_jinja
from siamfc.report.study import Study
from siamfc.report.tables import (
    SUMMARY,
    SUMMARY_NAME,
    Table,
    best,
    format_mean,
    list_tables,
    to_csv,
)

PAGE = "index.html"
_CONTENTS = (PAGE, "*.csv", "*.tex", "*.svg", "export")
"""Patterns of the names in a report's folder, with `siamfc report --export`'s."""
_LEGEND_LENGTH = 48
"""Most characters of a tracker's name in a plot's legend."""


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Contents of a report."""

    snapshots: int = 6
    """Frames of a film strip; 0: no film strips."""
    strips: int = 50
    """Number of sequences, worst first, that get a film strip."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        for name in ("snapshots", "strips", "seed"):
            if getattr(self, name) < 0:
                raise InputError(f"{name}: expected 0 or more, got {getattr(self, name)}")


def write_report(
    study: Study,
    out: str | Path,
    settings: ReportSettings | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write a folder: a self-contained `index.html`, and CSV, LaTeX and SVG files.

    Args:
        study: the compared trackers.
        out: the folder; it appears complete or not at all.
        settings: contents of the report.
        overwrite: replace an earlier report; nothing else is ever replaced.

    Returns:
        The page's path.

    Raises:
        MissingDependencyError: jinja2 is not installed.
        OutputError: `out` may not be replaced, or cannot be written.
    """
    require_jinja()
    settings = settings or ReportSettings()
    out = Path(out)
    with staged_folder(out, contents=_CONTENTS, overwrite=overwrite) as folder:
        page = render_page(
            study, snapshots=settings.snapshots, strips=settings.strips, seed=settings.seed
        )
        (folder / PAGE).write_text(page, encoding="utf-8")
        for table in list_tables(study, settings.seed):
            text = to_csv(table)
            (folder / f"{table.name}.csv").write_text(text, encoding="utf-8", newline="")
            text = summary_to_latex(study) if table.name == SUMMARY_NAME else to_latex(table)
            (folder / f"{table.name}.tex").write_text(text, encoding="utf-8")
        _save_plots(study, folder)
    return out / PAGE


def _save_plots(study: Study, folder: Path) -> None:
    """Write a study's plots to a folder, each with its legend on white."""
    names = [figures.shorten(entry.name, _LEGEND_LENGTH) for entry in study.entries]
    for name, score, chart in _plots(study):
        legend = [
            f"{each} [{entry.scores[score]:.3f}]" if score else each
            for each, entry in zip(names, study.entries, strict=True)
        ]
        (folder / f"{name}.svg").write_text(stack([(chart, legend)]), encoding="utf-8")


def _plots(study: Study) -> Iterator[tuple[str, str, Chart]]:
    """Yield each chart with its file name and the score that its legend shows, if any."""
    for curve in figures.CURVES:
        yield curve.name, curve.score, figures.curve_chart(study, curve)
    for axis, letter in enumerate("xy"):
        yield f"offset_{letter}", "", figures.offset_chart(study, axis)
    if study.attributes:
        yield "attributes", "", figures.attribute_chart(study)


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
