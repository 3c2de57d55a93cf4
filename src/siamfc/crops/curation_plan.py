"""Plan of a curation: a data set divided into chunks of images, independent of the workers.

Workers open the videos and parse the annotation in parallel. The chunks are formed here, in the
order of the data set, so that tracks and images have the same numbers in every run. A cursor marks
the end of a chunk, from which the plan can be resumed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from siamfc.crops.curation_settings import Box, CurationSettings
from siamfc.datasets.integrity import wrong_count
from siamfc.datasets.sequences import FrameFiles, Problem, Video
from siamfc.datasets.sequences import Sequence as Track
from siamfc.errors import DatasetError, InputError, SourceError
from siamfc.frames import VideoFile
from siamfc.workers import Workers

CHUNK_IMAGES = 32
CHUNK_TARGETS = 96
_VIDEOS_AT_ONCE = 8


@dataclass(frozen=True)
class Cursor:
    """Position at which the next chunk begins.

    Attributes:
        video: number of the first unfinished video.
        skipped: number of that video's images that are done.
        tracks: number of tracks in the videos before it.
        images: number of images in the videos before it.
    """

    video: int = 0
    skipped: int = 0
    tracks: int = 0
    images: int = 0


@dataclass(frozen=True)
class TrackInfo:
    """Facts about a track as a whole, as stored in the index."""

    sequence: str
    video: str
    split: str | None
    label: str
    frames: int

    @classmethod
    def of(cls, track: Track) -> Self:
        """Return a data set's facts about a track."""
        return cls(track.name, track.video, track.split, track.label, len(track))


@dataclass(frozen=True)
class Target:
    """One target in one image; `frame` is its position in its track."""

    track: int
    frame: int
    box: Box
    visibility: float
    occluded: bool


@dataclass(frozen=True)
class ImageTask:
    """An image file, or a frame of a video, with every target in it."""

    number: int
    path: Path
    video_frame: int | None
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Chunk:
    """Work for one call of a worker; `end` is the position of the next chunk."""

    settings: CurationSettings
    images: tuple[ImageTask, ...]
    tracks: tuple[tuple[int, TrackInfo], ...]
    problems: tuple[str, ...]
    end: Cursor


@dataclass(frozen=True)
class Opened:
    """A video's tracks, and the problems found in it."""

    tracks: tuple[Track, ...]
    problems: tuple[str, ...]


def plan_chunks(
    videos: Sequence[Video], settings: CurationSettings, start: Cursor, workers: Workers
) -> Iterator[Chunk]:
    """Divide the data set from `start` on into chunks; videos are opened only when needed.

    A video whose annotation cannot be read has no images; the chunk at its position says why.
    """
    builder = _Builder(settings, start)
    for video in open_videos(videos[start.video :], workers, count_frames=True):
        yield from builder.add_video(video)
    yield from builder.finish()


def open_videos(
    videos: Sequence[Video], workers: Workers, *, count_frames: bool
) -> Iterator[Opened]:
    """Read the annotation of each video, in order.

    Counting the frames of video files finds those that differ from the boxes.
    """
    batches = _batches(videos, _VIDEOS_AT_ONCE)
    opened = workers.map(partial(_open_videos, count_frames=count_frames), batches)
    return (one for batch in opened for one in batch)


@dataclass
class _Builder:
    """Collects images until they make a chunk."""

    settings: CurationSettings
    place: Cursor
    _images: list[ImageTask] = field(default_factory=list)
    _tracks: list[tuple[int, TrackInfo]] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _targets: int = 0

    def add_video(self, video: Opened) -> Iterator[Chunk]:
        place = self.place
        images = _merge_tracks(video.tracks, place)
        if place.skipped == 0:
            self._problems += video.problems
            self._tracks += [
                (place.tracks + index, TrackInfo.of(track))
                for index, track in enumerate(video.tracks)
            ]
        after = Cursor(
            video=place.video + 1,
            tracks=place.tracks + len(video.tracks),
            images=place.images + len(images),
        )
        for done, image in enumerate(images[place.skipped :], place.skipped + 1):
            self._images.append(image)
            self._targets += len(image.targets)
            self.place = after if done == len(images) else replace(place, skipped=done)
            if len(self._images) >= CHUNK_IMAGES or self._targets >= CHUNK_TARGETS:
                yield self._cut()
        self.place = after

    def finish(self) -> Iterator[Chunk]:
        """Yield the rest; the last chunk may have no image, only the cursor at the end."""
        yield self._cut()

    def _cut(self) -> Chunk:
        chunk = Chunk(
            self.settings, tuple(self._images), tuple(self._tracks), tuple(self._problems),
            self.place,
        )  # fmt: skip
        self._images, self._tracks, self._problems, self._targets = [], [], [], 0
        return chunk


def _open_videos(videos: Sequence[Video], *, count_frames: bool) -> list[Opened]:
    """Read the annotation of several videos; runs in a worker."""
    return [_open_video(video, count_frames) for video in videos]


def _open_video(video: Video, count_frames: bool) -> Opened:
    problems: list[str] = []

    def note(problem: Problem) -> None:
        # The index records missing frames one by one.
        if problem.kind != "missing frame":
            problems.append(f"{problem.path or problem.sequence}: {problem.message}")

    try:
        tracks = video.read(note)
        for problem in _wrong_counts(tracks) if count_frames else ():
            note(problem)
    except (DatasetError, SourceError, OSError) as error:
        return Opened((), (*problems, f"{video.name}: {error}"))
    return Opened(tracks, tuple(problems))


def _wrong_counts(tracks: Sequence[Track]) -> Iterator[Problem]:
    """Yield a problem for each video file with more or fewer frames than boxes.

    Such boxes may belong to other frames. A file that cannot be opened has no frames to misplace.
    """
    films = {track.frames: track for track in tracks if isinstance(track.frames, Path)}
    for path, track in films.items():
        try:
            with VideoFile(path) as video:
                is_stated = video.frame_count == len(track)
                count = len(track) if is_stated else video.count_frames()
        except (SourceError, InputError):
            continue
        if count != len(track):
            yield wrong_count(track, path, count)


def _merge_tracks(tracks: Sequence[Track], place: Cursor) -> list[ImageTask]:
    """Merge a video's tracks by image, so that each image is decoded once."""
    targets: dict[tuple[Path, int | None], list[Target]] = {}
    for index, track in enumerate(tracks):
        boxes = track.boxes.tolist()
        visibility = visible_fraction(track).tolist()
        occluded = track.occluded.tolist()
        for frame, key in enumerate(_image_keys(track)):
            target = Target(
                place.tracks + index, frame, tuple(boxes[frame]), visibility[frame],
                occluded[frame],
            )  # fmt: skip
            targets.setdefault(key, []).append(target)
    return [
        ImageTask(place.images + number, path, video_frame, tuple(found))
        for number, ((path, video_frame), found) in enumerate(targets.items())
    ]


def visible_fraction(track: Track) -> NDArray[np.float64]:
    """Return the visible fraction of a track's target, (F,), NaN where unknown."""
    return np.where(track.absent, 0.0, track.visibility)


def _image_keys(track: Track) -> Iterator[tuple[Path, int | None]]:
    if isinstance(track.frames, FrameFiles):
        yield from ((path, None) for path in track.frames)
    else:
        video = track.frames
        yield from ((video, frame) for frame in range(len(track)))


def _batches(videos: Iterable[Video], count: int) -> Iterator[list[Video]]:
    remaining = iter(videos)
    while batch := list(islice(remaining, count)):
        yield batch
