"""Result files: a tracker's boxes on a sequence, with the record of the run that made them.

A results folder has one file per sequence, `<sequence>.csv`: a first line `# {…}` with the run's
record as JSON, then a header and a row per frame. Boxes are 0-based, as everywhere in siamfc; an
empty field is a missing value. A sequence on which the tracker failed has only
`<sequence>.failed.json`, with the record and the reason.
"""

import csv
import io
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.errors import DatasetError, OutputError
from siamfc.evaluation.runs import Run, RunRecord
from siamfc.files import write_file
from siamfc.parsers import parse_json, parse_number, read_text, split_lines

_logger = logging.getLogger(__name__)

_COLUMNS = ("frame", "x", "y", "w", "h", "score", "seconds")
_MARK = "# "
_ADVICE = "delete the file to track the sequence again"
_LARGEST = sys.float_info.max  # a third-party tracker may return any finite number
_SHOWN = 60
"""Characters of a wrong line that a message shows."""

Record = Mapping[str, Any]
"""Origin of a result: tracker and weights, data set, versions, commit, machine."""

COMPARED = ("tracker", "dataset", "protocol")
"""Parts of a record that must agree for two results to belong to one run."""


@dataclass(frozen=True, kw_only=True)
class ResultFolder:
    """A folder of one run's results, from which a stopped run resumes.

    Args:
        path: the folder, created with the first result.
        record: the run's record. Existing results must agree with it in the parts `COMPARED`.
    """

    path: Path
    record: Record

    def track_path(self, sequence: str) -> Path:
        """Return the path of a sequence's track."""
        return self._path(sequence, ".csv")

    def failure_path(self, sequence: str) -> Path:
        """Return the path of the file that says why a sequence has no track."""
        return self._path(sequence, ".failed.json")

    def load(self, run: Run) -> RunRecord | None:
        """Read the finished track of a run; None if there is none yet.

        A track that starts with another box than the data set now has is ignored.

        Raises:
            DatasetError: the file is damaged or has another number of frames.
            OutputError: the file belongs to a run with other settings.
        """
        path = self.track_path(run.name)
        if not path.exists():
            return None
        track, record = read_track(path)
        self._check_same_run(path, record)
        if len(track.boxes) != len(run):
            raise DatasetError(
                f"{path}: expected {len(run)} frames, got {len(track.boxes)}; {_ADVICE}"
            )
        if not run.matches_init(track):
            _logger.warning(
                "%s: starts from another box than the data set has now: %s is tracked again",
                path,
                run.name,
            )
            return None
        return track

    def save(self, track: RunRecord) -> Path:
        """Write a track, or the reason why there is none; a partial file never appears.

        Raises:
            OutputError: the file cannot be written.
        """
        record = {
            "sequence": track.sequence,
            "finished": track.finished,
            "machine": dict(track.machine),
            **self.record,
        }
        track_path = self.track_path(track.sequence)
        failure_path = self.failure_path(track.sequence)
        if track.failure is not None:
            text = json.dumps({**record, "failure": track.failure}, indent=1) + "\n"
            write_file(failure_path, text.encode(), overwrite=True)
            track_path.unlink(missing_ok=True)
            return failure_path
        write_file(track_path, _format_track(track, record).encode(), overwrite=True)
        failure_path.unlink(missing_ok=True)
        return track_path

    def _path(self, sequence: str, suffix: str) -> Path:
        parts = sequence.split("/")
        if not all(parts) or {".", ".."} & set(parts):
            raise OutputError(
                f"expected a sequence name that is a valid file name, got {sequence!r}"
            )
        return self.path.joinpath(*parts[:-1], parts[-1] + suffix)

    def _check_same_run(self, path: Path, record: Record) -> None:
        ours = json.loads(json.dumps(dict(self.record)))
        for part in COMPARED:
            if record.get(part) != ours.get(part):
                where, *values = _difference(part, record.get(part), ours.get(part))
                if where == "tracker digest":
                    where, *values = "weights", record.get("weights"), ours.get("weights")
                found = f"{where} {values[0]!r} there, {values[1]!r} here"
                if values[0] == values[1]:  # the same name, but the file has changed
                    found = f"{ours.get('weights') or ours['tracker']['name']!r} has changed since"
                raise OutputError(
                    f"{path} belongs to another run ({found}): choose another folder, or delete "
                    "this one"
                )


def read_track(path: str | Path) -> tuple[RunRecord, Record]:
    """Read a result file and the record of its run.

    Raises:
        DatasetError: it is not a result file, or it is damaged.
    """
    path = Path(path)
    try:
        text = read_text(path, expected="a result file of siamfc")
    except DatasetError as error:
        if not path.is_file():
            raise
        raise DatasetError(f"{error}; {_ADVICE}") from None
    first, *rows = split_lines(text) or [""]
    record = _parse_record(first)
    if record is None:
        raise _damage(path, f"no record in line 1: {first[:_SHOWN]!r}")
    if not rows or tuple(rows[0].split(",")) != _COLUMNS:
        raise _damage(path, "no header in line 2")
    table = np.full((len(rows) - 1, len(_COLUMNS)), np.nan)
    for frame, row in enumerate(rows[1:]):
        try:
            cells = row.split(",")
            values = [parse_number(cell, _LARGEST) if cell else np.nan for cell in cells]
        except ValueError:
            values = []
        if len(values) != len(_COLUMNS) or values[0] != frame:
            raise _damage(path, f"line {frame + 3}: {row[:_SHOWN]!r}")
        table[frame] = values
    track = RunRecord(
        sequence=str(record["sequence"]),
        boxes=table[:, 1:5],
        scores=table[:, 5],
        seconds=table[:, 6],
        finished=str(record.get("finished", "")),
        machine=record.get("machine", {}),
    )
    return track, record


def _damage(path: Path, found: str) -> DatasetError:
    return DatasetError(f"{path}: expected a result file of siamfc, got {found}; {_ADVICE}")


def _parse_record(line: str) -> Record | None:
    """Return the record in the first line; None if there is none."""
    try:
        record = parse_json(line.removeprefix(_MARK), where="")
    except DatasetError:
        return None
    return record if isinstance(record, dict) and "sequence" in record else None


def _format_track(track: RunRecord, record: Record) -> str:
    text = io.StringIO()
    text.write(_MARK + json.dumps(record) + "\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for frame, box in enumerate(track.boxes):
        values = (*box, track.scores[frame], track.seconds[frame])
        writer.writerow([frame, *(_format_number(float(value)) for value in values)])
    return text.getvalue()


def _format_number(value: float) -> str:
    """Return the shortest text that reads back as `value`, empty for NaN."""
    return "" if np.isnan(value) else repr(value)


def _difference(where: str, theirs: Any, ours: Any) -> tuple[str, Any, Any]:
    """Return the first entry in which two parts of a record differ: its name and both values."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in {**theirs, **ours}:
            if theirs.get(key) != ours.get(key):
                return _difference(f"{where} {key}", theirs.get(key), ours.get(key))
    return where, theirs, ours
