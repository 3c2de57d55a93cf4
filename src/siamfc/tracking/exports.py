"""A track as a file of any format, and back: the one place that results are written and read by.

The program's own formats, csv and jsonl, keep all that is known of a track; the others are those of
`siamfc.annotations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siamfc.annotations import (
    ANNOTATION_FORMATS,
    VideoAnnotation,
    annotation_paths,
    check_annotation_place,
    find_annotation_format,
    read_annotation,
    write_annotation,
)
from siamfc.errors import InputError, suggest
from siamfc.tracking.result_files import open_results, read_results, write_results
from siamfc.tracking.results import FrameResult, Status

if TYPE_CHECKING:
    from siamfc.frames import FrameSource

_OWN = ("csv", "jsonl")
EXPORT_FORMATS = (*_OWN, *ANNOTATION_FORMATS)
"""What a track can be written as, by name."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a format may want to know of the video that was tracked."""

    name: str = "video.mp4"
    """Of its file or folder."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    frame_rate: float | None = None
    """Frames per second."""
    frame_count: int = 0
    """Of the whole video; 0: unknown."""
    image_names: Sequence[str] = ()
    """Of its frames, where it is a folder of images."""

    @classmethod
    def of(cls, source: FrameSource) -> VideoInfo:
        """What a source says of itself."""
        from siamfc.frames import ImageFiles

        paths = source.paths if isinstance(source, ImageFiles) else ()
        return cls(
            name=source.name,
            size=source.size,
            frame_rate=source.frame_rate,
            frame_count=source.frame_count or 0,
            image_names=[path.name for path in paths],
        )


def export_format(path: str | Path, format: str | None = None) -> str:  # noqa: A002
    """The name of the format that a path's ending, or its name, means.

    Raises:
        InputError: there is none, or it doesn't go with the ending.

    >>> export_format("boxes.jsonl"), export_format("boxes.json", "label-studio")
    ('jsonl', 'label-studio')
    """
    suffix = Path(path).suffix.lower()
    if format is None and suffix.removeprefix(".") in _OWN:
        return suffix[1:]
    if format in _OWN:
        if suffix != f".{format}":
            raise InputError(f"format {format}: expected a name in .{format}, got {path}")
        return format
    if format is not None and format not in EXPORT_FORMATS:
        raise InputError(f"unknown format {format!r}: {suggest(format, EXPORT_FORMATS)}")
    if format is None and suffix not in EXPORT_SUFFIXES:
        raise InputError(
            f"results: expected a name in {', '.join(EXPORT_SUFFIXES)}, or one of the formats "
            f"{', '.join(EXPORT_FORMATS)}, got {path}"
        )
    return find_annotation_format(path, format).name


EXPORT_SUFFIXES = (".csv", ".jsonl", ".txt", ".json", ".xml")
"""Endings that mean a format without its name."""


def export_paths(path: str | Path, targets: int, format: str | None = None) -> list[Path]:  # noqa: A002
    """Files that `export_results` writes: one, or one for each of several targets.

    Raises:
        InputError: see `export_format`.
    """
    if export_format(path, format) in _OWN:
        return [Path(path)]
    return annotation_paths(path, targets, format)


@contextmanager
def open_export(
    path: str | Path,
    *,
    targets: int,
    format: str | None = None,  # noqa: A002 - the word of the command line
    video: VideoInfo | None = None,
    overwrite: bool = False,
) -> Iterator[Callable[[FrameResult], object]]:
    """Give the function that adds a frame to what `export_results` writes when the block ends well.

    What is wrong with the place is said at once.

    Raises:
        InputError: see `export_format`.
        OutputError: a file is in the way, or cannot be written.
    """
    if export_format(path, format) in _OWN:
        with open_results(path, targets=targets, overwrite=overwrite) as add:
            yield add
        return
    check_annotation_place(path, targets, format=format, overwrite=overwrite)
    results: list[FrameResult] = []
    yield results.append
    export_results(path, results, format=format, video=video, overwrite=overwrite)


def export_results(
    path: str | Path,
    results: Iterable[FrameResult],
    *,
    format: str | None = None,  # noqa: A002 - the word of the command line
    video: VideoInfo | None = None,
    labels: Sequence[str] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write a track, whole or not at all; returns the files or the folder.

    Args:
        path: what to write.
        results: of one or more frames, all of the same targets.
        format: one of `EXPORT_FORMATS`; None: as the ending says.
        video: of the video that was tracked, as far as it is known.
        labels: the class of each target; by default its name, or `target`.
        overwrite: whether files that exist are replaced.

    Raises:
        InputError: no results, no such format, or an ending that doesn't go with it.
        DatasetError: the format needs something that isn't known, such as the frames' size.
        OutputError: a file is in the way, or cannot be written.
    """
    name = export_format(path, format)
    if name in _OWN:
        return write_results(path, results, overwrite=overwrite)
    annotation = to_annotation(list(results), video=video, labels=labels)
    return write_annotation(path, annotation, format=format, overwrite=overwrite)


def read_track(path: str | Path, *, format: str | None = None) -> VideoAnnotation:  # noqa: A002
    """Read what `export_results` wrote, in any format.

    Raises:
        InputError: no such format.
        DatasetError: there is nothing of the format; names the line.
    """
    if format in _OWN or (format is None and Path(path).suffix.lower()[1:] in _OWN):
        return to_annotation(read_results(path))
    return read_annotation(path, format=format)


def to_annotation(
    results: Sequence[FrameResult],
    *,
    video: VideoInfo | None = None,
    labels: Sequence[str] = (),
) -> VideoAnnotation:
    """Results of one or more frames, all of the same targets, as arrays.

    Raises:
        InputError: no results.
    """
    if not results:
        raise InputError("results: expected at least one frame, got none")
    known = video or VideoInfo()
    shape = (len(results), len(results[0].boxes))
    names = results[0].names
    return VideoAnnotation(
        frames=np.array([one.index for one in results], dtype=np.int64),
        boxes=np.array([one.boxes for one in results]).reshape(*shape, 4),
        scores=np.array([one.scores for one in results]).reshape(shape),
        key=np.array([_have(one, Status.KEYFRAME, shape[1]) for one in results]).reshape(shape),
        lost=np.array([_lost(one, shape[1]) for one in results]).reshape(shape),
        bridged=np.array([_have(one, Status.INTERPOLATED, shape[1]) for one in results]).reshape(
            shape
        ),
        names=[name or str(place) for place, name in enumerate(names, 1)],
        labels=labels or [name or "target" for name in names],
        video=known.name,
        size=known.size,
        frame_rate=known.frame_rate or _rate(results),
        frame_count=known.frame_count,
        image_names=known.image_names,
    )


def _have(result: FrameResult, status: Status, count: int) -> list[bool]:
    return [one == status for one in result.statuses] or [False] * count


def _lost(result: FrameResult, count: int) -> list[bool]:
    """Where the box is the guess of a tracker that lost its target; a bridge is none."""
    if result.statuses:
        return _have(result, Status.LOST, count)
    return [False] * count if result.lost_flags is None else result.lost_flags.tolist()


def _rate(results: Sequence[FrameResult]) -> float | None:
    """Frames per second by the first and the last time, as far as they are known."""
    first, last = results[0], results[-1]
    span = last.time - first.time
    if not math.isfinite(span) or span <= 0:
        return None
    return (last.index - first.index) / span
