"""Inputs of a batch: the list of sources, their names, and each source's boxes."""

from __future__ import annotations

import csv
import glob
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from siamfc.boxes import is_absent
from siamfc.errors import DatasetError, InputError
from siamfc.tracking.key_frames import GivenBoxes
from siamfc.tracking.results import Status

# --- Sources --------------------------------------------------------------------------------------


def expand_sources(sources: Iterable[str]) -> list[str]:
    """Expand globs, and folders of videos or of image folders, into a list of sources.

    A folder or a glob of images is one source.

    Raises:
        SourceError: a glob that matches nothing.
    """
    return [found for source in sources for found in _expand(source)]


def _expand(source: str) -> list[str]:
    from siamfc.frames.folder import is_image, match_files, natural_key

    path = Path(source)
    if source and path.is_dir():
        found = sorted(path.iterdir(), key=natural_key)
    elif glob.has_magic(source) and "://" not in source and not path.exists():
        found = match_files(source)
    else:
        return [source]
    if any(is_image(one) for one in found):
        return [source]
    videos = [str(one) for one in found if _is_video(one) or _has_images(one)]
    return videos or [source]  # opening it then fails with a precise message


def _is_video(path: Path) -> bool:
    from siamfc.frames.paths import VIDEO_FILE_SUFFIXES

    return path.suffix.lower() in VIDEO_FILE_SUFFIXES and path.is_file()


def _has_images(path: Path) -> bool:
    from siamfc.frames.folder import is_image

    return path.is_dir() and any(is_image(one) for one in path.iterdir())


def name_sources(sources: Sequence[str]) -> list[str]:
    """Return a file name for each source: its own, with parent folders where needed to differ.

    Raises:
        InputError: a source that is given twice.

    >>> name_sources(["a/cat.mp4", "b/cat.mp4", "b/dog.mp4"])
    ['a-cat', 'b-cat', 'b-dog']
    """
    paths = [Path(source).absolute() for source in sources]
    twice = {str(path) for path in paths if paths.count(path) > 1}
    if twice:
        raise InputError(f"expected each source once, got {sorted(twice)[0]} twice")
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["-".join([*path.parts[-depth:-1], path.stem]).replace("/", "") for path in paths]
        if len(set(names)) == len(names):
            return names
    raise InputError("sources: expected names that differ in more than their endings")


# --- Boxes ----------------------------------------------------------------------------------------


def read_boxes(path: Path, sources: Sequence[str], names: Sequence[str]) -> dict[str, GivenBoxes]:
    """Read the boxes of each source from a table or from a folder of results.

    A table is a CSV file with the columns source, x, y, w, h and, for several frames or targets,
    frame and name. Its `source` is a path or a file name. A folder holds results `NAME.csv` or
    `NAME.jsonl`; their key frames are used, or the first frame of a target without any.

    Args:
        path: the table or the folder.
        sources: the sources to track.
        names: the sources' names, from `name_sources`.

    Raises:
        DatasetError: a source without boxes, or an invalid line; the message names it.
    """
    if path.is_dir():
        return {
            source: _boxes_in_results(path, name)
            for source, name in zip(sources, names, strict=True)
        }
    table = _read_table(path)
    found = {}
    for source, name in zip(sources, names, strict=True):
        keys = (source, str(Path(source).absolute()), Path(source).name, Path(source).stem, name)
        rows = next((table[key] for key in keys if key in table), None)
        if rows is None:
            raise DatasetError(f"{path}: expected a box of {source}, got none")
        found[source] = rows
    return found


def _read_table(path: Path) -> dict[str, GivenBoxes]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            if not {"source", "x", "y", "w", "h"} <= columns:
                raise DatasetError(
                    f"{path}: line 1: expected the columns source,x,y,w,h and, optionally, frame "
                    f"and name, got {','.join(reader.fieldnames or ())}"
                )
            rows = [_row(path, number, row) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: expected a table of boxes; {error}") from None
    rows.sort(key=lambda row: row[0])
    return {
        source: _by_target([row[1:] for row in group])
        for source, group in groupby(rows, key=lambda row: row[0])
    }


_Row = tuple[str, int | None, str, tuple[float, float, float, float]]


def _row(path: Path, number: int, row: Mapping[str, Any]) -> _Row:
    try:
        x, y, w, h = (float(row[name]) for name in "xywh")
        frame = row.get("frame") or None
        index = None if frame is None else int(frame)
        return row["source"], index, row.get("name") or "", (x, y, w, h)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path}: line {number}: expected numbers x,y,w,h; {error}") from None


def _by_target(rows: Sequence[tuple[int | None, str, tuple[float, ...]]]) -> GivenBoxes:
    """Group rows into targets by name; a row with neither name nor frame is a target of its own."""
    named: dict[str, Any] = {}
    for place, (frame, name, box) in enumerate(rows, start=1):
        key = name or ("" if frame is not None else str(place))
        if frame is None:
            named[key] = box
        else:
            named.setdefault(key, {})[frame] = box
    return named if any(name for _, name, _ in rows) else list(named.values())


def _boxes_in_results(folder: Path, name: str) -> GivenBoxes:
    from siamfc.tracking.result_files import read_results

    files = [folder / f"{name}{suffix}" for suffix in (".csv", ".jsonl")]
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        raise DatasetError(f"{folder}: expected results {name}.csv or {name}.jsonl, found neither")
    results = read_results(file)
    if not results:
        raise DatasetError(f"{file}: expected at least one frame, got none")
    targets: list[dict[int, Any]] = [{} for _ in results[0].boxes]
    for result in results:
        for row, status in enumerate(result.statuses):
            if status is Status.KEYFRAME:
                targets[row][result.index] = result.boxes[row]
    first = results[0]
    for row, given in enumerate(targets):
        if not given and not is_absent(first.boxes[row]):
            given[first.index] = first.boxes[row]
    return dict(zip(first.names, targets, strict=True)) if first.names else targets
