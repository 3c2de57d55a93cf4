"""Writing of a report: a folder with the page, tables and plots."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from siamfc.charts.chart import Chart, stack
from siamfc.errors import InputError
from siamfc.files import staged_folder
from siamfc.report import figures
from siamfc.report.latex import summary_to_latex, to_latex
from siamfc.report.page import render_page
from siamfc.report.page_template import require_jinja
from siamfc.report.study import Study
from siamfc.report.tables import SUMMARY_NAME, list_tables, to_csv

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
    for number, (name, *_, score) in enumerate(figures.CURVES):
        yield name, score, figures.curve_chart(study, number)
    for axis, letter in enumerate("xy"):
        yield f"offset_{letter}", "", figures.offset_chart(study, axis)
    if study.attributes:
        yield "attributes", "", figures.attribute_chart(study, "auc")
