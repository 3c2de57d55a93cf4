"""Checks of a data set: every frame, image and box; all problems are collected."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.boxes import area, clip_to_frame
from siamfc.datasets.sequences import FrameFiles, Problem, Sequence, Video
from siamfc.errors import DatasetError, SourceError
from siamfc.frames import open_source, read_image
from siamfc.workers import Workers

Size = tuple[int, int]
"""Width and height of a frame in pixels."""


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """Problems and counts of a data set, or of one of its videos."""

    videos: int = 0
    sequences: int = 0
    frames: int = 0
    """Number of images, each counted once however many targets it has."""
    boxes: int = 0
    problems: tuple[Problem, ...] = ()
    """Problems in the order of the videos and their frames."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of problems of each kind."""
        return dict(Counter(problem.kind for problem in self.problems))

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return {**asdict(self), "problems": [asdict(problem) for problem in self.problems]} | {
            "counts": self.counts
        }

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield the problems as a table: sequence, frame, kind, message."""
        for problem in self.problems:
            frame = "" if problem.frame is None else str(problem.frame)
            where = f"{problem.path}: " if problem.path else ""
            yield problem.sequence, frame, problem.kind, where + problem.message


def check_dataset(
    videos: Iterable[Video],
    *,
    images: bool = True,
    workers: Workers | None = None,
    on_video: Callable[[CheckReport], None] | None = None,
) -> CheckReport:
    """Check the videos of a data set.

    This finds missing frames, mismatched counts, unreadable annotation and boxes without area; and,
    by decoding every image, unreadable images, frames of another size than the first, and boxes
    entirely outside the frame.

    Args:
        videos: the videos that a `Format` lists.
        images: decode the images; without this, problems that it would show are not found.
        workers: the workers that check, already open; None: this process.
        on_video: called with the report of each video, in order.
    """
    check = partial(check_video, images=images)
    counts = np.zeros(4, dtype=np.int64)
    problems: list[Problem] = []
    for found in workers.map(check, videos) if workers is not None else map(check, videos):
        counts += (found.videos, found.sequences, found.frames, found.boxes)
        problems += found.problems
        if on_video is not None:
            on_video(found)
    videos_seen, sequences, frames, boxes = counts.tolist()
    return CheckReport(
        videos=videos_seen,
        sequences=sequences,
        frames=frames,
        boxes=boxes,
        problems=tuple(problems),
    )


def check_video(video: Video, *, images: bool = True) -> CheckReport:
    """Check one video with all its targets; see `check_dataset`."""
    problems: list[Problem] = []
    try:
        sequences = video.read(problems.append)
    except DatasetError as error:
        problems.append(
            Problem(kind="unreadable annotation", sequence=video.name, message=str(error))
        )
        return CheckReport(videos=1, problems=tuple(problems))
    if not sequences:
        message = "expected at least one target, found none"
        problems.append(Problem(kind="no target", sequence=video.name, message=message))
    frames = 0
    for group in _sharing_frames(sequences):
        frames += len(group[0])
        if images:
            missing = {problem.path for problem in problems if problem.kind == "missing frame"}
            sizes = _check_images(group[0], missing, problems)
            for sequence in group:
                problems += _boxes_outside(sequence, sizes)
    return CheckReport(
        videos=1,
        sequences=len(sequences),
        frames=frames,
        boxes=sum(int(sequence.annotated.sum()) for sequence in sequences),
        problems=tuple(problems),
    )


def _sharing_frames(sequences: AbstractSequence[Sequence]) -> list[list[Sequence]]:
    """Group the sequences with the same frames, so that each frame is decoded once."""
    groups: list[list[Sequence]] = []
    for sequence in sequences:
        for group in groups:
            if _same_frames(group[0].frames, sequence.frames):
                group.append(sequence)
                break
        else:
            groups.append([sequence])
    return groups


def _same_frames(first: FrameFiles | Path, second: FrameFiles | Path) -> bool:
    if isinstance(first, FrameFiles) and isinstance(second, FrameFiles):
        return first.folder == second.folder and first.names == second.names
    return first == second


def _check_images(
    sequence: Sequence, missing: set[str | None], problems: list[Problem]
) -> list[Size | None]:
    """Decode every frame and return its size; None if it cannot be read."""
    sizes: list[Size | None] = []
    expected = None
    for frame, size in enumerate(_sizes(sequence, missing, problems)):
        sizes.append(size)
        expected = expected or size
        if size is not None and size != expected:
            message = f"expected frames of {_shown(expected)} pixels, got {_shown(size)}"
            problems.append(
                Problem(kind="frame size", sequence=sequence.video, frame=frame, message=message)
            )
    return sizes


def _sizes(
    sequence: Sequence, missing: set[str | None], problems: list[Problem]
) -> Iterator[Size | None]:
    if isinstance(sequence.frames, Path):
        yield from _video_sizes(sequence, sequence.frames, problems)
        return
    for frame, path in enumerate(sequence.frames):
        if str(path) in missing:
            yield None
            continue
        try:
            height, width, _ = read_image(path).shape
        except SourceError as error:
            problems.append(
                Problem(
                    kind="unreadable image" if path.exists() else "missing frame",
                    sequence=sequence.video,
                    frame=frame,
                    message=str(error),
                )
            )
            yield None
        else:
            yield width, height


def _video_sizes(sequence: Sequence, path: Path, problems: list[Problem]) -> Iterator[Size | None]:
    count = 0
    try:
        with open_source(path) as source:
            for frame in source:
                height, width, _ = frame.image.shape
                count += 1
                if count <= len(sequence):
                    yield width, height
    except SourceError as error:
        problems.append(
            Problem(
                kind="unreadable image", sequence=sequence.video, frame=count, message=str(error)
            )
        )
    if count != len(sequence):
        problems.append(wrong_count(sequence, path, count))


def wrong_count(sequence: Sequence, path: Path, count: int) -> Problem:
    """Return the problem of a video file with more or fewer frames than boxes."""
    message = f"expected {len(sequence)} frames for as many boxes, got {count}"
    return Problem(kind="wrong count", sequence=sequence.video, path=str(path), message=message)


def _boxes_outside(sequence: Sequence, sizes: AbstractSequence[Size | None]) -> Iterator[Problem]:
    """Yield a problem for each box entirely outside the frame."""
    count = min(len(sizes), len(sequence))
    known = np.array([size is not None for size in sizes[:count]], dtype=np.bool_)
    for frame in np.flatnonzero(known & sequence.annotated[:count]).tolist():
        size = sizes[frame]
        box = sequence.boxes[frame]
        if size is not None and area(clip_to_frame(box, size)) == 0:
            message = f"expected a box inside {_shown(size)} pixels, got {box.tolist()}"
            yield Problem(kind="box outside", sequence=sequence.name, frame=frame, message=message)


def _shown(size: Size | None) -> str:
    return "×".join(map(str, size or ()))
