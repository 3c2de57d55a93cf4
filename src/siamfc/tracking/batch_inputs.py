"""Inputs of a batch: the list of sources, their names, and each source's boxes."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from siamfc.array_types import FloatArray
from siamfc.boxes import as_box, is_absent
from siamfc.checks import shown
from siamfc.errors import DatasetError, InputError
from siamfc.parsers import parse_csv, parse_frame, parse_number, read_text, split_lines
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
    twice = [str(path) for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise InputError(f"expected each source once, got {min(twice)} twice")
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["-".join([*path.parts[-depth:-1], path.stem]).replace("/", "") for path in paths]
        if len(set(names)) == len(names):
            return names
    same = [path for path, name in zip(paths, names, strict=True) if names.count(name) > 1]
    raise InputError(
        f"expected sources whose names differ in more than their endings, got {same[0]} and "
        f"{same[1]}: track each alone"
    )


# --- Boxes ----------------------------------------------------------------------------------------

_TABLE = "a table of boxes"


def read_boxes(path: Path, sources: Sequence[str], names: Sequence[str]) -> dict[str, GivenBoxes]:
    """Read the boxes of each source from a table or from a folder of results.

    A table is a CSV file with the columns source, x, y, w, h and, for several frames or targets,
    frame and name. Its `source` is a path, or a file name that only one source has. Rows of other
    sources are ignored. A folder holds results `NAME.csv` or
    `NAME.jsonl`; their key frames are used, or the first frame of a target without any.

    Args:
        path: the table or the folder.
        sources: the sources to track.
        names: the sources' names, from `name_sources`.

    Raises:
        DatasetError: a source without boxes, a file name of two sources, or an invalid line; the
            message names it.
    """
    if path.is_dir():
        return {
            source: _boxes_in_results(path, name)
            for source, name in zip(sources, names, strict=True)
        }
    by_name = _sources_by_name(sources, names)
    found: dict[str, tuple[str, GivenBoxes]] = {}
    for written, boxes in _read_table(path).items():
        meant = by_name.get(written, [])
        if len(meant) > 1:
            raise DatasetError(
                f"{path}: {shown(written)} may be {meant[0]} or {meant[1]}; in the column source, "
                "write the path of each"
            )
        for source in meant:
            if source in found:
                raise DatasetError(
                    f"{path}: expected one way of writing {source}, got {shown(found[source][0])} "
                    f"and {shown(written)}"
                )
            found[source] = written, boxes
    for source in sources:
        if source not in found:
            raise DatasetError(f"{path}: expected a box of {source}, got none")
    return {source: found[source][1] for source in sources}


def _sources_by_name(sources: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Return the sources that a table may mean by a path or name; a path means one."""
    meant: dict[str, list[str]] = {}
    for source, name in zip(sources, names, strict=True):
        for key in {Path(source).name, Path(source).stem, name}:
            meant.setdefault(key, []).append(source)
    for source in sources:
        meant[source] = meant[str(Path(source).absolute())] = [source]
    return meant


def _read_table(path: Path) -> dict[str, GivenBoxes]:
    header, *records = parse_csv(split_lines(read_text(path, expected=_TABLE)), where=path) or [[]]
    if not {"source", "x", "y", "w", "h"} <= set(header):
        raise DatasetError(
            f"{path}: line 1: expected the columns source,x,y,w,h and, optionally, frame and name, "
            f"got {shown(','.join(header))}"
        )
    found: dict[str, list[_Row]] = {}
    for number, record in enumerate(records, start=2):
        if not record:  # a blank line
            continue
        try:
            if len(record) > len(header):
                raise ValueError(f"got {len(record)} values")
            row = dict(zip_longest(header, record, fillvalue=""))
            found.setdefault(row["source"], []).append(_row(row))
        except ValueError as error:
            raise DatasetError(
                f"{path}: line {number}: expected {','.join(header)}; {error}"
            ) from None
    return {source: _by_target(path, source, rows) for source, rows in found.items()}


class _Row(NamedTuple):
    """A line of a table."""

    frame: int | None
    """None: the first."""
    name: str
    box: FloatArray


def _row(row: Mapping[str, str]) -> _Row:
    frame = row.get("frame")
    box = as_box([parse_number(row[name]) for name in "xywh"])
    return _Row(parse_frame(frame) if frame else None, row.get("name", ""), box)


def _by_target(path: Path, source: str, rows: Sequence[_Row]) -> GivenBoxes:
    """Group rows into targets by name; a row with neither name nor frame is a target of its own."""
    targets: dict[str, dict[int | None, FloatArray]] = {}
    for place, (frame, name, box) in enumerate(rows, start=1):
        boxes = targets.setdefault(name or ("" if frame is not None else str(place)), {})
        if frame in boxes or (boxes and None in {frame, *boxes}):
            raise DatasetError(
                f"{path}: expected another name or frame for each box of {source}, got two of "
                f"{shown(name) if name else 'an object without a name'} in "
                f"{'the same frame' if frame in boxes else 'frames of which one has no number'}"
            )
        boxes[frame] = box
    plain: dict[str, Any] = {name: one.get(None, one) for name, one in targets.items()}
    return plain if any(row.name for row in rows) else list(plain.values())


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
