"""Writing of a report: a folder with the page, tables and plots."""

from dataclasses import dataclass
from pathlib import Path

from siamfc.errors import InputError
from siamfc.files import whole_folder
from siamfc.report.latex import summary_to_latex, to_latex
from siamfc.report.page import render_page
from siamfc.report.plots import save_plots
from siamfc.report.study import Study
from siamfc.report.tables import SUMMARY_NAME, list_tables, to_csv
from siamfc.report.templating import require_jinja

PAGE = "index.html"


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


def require_packages() -> None:
    """Check, before any work, that a report can be written.

    Raises:
        MissingDependencyError: jinja2 is not installed.
    """
    require_jinja()


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
    require_packages()
    settings = settings or ReportSettings()
    out = Path(out)
    with whole_folder(out, mark=PAGE, overwrite=overwrite) as folder:
        page = render_page(
            study, snapshots=settings.snapshots, strips=settings.strips, seed=settings.seed
        )
        (folder / PAGE).write_text(page, encoding="utf-8")
        for table in list_tables(study, settings.seed):
            text = to_csv(table)
            (folder / f"{table.name}.csv").write_text(text, encoding="utf-8", newline="")
            text = summary_to_latex(study) if table.name == SUMMARY_NAME else to_latex(table)
            (folder / f"{table.name}.tex").write_text(text, encoding="utf-8")
        save_plots(study, folder)
    return out / PAGE
