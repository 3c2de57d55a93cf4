"""Work of a curation worker: decode each image of a chunk once and crop its targets."""

import io
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features
from PIL import __version__ as pillow_version

from siamfc.boxes import center
from siamfc.crops.curation_plan import Chunk, ImageTask
from siamfc.crops.curation_settings import (
    CurationSettings,
    Outcome,
    outcome_by_annotation,
    outcome_in_frame,
)
from siamfc.crops.store_format import RECORD, Record, crop_digest
from siamfc.errors import InputError, SourceError
from siamfc.frames import VideoFile, read_image
from siamfc.geometry import PictureCropper, cell_size

_MOST_REDUCED = 8
"""Largest number of pixels per cell and axis in JPEG's reduced decoding."""
_CROPS_VERSION = 2
"""Version of the crops, raised whenever the same image and box give a different crop."""


@dataclass(frozen=True)
class CuratedChunk:
    """A chunk's crops and its part of the index.

    Attributes:
        crops: (track, frame, JPEG) of each target that is kept.
        records: `RECORD` arrays by track, with the frames of this chunk in order.
        image_names: names of the images, in order.
        encoder: versions that the JPEG bytes depend on.
    """

    crops: list[tuple[int, int, bytes]]
    records: dict[int, NDArray[np.void]]
    image_names: list[str]
    encoder: str


def encoder_version() -> str:
    """Return the versions of everything that affects a crop's bytes."""
    library = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {pillow_version}, libjpeg {library}, crops {_CROPS_VERSION}"


def curate_chunk(chunk: Chunk) -> CuratedChunk:
    """Judge every target of a chunk and crop those that are kept."""
    crops: list[tuple[int, int, bytes]] = []
    records: dict[int, list[Record]] = {}
    for task, frame in _frames(chunk):
        for target, outcome in zip(task.targets, frame.outcomes, strict=True):
            digest = 0
            if outcome is Outcome.KEPT and frame.cropper is not None:
                encoded = _cut(frame.cropper, np.array(target.box), chunk.settings)
                digest = crop_digest(encoded)
                crops.append((target.track, target.frame, encoded))
            record = (
                target.frame, task.number, outcome, target.occluded, target.visibility,
                target.box, digest,
            )  # fmt: skip
            records.setdefault(target.track, []).append(record)
    return CuratedChunk(
        crops=crops,
        records={track: np.array(rows, dtype=RECORD) for track, rows in records.items()},
        image_names=[_image_name(task) for task in chunk.images],
        encoder=encoder_version(),
    )


@dataclass(frozen=True)
class _Frame:
    """An image's targets with their outcomes, and the cropper if any target is kept."""

    outcomes: list[Outcome]
    cropper: PictureCropper | None = None


def _cut(cropper: PictureCropper, box: NDArray[np.float64], settings: CurationSettings) -> bytes:
    """Crop the square around a box and encode it."""
    side = float(settings.crop_side(box[2:]))
    picture = cropper.crop(center(box), side, settings.crop_size)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=settings.jpeg_quality, subsampling="4:2:0")
    return buffer.getvalue()


def _frames(chunk: Chunk) -> Iterator[tuple[ImageTask, _Frame]]:
    """Decode each image of a chunk, except images that no target needs."""
    settings = chunk.settings
    for video, tasks in groupby(chunk.images, key=lambda task: task.video_frame is not None):
        if not video:
            yield from ((task, _read(task, settings)) for task in tasks)
            continue
        for _, frames in groupby(tasks, key=lambda task: task.path):
            yield from _video_frames(list(frames), settings)


def _outcomes(
    task: ImageTask, frame: tuple[int, int] | Outcome, settings: CurationSettings
) -> list[Outcome]:
    """Judge an image's targets by its (width, height), or by the reason why it is unavailable."""
    outcomes = []
    for target in task.targets:
        outcome = outcome_by_annotation(target.box, target.visibility, target.frame, settings)
        if outcome is Outcome.KEPT:
            if isinstance(frame, Outcome):
                outcome = frame
            else:
                outcome = outcome_in_frame(target.box, frame, settings)
        outcomes.append(outcome)
    return outcomes


def _read(task: ImageTask, settings: CurationSettings) -> _Frame:
    outcomes = _outcomes(task, Outcome.KEPT, settings)
    if Outcome.KEPT not in outcomes:
        return _Frame(outcomes)  # not read, because every target is already rejected
    try:
        return _open_jpeg(task, settings) or _whole(task, read_image(task.path), settings)
    except SourceError:
        there = task.path.exists()
        reason = Outcome.UNREADABLE_IMAGE if there else Outcome.MISSING_IMAGE
        return _Frame(_outcomes(task, reason, settings))


def _whole(task: ImageTask, image: NDArray[np.uint8], settings: CurationSettings) -> _Frame:
    picture = Image.fromarray(image)
    return _Frame(_outcomes(task, picture.size, settings), PictureCropper(picture))


def _open_jpeg(task: ImageTask, settings: CurationSettings) -> _Frame | None:
    """Decode the most common kind of image directly, and no finer than its crops need.

    JPEG's decoder can return the means over cells of 2, 4 or 8 pixels instead of the pixels, in far
    less time than it takes to decode the pixels and average them.

    Returns:
        None for another kind of image, or one that cannot be read.
    """
    try:
        with Image.open(task.path, formats=("JPEG",)) as picture:
            if picture.mode != "RGB" or picture.getexif():
                return None
            width, height = size = picture.size
            outcomes = _outcomes(task, size, settings)
            wanted = _coarsest_cell(task, outcomes, settings)
            reduced = picture.draft("RGB", (max(width // wanted, 1), max(height // wanted, 1)))
            cell = 1 if reduced is None else round(width / reduced[1][2])
            picture.load()
    except Exception:  # Pillow raises many kinds; `read_image` reports the problem
        return None
    return _Frame(outcomes, PictureCropper(picture, cell=cell, frame_size=size))


def _coarsest_cell(task: ImageTask, outcomes: list[Outcome], settings: CurationSettings) -> int:
    """Return the largest cell that is fine enough for all crops of an image."""
    kept = [
        np.array(target.box[2:])
        for target, outcome in zip(task.targets, outcomes, strict=True)
        if outcome is Outcome.KEPT
    ]
    if not kept:
        return 1
    smallest = min(float(settings.crop_side(size)) for size in kept)
    return min(cell_size(smallest / settings.crop_size), _MOST_REDUCED)


def _video_frames(
    tasks: list[ImageTask], settings: CurationSettings
) -> Iterator[tuple[ImageTask, _Frame]]:
    """Yield consecutive frames of one video, or the reason why they cannot be decoded."""
    path = tasks[0].path
    reason = Outcome.UNREADABLE_IMAGE if path.exists() else Outcome.MISSING_IMAGE
    with closing(_decode_video(path, tasks[0].video_frame or 0)) as images:
        for task in tasks:
            image = next(images, None)
            if image is None:
                yield task, _Frame(_outcomes(task, reason, settings))
            else:
                yield task, _whole(task, image, settings)


def _decode_video(path: Path, first: int) -> Generator[NDArray[np.uint8]]:
    """Decode from frame `first` on, as far as possible."""
    try:
        with VideoFile(path) as video:
            for frame in video.frames(first):
                yield frame.image
    except (SourceError, InputError):
        return


def _image_name(task: ImageTask) -> str:
    name = task.path.as_posix()
    return name if task.video_frame is None else f"{name}#{task.video_frame}"
