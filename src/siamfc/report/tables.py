"""The report's tables: as rows, as CSV and as LaTeX."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from siamfc.evaluation.measures import (
    AUC,
    CENTER_ERROR,
    NORMALIZED_PRECISION,
    PRECISION,
    SUCCESS_RATE_50,
    SUCCESS_RATE_75,
    Measure,
)
from siamfc.report.statistics import Difference, paired_difference
from siamfc.report.study import Entry, Study

SUMMARY = (
    AUC,
    PRECISION,
    NORMALIZED_PRECISION,
    SUCCESS_RATE_50,
    SUCCESS_RATE_75,
    CENTER_ERROR,
)
"""Scores of the table that comes first."""
EACH_SEQUENCE = (AUC, PRECISION, NORMALIZED_PRECISION, CENTER_ERROR)
"""Scores that the table of sequences can show."""
SUMMARY_NAME = "summary"
"""Of the table that comes first."""
COMPARED = (AUC, PRECISION)
"""Scores whose differences are given with an interval."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Titles and rows of text and numbers."""

    name: str
    """Of the file, without ending."""
    header: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]


def format_score(value: float, measure: Measure) -> str:
    """A score as the page and the LaTeX table show it.

    >>> format_score(0.51234, AUC), format_score(12.345, CENTER_ERROR)
    ('0.512', '12.3')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    sign = "+" if measure.better == "zero" else ""
    text = f"{value:{sign}.1f}" if measure.unit else f"{value:{sign}.3f}"
    return text.replace("-", "−")


def best(entries: Iterable[Entry], measure: Measure) -> set[int]:
    """Places of the trackers that have the best score, all of them on a tie."""
    scores = {entry.index: entry.scores[measure.name] for entry in entries}
    keys = {
        index: value if measure.better == "higher" else -abs(value)
        for index, value in scores.items()
        if not math.isnan(value)
    }
    top = max(keys.values(), default=0.0)
    return {index for index, key in keys.items() if key == top} if len(scores) > 1 else set()


def differences(study: Study, measure: str, seed: int) -> list[tuple[Entry, Difference]]:
    """The first tracker's score less each other's, over the same sequences."""
    first, *others = study.entries
    return [
        (one, paired_difference(first.values(measure), one.values(measure), seed=seed))
        for one in others
    ]


def list_tables(study: Study, seed: int) -> tuple[Table, ...]:
    """All tables that go into files."""
    return (
        _summary(study),
        _sequences(study),
        *([_differences(study, seed)] if len(study.entries) > 1 else []),
        *([_attributes(study)] if study.attributes else []),
    )


def _summary(study: Study) -> Table:
    return Table(
        name=SUMMARY_NAME,
        header=("tracker", *(one.name for one in SUMMARY), "fps"),
        rows=tuple(
            (
                entry.name,
                *(entry.scores[one.name] for one in SUMMARY),
                entry.frames_per_second,
            )
            for entry in study.entries
        ),
    )


def _sequences(study: Study) -> Table:
    return Table(
        name="sequences",
        header=("sequence", "frames", "tracker", *(one.name for one in EACH_SEQUENCE), "fps"),
        rows=tuple(
            (
                sequence.name,
                len(sequence),
                entry.name,
                *(result.scores[one.name] for one in EACH_SEQUENCE),
                result.track.frames_per_second,
            )
            for sequence in study.sequences
            for entry in study.entries
            for result in [entry.results[sequence.name]]
        ),
    )


def _differences(study: Study, seed: int) -> Table:
    first = study.entries[0].name
    columns = ("mean", "low", "high", "greater", "smaller", "count")
    return Table(
        name="differences",
        header=("score", "of", "less", *columns),
        rows=tuple(
            (measure.name, first, entry.name, *(getattr(one, column) for column in columns))
            for measure in COMPARED
            for entry, one in differences(study, measure.name, seed)
        ),
    )


def _attributes(study: Study) -> Table:
    return Table(
        name="attributes",
        header=("attribute", "sequences", "tracker", *(one.name for one in EACH_SEQUENCE)),
        rows=tuple(
            (name, len(those), entry.name, *(scores[one.name] for one in EACH_SEQUENCE))
            for name, those in study.attributes.items()
            for entry in study.entries
            for scores in [entry.mean_over(those)]
        ),
    )


def to_csv(table: Table) -> str:
    """The table with a header; numbers in full, an empty field where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([_csv_cell(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def _csv_cell(cell: str | float) -> str | float:
    if isinstance(cell, float):
        return "" if math.isnan(cell) else repr(cell)
    return cell


def summary_to_latex(study: Study) -> str:
    """The summary as a `tabular` with the rules of the package booktabs; the best in bold."""
    bests = {one.name: best(study.entries, one) for one in SUMMARY}
    titles = [f"{one.title} ({one.unit})" if one.unit else one.title for one in SUMMARY]
    rows = []
    for entry in study.entries:
        cells = [latex(entry.name)]
        for one in SUMMARY:
            text = latex(format_score(entry.scores[one.name], one))
            cells.append(rf"\textbf{{{text}}}" if entry.index in bests[one.name] else text)
        rate = entry.frames_per_second
        rows.append([*cells, "--" if math.isnan(rate) else f"{rate:.0f}"])
    comment = f"{len(study.sequences)} sequences, {study.frame_count} frames; rules of OTB"
    return _tabular(comment, ["Tracker", *map(latex, titles), "frames/s"], rows)


def to_latex(table: Table) -> str:
    """The table as a `tabular` with the rules of the package booktabs."""
    rows = [[latex(_latex_cell(cell)) for cell in row] for row in table.rows]
    return _tabular(table.name, [latex(title.replace("_", " ")) for title in table.header], rows)


def _latex_cell(cell: str | float) -> str:
    if not isinstance(cell, float):
        return str(cell)
    if not math.isfinite(cell):
        return "–" if math.isnan(cell) else "∞"
    text = f"{cell:.3f}" if abs(cell) < 10 else f"{cell:.1f}"
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
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def latex(text: str) -> str:
    r"""Text without any sign that LaTeX would take for more than a sign.

    >>> latex("50 % of a_b")
    '50 \\% of a\\_b'
    """
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
