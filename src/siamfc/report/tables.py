"""The report's tables, as rows and as CSV."""

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass

from siamfc.evaluation.scoring.measures import (
    AUC,
    CENTER_ERROR,
    NORMALIZED_PRECISION,
    PRECISION,
    SUCCESS_RATE_50,
    SUCCESS_RATE_75,
    Measure,
    Score,
)
from siamfc.evaluation.scoring.protocols import Scores
from siamfc.report.page_template import signed
from siamfc.report.scored_tracker import ScoredTracker
from siamfc.report.statistics import Difference, paired_difference
from siamfc.report.study import Study

SUMMARY = (
    AUC,
    PRECISION,
    NORMALIZED_PRECISION,
    SUCCESS_RATE_50,
    SUCCESS_RATE_75,
    CENTER_ERROR,
)
"""Scores of the summary table."""
EACH_SEQUENCE = (AUC, PRECISION, NORMALIZED_PRECISION, CENTER_ERROR)
"""Scores in the table of sequences."""
SUMMARY_NAME = "summary"
"""File name of the summary table, without suffix."""
COMPARED = (AUC, PRECISION)
"""Scores whose differences are given with an interval."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Header and rows of text and numbers."""

    name: str
    """File name, without suffix."""
    header: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]


def format_score(value: float, measure: Score) -> str:
    """Format a score as the page and the LaTeX table show it.

    >>> format_score(0.51234, AUC), format_score(12.345, CENTER_ERROR)
    ('0.512', '12.3')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    digits = 1 if measure.unit else 3
    if measure.better == "zero":
        return signed(value, digits)
    return f"{value:z.{digits}f}".replace("-", "−")


def format_mean(scores: Scores, deviation: Scores, measure: Score) -> str:
    """Format a score with its deviation, if there are repetitions.

    >>> format_mean({"auc": 0.5}, {"auc": 0.0123}, AUC)
    '0.500 ± 0.012'
    """
    text = format_score(scores[measure.name], measure)
    if measure.name not in deviation:
        return text
    return f"{text} ± {format_score(deviation[measure.name], measure).lstrip('+')}"


def format_rate(value: float) -> str:
    """Format frames per second; – if no times are known.

    >>> format_rate(87.26), format_rate(1234.0), format_rate(math.nan)
    ('87.3', '1,234', '–')
    """
    return "–" if math.isnan(value) else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def best(entries: Iterable[ScoredTracker], measure: Measure) -> set[int]:
    """Return the indices of the trackers with the best score, several on a tie."""
    scores = {entry.index: entry.scores[measure.name] for entry in entries}
    keys = {
        index: value if measure.better == "higher" else -abs(value)
        for index, value in scores.items()
        if not math.isnan(value)
    }
    top = max(keys.values(), default=0.0)
    return {index for index, key in keys.items() if key == top} if len(scores) > 1 else set()


def differences(study: Study, measure: str, seed: int) -> list[tuple[ScoredTracker, Difference]]:
    """Return the first tracker's score minus each other's, over the same sequences."""
    first, *others = study.entries
    return [
        (one, paired_difference(first.values(measure), one.values(measure), seed=seed))
        for one in others
    ]


def list_tables(study: Study, seed: int) -> tuple[Table, ...]:
    """Return all tables that are written as files."""
    return (
        _summary(study),
        _sequences(study),
        *([_benchmark(study)] if study.benchmark else []),
        *([_repetitions(study)] if study.repeated else []),
        *([_differences(study, seed)] if len(study.entries) > 1 else []),
        *([_attributes(study)] if study.attributes else []),
    )


def _summary(study: Study) -> Table:
    names = [one.name for one in SUMMARY]
    spread = names if study.repeated else []
    return Table(
        name=SUMMARY_NAME,
        header=("tracker", *names, "fps", *(f"{name}_deviation" for name in spread)),
        rows=tuple(
            (
                entry.name,
                *(entry.scores[name] for name in names),
                entry.frames_per_second,
                *(entry.deviation.get(name, math.nan) for name in spread),
            )
            for entry in study.entries
        ),
    )


def _benchmark(study: Study) -> Table:
    """Return the scores by other rules than OTB's."""
    _, scores = study.benchmark or ("", ())
    names = [one.name for one in scores]
    spread = names if study.repeated else []
    return Table(
        name="benchmark",
        header=("tracker", *names, *(f"{name}_deviation" for name in spread)),
        rows=tuple(
            (
                entry.name,
                *(entry.benchmark[name] for name in names),
                *(entry.benchmark_deviation.get(name, math.nan) for name in spread),
            )
            for entry in study.entries
        ),
    )


def _repetitions(study: Study) -> Table:
    """List each run of the trackers that were run several times."""
    names = [one.name for one in SUMMARY]
    return Table(
        name="repetitions",
        header=("tracker", "run", *names, "fps"),
        rows=tuple(
            (
                entry.name,
                run_name(run),
                *(run.scores[name] for name in names),
                run.frames_per_second,
            )
            for entry in study.entries
            for run in entry.repetitions
        ),
    )


def run_name(run: ScoredTracker) -> str:
    """Return a run's name within its series, such as `repetition_2`."""
    source = run.sources[0]
    prefix = f"{source.series.name}/" if source.series else ""
    return source.name.removeprefix(prefix)


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
                result.frames_per_second,
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
        header=("score", "of", "minus", *columns),
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
    """Format a table with a header, numbers in full precision; missing values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([_csv_cell(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def _csv_cell(cell: str | float) -> str | float:
    if isinstance(cell, float):
        return "" if math.isnan(cell) else repr(cell)
    return cell
