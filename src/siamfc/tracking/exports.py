"""Reading and writing tracks in every file format.

The project's own formats, CSV and JSON Lines, hold everything that is known about a track; the
others are those of `siamfc.annotations`.
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
    check_annotation_target,
    find_annotation_format,
    read_annotation,
    write_annotation,
)
from siamfc.checks import as_line, check_line
from siamfc.errors import InputError, suggest
from siamfc.tracking.result_files import open_results, read_results, write_results
from siamfc.tracking.results import FrameResult, Status, in_order

if TYPE_CHECKING:
    from siamfc.frames import FrameSource

_OWN = ("csv", "jsonl")
EXPORT_FORMATS = (*_OWN, *ANNOTATION_FORMATS)
"""Names of the formats in which a track can be written."""
EXPORT_SUFFIXES = (".csv", ".jsonl", ".txt", ".json", ".xml")
"""File suffixes that imply a format."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Facts about the tracked video that some formats include."""

    name: str = "video.mp4"
    """Name of its file or folder."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    frame_rate: float | None = None
    """Frames per second."""
    frame_count: int = 0
    """Number of frames in the whole video; 0: unknown."""
    image_names: Sequence[str] = ()
    """File names of its frames if it is a folder of images."""

    @classmethod
    def of(cls, source: FrameSource) -> VideoInfo:
        """Return what is known of a source."""
        from siamfc.frames import ImageFiles

        paths = source.paths if isinstance(source, ImageFiles) else ()
        return cls(
            name=as_line(source.name),
            size=source.size,
            frame_rate=source.frame_rate,
            frame_count=source.frame_count or 0,
            image_names=[path.name for path in paths],
        )


def export_format(path: str | Path, format: str | None = None) -> str:
    """Return the name of the format implied by a path's suffix, or given by name.

    Raises:
        InputError: an unknown format, or one that does not match the suffix.

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


def export_paths(path: str | Path, targets: int, format: str | None = None) -> list[Path]:
    """Return the files that `export_results` writes: one, or one per target.

    Raises:
        InputError: as for `export_format`.
    """
    if export_format(path, format) in _OWN:
        return [Path(path)]
    return annotation_paths(path, targets, format)


@contextmanager
def open_export(
    path: str | Path,
    *,
    targets: int,
    format: str | None = None,
    video: VideoInfo | FrameSource | None = None,
    labels: Sequence[str] = (),
    overwrite: bool = False,
) -> Iterator[Callable[[FrameResult], object]]:
    """Yield a function that adds a frame; the files are written when the block ends without error.

    An unusable path, and labels that do not fit, are reported on entry, not at the end. The
    arguments are those of `export_results`.

    Raises:
        InputError: as for `export_format`; labels for a format that has none, or of another number.
        OutputError: a file that exists, unless `overwrite`, or cannot be written.
    """
    name = export_format(path, format)
    _check_labels(labels, targets, name)
    if name in _OWN:
        with open_results(path, overwrite=overwrite) as add:
            yield add
        return
    check_annotation_target(path, targets, format=format, overwrite=overwrite)
    results: list[FrameResult] = []
    yield results.append
    export_results(path, results, format=format, video=video, labels=labels, overwrite=overwrite)


def export_results(
    path: str | Path,
    results: Iterable[FrameResult],
    *,
    format: str | None = None,
    video: VideoInfo | FrameSource | None = None,
    labels: Sequence[str] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write a track, completely or not at all; return the paths of the files or of the folder.

    Args:
        path: file or folder to write.
        results: results of one or more frames, all of the same targets.
        format: one of `EXPORT_FORMATS`; None: implied by the suffix.
        video: facts about the tracked video, or its source, which is asked after the last result: a
            video counts its frames while it is read.
        labels: class of each target, or one for all; by default its name, or `target`.
        overwrite: replace existing files.

    Raises:
        InputError: no results, an unknown format, a suffix that does not match it, labels for a
            format that has none, or of another number.
        DatasetError: the format needs something that is unknown, such as the frame size.
        OutputError: a file that exists, unless `overwrite`, or cannot be written.
    """
    name = export_format(path, format)
    if name in _OWN and not labels:
        return [write_results(path, results, overwrite=overwrite)]  # refused before any tracking
    kept = list(results)
    _check_labels(labels, len(kept[0].boxes) if kept else 0, name)
    known = video if isinstance(video, VideoInfo | None) else VideoInfo.of(video)
    annotation = to_annotation(kept, video=known, labels=labels)
    return write_annotation(path, annotation, format=format, overwrite=overwrite)


def _check_labels(labels: Sequence[str], targets: int, format: str) -> None:
    if not labels:
        return
    for label in labels:
        check_line("class", label)
    if format in _OWN or ANNOTATION_FORMATS[format].each_target:
        known = [name for name, one in ANNOTATION_FORMATS.items() if not one.each_target]
        raise InputError(
            f"classes: expected a format that has them, {', '.join(known)}; got {format}"
        )
    if len(labels) not in (1, targets):
        raise InputError(
            f"classes: expected one for all or {targets}, one for each object, got {len(labels)}"
        )


def read_track(path: str | Path, *, format: str | None = None) -> VideoAnnotation:
    """Read a track that `export_results` wrote, in any format.

    Raises:
        InputError: an unknown format.
        DatasetError: a file that is not in the format; the message names the line.
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
    """Convert results of one or more frames, all of the same targets, to arrays.

    Args:
        results: as described.
        video: facts about the tracked video, as far as known.
        labels: class of each target, or one for all; by default its name, or `target`.

    Raises:
        InputError: no results.
    """
    if not results:
        raise InputError("results: expected at least one frame, got none")
    results = in_order(results)
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
        labels=list(labels) * (shape[1] if len(labels) == 1 else 1)
        or [name or "target" for name in names],
        video=known.name,
        size=known.size,
        frame_rate=known.frame_rate or _rate(results),
        frame_count=known.frame_count,
        image_names=known.image_names,
    )


def _have(result: FrameResult, status: Status, count: int) -> list[bool]:
    return [one == status for one in result.statuses] or [False] * count


def _lost(result: FrameResult, count: int) -> list[bool]:
    """Return which boxes are guesses of a tracker that lost its target; bridged boxes are not."""
    if result.statuses:
        return _have(result, Status.LOST, count)
    return [False] * count if result.lost_flags is None else result.lost_flags.tolist()


def _rate(results: Sequence[FrameResult]) -> float | None:
    """Return frames per second computed from the first and last time; None if unknown."""
    first, last = results[0], results[-1]
    span = last.time - first.time
    if not math.isfinite(span) or span <= 0:
        return None
    return (last.index - first.index) / span
