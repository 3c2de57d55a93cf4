"""Reading and writing of all results of one tracker on a data set."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from siamfc.datasets.readers.images import list_folders
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError, InputError, suggest
from siamfc.evaluation.formats.cocovid import COCOVID
from siamfc.evaluation.formats.collector import ResultCollector
from siamfc.evaluation.formats.cvat import CVAT
from siamfc.evaluation.formats.got10k import GOT10K
from siamfc.evaluation.formats.layout import ResultFormat, Tracks
from siamfc.evaluation.formats.mot import MOT
from siamfc.evaluation.formats.series import Series, member_folders
from siamfc.evaluation.formats.tables import CSV, JSONL, SIAMFC
from siamfc.evaluation.formats.text import LASOT, OTB, TRACKINGNET, UAV123
from siamfc.evaluation.formats.vot import VOT
from siamfc.evaluation.results import read_track
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme
from siamfc.files import StagedFile, staged_folder
from siamfc.parsers import parse_json, read_text

_ALL = (SIAMFC, VOT, GOT10K, MOT, OTB, LASOT, UAV123, TRACKINGNET, COCOVID, CVAT, CSV, JSONL)

RESULT_FORMATS: Mapping[str, ResultFormat] = {one.name: one for one in _ALL}
"""Every result format by its name on the command line, in the order of recognition."""

_SHOWN_NAMES = 3
_ZIPPED = (GOT10K.name, TRACKINGNET.name)
"""Formats that a server takes as a zip."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerResults:
    """One tracker's results on a data set."""

    name: str
    """Name in tables."""
    path: Path
    format: str
    """Name of the format of the files."""
    tracks: Tracks
    record: Mapping[str, Any] = field(default_factory=dict)
    """Tracker, weights, versions and machine, as far as the files name them."""
    damaged: tuple[str, ...] = ()
    """A line for each file that could not be read and was skipped."""
    notes: tuple[str, ...] = ()
    """Lines about files that were read with a reservation."""
    scheme: Scheme = ONE_PASS
    """Scheme of the run."""
    series: Series | None = None
    """Series that this run belongs to, if the tracker was run several times."""


def find_result_format(name: str) -> ResultFormat:
    """Return a result format by its name.

    Raises:
        InputError: no format has this name; the message gives the nearest.
    """
    if name in RESULT_FORMATS:
        return RESULT_FORMATS[name]
    raise InputError(f"unknown result format {name!r}: {suggest(name, RESULT_FORMATS)}")


def read_record(path: str | Path) -> Mapping[str, Any]:
    """Return the record in the first of a run's files that has one; empty if none has."""
    for file in sorted(Path(path).rglob("*.csv")):
        try:
            return read_track(file)[1]
        except DatasetError:
            continue
    for file in sorted(Path(path).rglob("*.failed.json")):
        try:
            record = parse_json(read_text(file), where=file)
        except DatasetError:
            continue
        if isinstance(record, dict):
            return record
    return {}


def recognize(folder: Path) -> ResultFormat | None:
    """Return the format of the results in a folder; None if it is unknown."""
    return next((one for one in _ALL if one.recognize(folder)), None)


def require_result_folder(path: Path) -> None:
    """Raise DatasetError if `path` is not a folder."""
    if not path.is_dir():
        found = "a file" if path.exists() else "none"
        raise DatasetError(f"{path}: expected a folder of results, found {found}")


def read_trackers(
    path: str | Path,
    sequences: Iterable[Sequence],
    *,
    format: str | None = None,
    name: str | None = None,
) -> list[TrackerResults]:
    """Read the run in a folder, or all runs if it has a subfolder for each.

    A damaged file does not stop the others; see `TrackerResults.damaged`. Each repetition, and each
    run of several checkpoints, is a `TrackerResults` of one common `series`.

    Args:
        path: the folder.
        sequences: the data set's sequences, whose names and lengths identify and check the files.
        format: the format's name; None: recognise it.
        name: the run's name; None: the folder's.

    Raises:
        DatasetError: there is no such folder, or it has no results.
        InputError: there is no such format.
    """
    path = Path(path)
    chosen = find_result_format(format) if format else None
    require_result_folder(path)
    known = tuple(sequences)
    runs = _read_tree(path, chosen, known, name or path.absolute().name)
    if not runs:
        runs = [
            run
            for folder in list_folders(path)
            for run in _read_tree(
                folder, chosen, known, f"{name}/{folder.name}" if name else folder.name
            )
        ]
    if not runs:
        wanted = "; ".join(chosen.tree) if chosen else "one of " + ", ".join(RESULT_FORMATS)
        raise DatasetError(f"{path}: expected results ({wanted}), found none of them")
    return runs


def _read_tree(
    folder: Path, chosen: ResultFormat | None, sequences: tuple[Sequence, ...], name: str
) -> list[TrackerResults]:
    """Return the runs of one tracker: none, one, or several of a series."""
    series = Series(name=name, path=folder)
    form = chosen or recognize(folder)
    if form is not None and form.recognize(folder):
        count = form.repetitions(folder)
        if count == 1:
            return [_read(folder, form, sequences, name)]
        return [
            replace(
                _read(folder, form, sequences, f"{name}/{number}", repetition=number),
                series=series,
            )
            for number in range(1, count + 1)
        ]
    if chosen not in (None, SIAMFC):
        return []
    return [
        replace(
            _read(one, SIAMFC, sequences, f"{name}/{one.relative_to(folder).as_posix()}"),
            series=series,
        )
        for one in member_folders(folder)
        if SIAMFC.recognize(one)
    ]


def _read(
    folder: Path,
    form: ResultFormat,
    sequences: tuple[Sequence, ...],
    name: str,
    *,
    repetition: int = 1,
) -> TrackerResults:
    collected = ResultCollector(sequences=sequences, repetition=repetition)
    form.read(folder, collected)
    return TrackerResults(
        name=name,
        path=folder,
        format=form.name,
        tracks=collected.tracks,
        record=collected.record,
        damaged=tuple(collected.damaged),
        notes=(*collected.notes, *_unknown(folder, collected.unknown)),
        scheme=collected.scheme or ONE_PASS,
    )


def _unknown(folder: Path, names: list[str]) -> Iterator[str]:
    if names:
        shown = ", ".join(map(repr, names[:_SHOWN_NAMES]))
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        yield f"{folder}: results of sequences that are not in the data set: {shown}{more}"


def write_tracker(
    folder: str | Path,
    tracks: Tracks,
    sequences: AbstractSequence[Sequence],
    *,
    format: str,
) -> Path:
    """Write a run's tracks in one of `RESULT_FORMATS`, with a zip beside it if a server takes one.

    Returns:
        The folder, or the zip to submit.

    Raises:
        InputError: there is no such format.
        OutputError: the folder is not empty or cannot be written.
    """
    form, target = find_result_format(format), Path(folder)
    with staged_folder(target) as staging:
        form.write(staging, [(one, tracks[one.name]) for one in sequences if one.name in tracks])
    return _zip(target) if form.name in _ZIPPED else target


def _zip(folder: Path) -> Path:
    """Zip the contents of a folder, without the folder itself, as the servers require."""
    path = folder.with_name(f"{folder.name}.zip")
    staged = StagedFile(path, overwrite=True)
    try:
        with zipfile.ZipFile(staged.path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob("*.txt")):
                archive.write(file, file.relative_to(folder))
        staged.commit()
    finally:
        staged.discard()
    return path
