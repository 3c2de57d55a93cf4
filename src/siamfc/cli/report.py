"""`siamfc report`."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from siamfc.cli.console import counted, one_line, print_error, print_json, print_table
from siamfc.cli.parameters import Flag, Json, Out, Whole
from siamfc.cli.usage import UsageError

if TYPE_CHECKING:
    from siamfc.evaluation.formats import TrackerResults
    from siamfc.report import ScoredTracker, Study
    from siamfc.report.study import CollectedResults


_EXPORT = "export"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The data set, for its ground truth and pictures."""

    data: Path | None = None
    """Folder of the data set; by default the one that the results name."""
    format: str | None = None
    """The data set's layout, such as otb; by default the one that the results name."""
    split: str | None = None
    """The data set's split; by default the one that the results name."""
    results_format: str | None = None
    """Format of results that are not from `siamfc evaluate`, such as got10k; by default recognised,
    and files with one box per line are then taken as 1-based, like OTB's.
    """


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """Contents of the report."""

    separate: Flag = False
    """Show each repetition and each checkpoint as a separate tracker, not their mean."""
    snapshots: Whole = 6
    """Pictures in each film strip; 0: no film strips."""
    strips: Whole = 50
    """Number of sequences, worst first, that get a film strip."""
    seed: Whole = 0
    """Seed of the bootstrap intervals."""


_DATA, _SHOWN = DataOptions(), PageOptions()


def report(
    *results: str,
    out: Out,
    dataset: DataOptions = _DATA,
    shown: PageOptions = _SHOWN,
    export: str | None = None,
    overwrite: Flag = False,
    json: Json = False,
) -> int:
    """Show results as a page, tables and plots.

    The page, OUT/index.html, is one file and needs no network. The folder also has the tables as
    CSV and LaTeX and the plots as SVG. Trackers are compared on the sequences that all of them
    have, each with the first. Repetitions of one tracker are shown as one, by their mean and
    deviation. The exit status is 1 if a result file could not be read; the others are in the
    report.

    Parameters
    ----------
    results
        Folders of results: of `siamfc evaluate --out`, or of other trackers in their benchmark's
        format, or a folder of such folders. NAME=FOLDER gives one another name.
    out
        Folder of the report.
    dataset
        The data set.
    shown
        Contents of the report.
    export
        Also write each tracker's boxes in this format, such as got10k, to OUT/export. Nothing else
        is written if only first boxes are known, as in the test splits of servers.
    overwrite
        Replace an earlier report.
    """
    if not results:
        raise UsageError("expected a folder of results, got none")
    from siamfc.evaluation.formats import find_result_format
    from siamfc.report import ReportSettings, require_jinja, write_report
    from siamfc.report.study import DatasetChoice, collect_results

    require_jinja()
    settings = ReportSettings(snapshots=shown.snapshots, strips=shown.strips, seed=shown.seed)
    if export is not None:
        find_result_format(export)
    found = collect_results(
        [_named(text) for text in results],
        DatasetChoice(root=dataset.data, format=dataset.format, split=dataset.split),
        results_format=dataset.results_format,
    )
    if export and not found.can_be_scored:
        return _export_boxes_only(found, out, export, overwrite=overwrite, json=json)
    study = found.study(separate=shown.separate)
    page = write_report(study, out, settings, overwrite=overwrite)
    exported = _export(found, out / _EXPORT, export) if export else []
    if json:
        print_json(_to_json(study, page, exported))
    else:
        _print(study, page, exported)
    status = _report_problems(found.trackers)
    _report_gaps(study)
    return status


def _named(text: str) -> tuple[str | None, Path]:
    """Parse NAME=FOLDER, or a folder alone, whose own name may contain a `=`."""
    name, equals, path = text.partition("=")
    if equals and name and path and not Path(text).exists():
        return name, Path(path)
    return None, Path(text)


def _export_boxes_only(
    found: "CollectedResults", out: Path, form: str, *, overwrite: bool, json: bool
) -> int:
    """Write only the boxes, since there is no ground truth for a page."""
    from siamfc.files import staged_folder

    with staged_folder(out, contents=[_EXPORT], overwrite=overwrite) as folder:
        written = _export(found, folder / _EXPORT, form)
        exported = [out / path.relative_to(folder) for path in written]
    if json:
        print_json({"page": None, "exported": [str(path) for path in exported]})
    else:
        _print_exported(exported)
    why = "the data set has no ground truth but first boxes"
    print(f"note: {why}: there is nothing to score, and no page", file=sys.stderr)
    return _report_problems(found.trackers)


def _export(found: "CollectedResults", folder: Path, form: str) -> list[Path]:
    """Write all boxes of each run, including those of sequences that do not count in the report."""
    from siamfc.evaluation.formats import write_tracker

    return [
        write_tracker(
            folder / f"{number}_{_slug(one.name)}", one.tracks, found.sequences, format=form
        )
        for number, one in enumerate(found.trackers, 1)
    ]


def _slug(name: str) -> str:
    """Return a name in a form for file names."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:60]


def _report_problems(trackers: "tuple[TrackerResults, ...]") -> int:
    for line in dict.fromkeys(line for one in trackers for line in one.damaged):
        print_error(line)
    for line in dict.fromkeys(line for one in trackers for line in one.notes):
        print(f"note: {one_line(line)}", file=sys.stderr)
    return 1 if any(one.damaged for one in trackers) else 0


def _report_gaps(study: "Study") -> None:
    for one in (source for entry in study.entries for source in entry.sources):
        lacking = [name for name, those in study.left_out.items() if one.name in those]
        if lacking:
            shown = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
            print(f"note: {one.name}: no results of {len(lacking)}: {shown}", file=sys.stderr)
    for entry in study.entries:
        if entry.missing:
            print(
                f"note: {entry.name}: {entry.missing} frames without a box count as misses",
                file=sys.stderr,
            )


def _to_json(study: "Study", page: Path, exported: list[Path]) -> dict[str, Any]:
    return {
        "page": str(page),
        "protocol": study.scheme.name,
        "sequences": len(study.sequences),
        "frames": study.frame_count,
        "trackers": {entry.name: _facts(study, entry) for entry in study.entries},
        "left_out": {name: list(those) for name, those in study.left_out.items()},
        "problems": list(study.problems),
        "exported": [str(path) for path in exported],
    }


def _facts(study: "Study", entry: "ScoredTracker") -> dict[str, Any]:
    from siamfc.report.tables import run_name

    facts: dict[str, Any] = {
        **entry.scores,
        "fps": entry.frames_per_second,
        "missing": entry.missing,
    }
    if study.benchmark is not None:
        facts["benchmark"] = {"protocol": study.benchmark[0], **entry.benchmark}
    if entry.repetitions:
        facts["deviation"] = entry.deviation
        facts["repetitions"] = {run_name(one): one.scores for one in entry.repetitions}
    return facts


def _print(study: "Study", page: Path, exported: list[Path]) -> None:
    from siamfc.evaluation.scoring.measures import AUC, CENTER_ERROR, PRECISION
    from siamfc.report.tables import format_mean, format_rate

    rows = [
        [
            entry.name,
            *(
                format_mean(entry.scores, entry.deviation, one)
                for one in (AUC, PRECISION, CENTER_ERROR)
            ),
            format_rate(entry.frames_per_second),
        ]
        for entry in study.entries
    ]
    print_table(["tracker", "AUC", "precision", "centre error", "frames/s"], rows)
    if study.benchmark is not None:
        name, scores = study.benchmark
        print(f"\nby the rules of {name}:")
        print_table(
            ["tracker", *(one.title for one in scores)],
            [
                [
                    entry.name,
                    *(format_mean(entry.benchmark, entry.benchmark_deviation, s) for s in scores),
                ]
                for entry in study.entries
            ],
        )
    if study.repeated:
        print("\n±: sample standard deviation over the runs of a tracker")
    sequences = counted(len(study.sequences), "sequence")
    print(f"\n{sequences}, {counted(study.frame_count, 'frame')}: {page}")
    _print_exported(exported)


def _print_exported(paths: list[Path]) -> None:
    for path in paths:
        print(f"boxes: {path}")
