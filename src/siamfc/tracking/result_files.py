"""Result files: csv and jsonl, siamfc's own formats.

- `.csv`: a header, then one line per frame and target: frame, time, target, x, y, w, h, score,
  lost, status, agreement, name.
- `.jsonl`: one object per frame: {"frame": 0, "time": 0.0, "boxes": [[x, y, w, h], …],
  "scores": […], "lost": [false, …], "status": ["keyframe", …], "agreement": […],
  "names": ["player", …]}.

Boxes are 0-based as everywhere in siamfc, frames count from 0 and targets from 1; numbers have the
digits of `FrameResult.rounded`, which are read back exactly. `FrameResult` explains `lost`,
`status` and `agreement`. Unknown values are empty, or null. Only the first eight columns of a csv
file are required, and only the first four fields of an object.

Text files of boxes are read too; `siamfc.annotations` writes them.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from siamfc.annotations.annotation import VideoAnnotation, require_sizes
from siamfc.annotations.formats import read_annotation
from siamfc.checks import shown
from siamfc.errors import DatasetError, InputError, OutputError
from siamfc.files import StagedFile
from siamfc.parsers import (
    parse_csv,
    parse_frame,
    parse_json,
    parse_number,
    parse_whole,
    read_text,
    split_lines,
)
from siamfc.tracking.results import COLUMNS, FrameResult, Status, check_follows, in_order

_REQUIRED = COLUMNS[:8]
"""Columns of the oldest readable files; later versions add the others."""
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
"""Texts of `lost`, in small letters: spreadsheets write TRUE; older files use 1 and 0."""


@contextmanager
def open_results(
    path: str | Path, *, overwrite: bool = False
) -> Iterator[Callable[[FrameResult], None]]:
    """Open a result file and yield the function that adds a frame to it.

    The file appears, complete, when the block ends without error; otherwise it does not. The
    function raises InputError for a frame that is out of order or has another number of targets.

    Raises:
        InputError: a suffix other than .csv or .jsonl.
        OutputError: the file exists, unless `overwrite`, or cannot be written.
    """
    header, write = _WRITERS[_suffix(path, ".csv", ".jsonl")]
    text = io.StringIO()
    text.write(header)
    file = StagedFile(Path(path), overwrite=overwrite)
    last: FrameResult | None = None

    def add(result: FrameResult) -> None:
        nonlocal last
        if last is not None:
            check_follows(last, result)
        write(text, result)
        last = result

    try:
        yield add
        try:
            file.path.write_text(text.getvalue(), encoding="utf-8", newline="")
            file.commit()
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        file.discard()


def write_results(
    path: str | Path, results: Iterable[FrameResult], *, overwrite: bool = False
) -> Path:
    """Write results of one or more frames, all of the same targets, and return the file's path.

    Raises:
        InputError: no results, results that are not one track, or a suffix other than .csv or
            .jsonl.
        OutputError: the file exists, unless `overwrite`, or cannot be written.
    """
    iterator = iter(results)
    first = next(iterator, None)
    if first is None:
        raise InputError("results: expected at least one frame, got none")
    with open_results(path, overwrite=overwrite) as add:
        add(first)
        for result in iterator:
            add(result)
    return Path(path)


def read_results(path: str | Path) -> list[FrameResult]:
    """Read the result file `path`. A txt file is OTB's, VOT's or MOTChallenge's, without times.

    Raises:
        InputError: a suffix other than .txt, .csv or .jsonl.
        DatasetError: a missing file, or a line that its format does not allow; names the line.
    """
    suffix, path = _suffix(path, ".txt", ".csv", ".jsonl"), Path(path)
    if suffix == ".txt":
        return _from_boxes(read_annotation(path))
    lines = split_lines(read_text(path, expected="a file of results"))
    results = (_read_csv if suffix == ".csv" else _read_jsonl)(path, lines)
    _require_whole(path, results)
    return results


def _suffix(path: str | Path, *known: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        named = f"{', '.join(known[:-1])} or {known[-1]}"
        raise InputError(f"results: expected a name in {named}, got {path}")
    return suffix


def _require_whole(path: Path, results: Sequence[FrameResult]) -> None:
    """Raise DatasetError unless there are frames, ascending, all with the same targets."""
    if not results:
        raise DatasetError(f"{path}: expected at least one frame, got none")
    try:
        in_order(results)
    except InputError as error:
        raise DatasetError(f"{path}: {error}") from None


# --- Writing --------------------------------------------------------------------------------------


def _write_csv(file: TextIO, result: FrameResult) -> None:
    rows = ([_text(value) for value in row.values()] for row in result.rounded().to_rows())
    csv.writer(file, lineterminator="\n").writerows(rows)


def _write_jsonl(file: TextIO, result: FrameResult) -> None:
    file.write(json.dumps(result.rounded().to_dict()) + "\n")


def _text(value: float | str) -> str:
    """Return the shortest text that reads back as the value; NaN: empty, bool: true or false."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if math.isnan(value) else repr(value)


_WRITERS: dict[str, tuple[str, Callable[[TextIO, FrameResult], None]]] = {
    ".csv": (",".join(COLUMNS) + "\n", _write_csv),
    ".jsonl": ("", _write_jsonl),
}
"""Header and writer of each format."""


# --- Reading --------------------------------------------------------------------------------------


def _from_boxes(annotation: VideoAnnotation) -> list[FrameResult]:
    return [
        FrameResult(int(index), math.nan, boxes, scores)
        for index, boxes, scores in zip(
            annotation.frames, annotation.boxes, annotation.scores, strict=True
        )
    ]


def _read_csv(path: Path, lines: Sequence[str]) -> list[FrameResult]:
    header, *records = parse_csv(lines, where=path) or [[]]
    if not set(_REQUIRED) <= set(header) <= set(COLUMNS) or len(set(header)) < len(header):
        raise DatasetError(
            f"{path}: line 1: expected {','.join(COLUMNS)}, got {shown(lines[0] if lines else '')}"
        )
    rows: list[tuple[int, FrameResult]] = []
    for number, record in enumerate(records, start=2):
        with _line_of(path, number, ",".join(header)):
            if len(record) != len(header):
                raise ValueError(f"got {len(record)} values")
            row = dict(zip(header, record, strict=True))
            rows.append((parse_whole(row["target"]), _parse_row(row)))
    frames = [
        sorted(group, key=lambda row: row[0])
        for _, group in groupby(rows, key=lambda row: row[1].index)
    ]
    for before, after in pairwise([*frames[:1], *frames]):
        _require_same_targets(path, before, after)
    return [_join_rows([result for _, result in frame]) for frame in frames]


def _require_same_targets(
    path: Path, before: Sequence[tuple[int, FrameResult]], after: Sequence[tuple[int, FrameResult]]
) -> None:
    """Raise DatasetError if as many targets have other numbers: boxes would change their target."""
    expected, found = ([target for target, _ in frame] for frame in (before, after))
    if len(expected) == len(found) and (expected != found or len(set(found)) < len(found)):
        raise DatasetError(
            f"{path}: expected the targets {_listed(expected)} in frame {after[0][1].index}, as in "
            f"the one before and each once, got {_listed(found)}"
        )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _parse_row(row: Mapping[str, str]) -> FrameResult:
    """Parse the result of one target."""
    numbers = np.array([[parse_number(row[name] or "nan") for name in "xywh"]])
    require_sizes(numbers)
    score = np.array([parse_number(row["score"] or "nan")])
    lost, status, agreement = (row.get(name, "") for name in ("lost", "status", "agreement"))
    if lost and lost.lower() not in _FLAGS:
        raise ValueError(f"expected true or false, got {shown(lost)}")
    return FrameResult(
        index=parse_frame(row["frame"]),
        time=parse_number(row["time"] or "nan"),
        boxes=numbers,
        scores=score,
        lost_flags=np.array([_FLAGS[lost.lower()]]) if lost else None,
        statuses=(Status(status),) if status else (),
        agreements=np.array([parse_number(agreement)]) if agreement else None,
        names=(row["name"],) if row.get("name") else (),
    )


def _join_rows(rows: Sequence[FrameResult]) -> FrameResult:
    """Combine the rows of one frame; a field unknown for one target may become unknown for all."""
    agreements = [math.nan if r.agreements is None else r.agreements[0] for r in rows]
    flags = [r.lost for r in rows]
    return FrameResult(
        index=rows[0].index,
        time=rows[0].time,
        boxes=np.concatenate([r.boxes for r in rows]),
        scores=np.concatenate([r.scores for r in rows]),
        lost_flags=None if None in flags else np.array(flags, dtype=np.bool_),
        statuses=() if any(not r.statuses for r in rows) else tuple(r.statuses[0] for r in rows),
        agreements=None if np.isnan(agreements).all() else np.array(agreements),
        names=tuple("".join(r.names) for r in rows) if any(r.names for r in rows) else (),
    )


def _read_jsonl(path: Path, lines: Sequence[str]) -> list[FrameResult]:
    results = []
    for number, line in enumerate(lines, start=1):
        with _line_of(path, number, "an object with frame, time, boxes and scores"):
            record = parse_json(line, where=path)
            if not isinstance(record, dict):
                raise ValueError(f"got {shown(record)}")
            boxes = _table(record["boxes"]).reshape(-1, 4)
            require_sizes(boxes)
            count = len(boxes)
            lost, agreement = record.get("lost"), record.get("agreement")
            results.append(
                FrameResult(
                    index=parse_frame(record["frame"]),
                    time=float(_table(record["time"])),
                    boxes=boxes,
                    scores=_table(record["scores"]).reshape(count),
                    lost_flags=_flags(_table(lost).reshape(count)) if lost else None,
                    statuses=tuple(map(Status, _each(record, "status", count))),
                    agreements=_table(agreement).reshape(count) if agreement else None,
                    names=tuple(
                        "" if name is None else str(name) for name in _each(record, "names", count)
                    ),
                )
            )
    return results


def _each(record: Mapping[str, Any], name: str, count: int) -> list[Any]:
    """Return a field that has one element per target; empty if it is absent or null."""
    values = record.get(name) or []
    if not isinstance(values, list) or len(values) not in (0, count):
        raise ValueError(f"{name}: expected {count} elements, got {values!r}")
    return values


def _table(value: Any) -> NDArray[np.float64]:
    """Convert nested lists of numbers; None becomes NaN."""
    try:
        table = np.array(value, dtype=np.float64)
    except OverflowError:
        table = np.array(np.inf)
    if np.isinf(table).any():
        raise ValueError("an infinite number")
    return table


def _flags(values: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Convert ones and zeros to flags; return None unless all are known."""
    return None if np.isnan(values).any() else values.astype(np.bool_)


@contextmanager
def _line_of(path: Path, number: int, expected: str) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise DatasetError(f"{path}: line {number}: expected {expected}; no {error}") from None
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path}: line {number}: expected {expected}; {error}") from None
