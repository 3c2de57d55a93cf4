"""`siamfc report`."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from siamfc.cli.console import one_line, print_error, print_json, print_table
from siamfc.cli.parameters import Flag
from siamfc.cli.usage import UsageError

if TYPE_CHECKING:
    from siamfc.evaluation.formats import TrackerResults
    from siamfc.report import Study


def report(
    *results: str,
    out: Annotated[Path, Parameter(alias="-o")],
    data: Path | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
    split: str | None = None,
    results_format: str | None = None,
    snapshots: int = 6,
    strips: int = 50,
    seed: int = 0,
    export: str | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> int:
    """Show results as a page, tables and plots.

    The page, OUT/index.html, is one file and needs no network. Beside it are the tables as CSV and
    LaTeX and the plots as PNG. Trackers are compared on the sequences that all of them have; each
    is compared with the first. Ends with 1 if a file of results couldn't be read; the others are
    in the report.

    Parameters
    ----------
    results
        Folders of results: of `siamfc evaluate --out`, or of other trackers as their benchmarks
        write them, or a folder of such folders. NAME=FOLDER gives one another name.
    out
        Folder of the report.
    data
        Folder of the data set, for the true boxes and the pictures; by default the one that the
        results name.
    format
        The data set's layout, such as otb; by default the one that the results name.
    split
        The data set's part; by default the one that the results name.
    results_format
        Form of results that aren't from `siamfc evaluate`, such as got10k; by default it is
        recognised, files of one box a line being 1-based as OTB's.
    snapshots
        Pictures of each film strip; 0: none.
    strips
        Sequences, from the worst on, that get a film strip.
    seed
        Of the bootstrap intervals.
    export
        Also write each tracker's boxes in this form, such as got10k, under OUT/export.
    overwrite
        Replace an earlier report.
    json
        Print one JSON object instead of a table.
    """
    if not results:
        raise UsageError("expected a folder of results, got none")
    from siamfc.data.readers import find_format
    from siamfc.data.sequences import read_sequences
    from siamfc.evaluation import protocol_of
    from siamfc.evaluation.formats import find_result_format, read_record, read_trackers
    from siamfc.report import ReportSettings, make_study, require_packages, write_report

    require_packages()
    settings = ReportSettings(snapshots=snapshots, strips=strips, seed=seed)
    named = [_named(text) for text in results]
    if export is not None:
        find_result_format(export)
    record = next((found for _, path in named if (found := read_record(path))), {})
    dataset = record.get("dataset", {})
    layout = find_format(format or dataset.get("format") or "otb")
    root = data or record.get("root")
    if root is None:
        raise UsageError("expected --data ROOT: the results don't say where the data set is")
    chosen = split or dataset.get("split") or layout.evaluated
    sequences = list(read_sequences(layout.open(Path(root).absolute(), split=chosen)))
    trackers: list[TrackerResults] = []
    for name, path in named:
        trackers += read_trackers(path, sequences, format=results_format, name=name)
    title = f"{Path(root).absolute().name} ({layout.name})"
    study = make_study(trackers, sequences, title=title, protocol=protocol_of(layout.name))
    page = write_report(study, out, settings, overwrite=overwrite)
    exported = _export(trackers, study, out / "export", export) if export else []
    if json:
        print_json(_to_json(study, page, exported))
    else:
        _print(study, page, exported)
    return _complain(trackers, study)


def _named(text: str) -> tuple[str | None, Path]:
    """NAME=FOLDER, or a folder alone; a folder whose own name has a `=` is one."""
    name, equals, path = text.partition("=")
    if equals and name and path and not Path(text).exists():
        return name, Path(path)
    return None, Path(text)


def _export(
    trackers: "list[TrackerResults]", study: "Study", folder: Path, form: str
) -> list[Path]:
    from siamfc.evaluation.formats import write_tracker

    return [
        write_tracker(
            folder / f"{entry.index + 1}_{_slug(entry.name)}",
            one.tracks,
            study.sequences,
            format=form,
        )
        for entry, one in zip(study.entries, trackers, strict=True)
    ]


def _slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:60]


def _complain(trackers: "list[TrackerResults]", study: "Study") -> int:
    for one in trackers:
        for line in one.damaged:
            print_error(line)
        for line in one.notes:
            print(f"note: {one_line(line)}", file=sys.stderr)
    for entry, one in zip(study.entries, trackers, strict=True):
        lacking = [name for name, those in study.left_out.items() if one.name in those]
        if lacking:
            shown = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
            print(f"note: {entry.name}: no results of {len(lacking)}: {shown}", file=sys.stderr)
        if entry.missing:
            print(
                f"note: {entry.name}: {entry.missing} frames without a box count as misses",
                file=sys.stderr,
            )
    return 1 if any(one.damaged for one in trackers) else 0


def _to_json(study: "Study", page: Path, exported: list[Path]) -> dict[str, Any]:
    return {
        "page": str(page),
        "sequences": len(study.sequences),
        "frames": study.frame_count,
        "trackers": {
            entry.name: {**entry.scores, "fps": entry.frames_per_second, "missing": entry.missing}
            for entry in study.entries
        },
        "left_out": {name: list(those) for name, those in study.left_out.items()},
        "problems": list(study.problems),
        "exported": [str(path) for path in exported],
    }


def _print(study: "Study", page: Path, exported: list[Path]) -> None:
    rows = [
        [
            entry.name,
            *(f"{entry.scores[key]:.3f}" for key in ("auc", "precision")),
            f"{entry.scores['center_error']:.2f}",
            f"{entry.frames_per_second:.1f}",
        ]
        for entry in study.entries
    ]
    print_table(["tracker", "AUC", "precision", "centre error", "frames/s"], rows)
    print(f"\n{len(study.sequences)} sequences, {study.frame_count} frames: {page}")
    for path in exported:
        print(f"boxes: {path}")
