"""Curation: from a data set to a store of crops (thesis 3.1.2).

A square around each annotated target, with the shape and scale that the network searches, is cut
out once, so that training reads small images at random. Workers decode and crop; only this process
writes, in the order of the data set. If curation is killed at any moment, the next run continues
after the last chunk on disk and ends with the same content.

Before it continues, the annotation is read again and compared with the index, which contains every
box that was read. This takes a hundredth of the time of decoding and cropping the images.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamfc.crops.curation_plan import Chunk, TrackInfo, open_videos, plan_chunks, visible_fraction
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.curation_work import CuratedChunk, curate_chunk, encoder_version
from siamfc.crops.store_writer import State, StoreWriter, check_store_target
from siamfc.datasets.sequences import Sequence as Track
from siamfc.datasets.sequences import Video
from siamfc.errors import DatasetError
from siamfc.files import make_folder
from siamfc.folder_lock import lock_folder
from siamfc.workers import Workers

OnChunk = Callable[[int, int], None]
"""Called with the number of images and of videos finished since the last call."""


def curate(
    videos: Sequence[Video],
    store: Path,
    settings: CurationSettings | None = None,
    *,
    root: Path,
    source: str = "",
    workers: Workers | None = None,
    on_chunk: OnChunk | None = None,
) -> State:
    """Curate a data set into a store, or the part of it that is missing.

    Args:
        videos: videos of the data set, as its reader lists them.
        store: folder; new, empty, or started earlier with the same videos and settings.
        settings: size and quality of the crops, filters.
        root: the data set's folder; the index names images relative to it.
        source: name of the data set, recorded in the store.
        workers: processes that decode and crop; None: this process. The store's content does not
            depend on them.
        on_chunk: called with the progress; the first call reports the part of earlier runs.

    Returns:
        The counts of everything in the store.

    Raises:
        DatasetError: the store was started with something else, such as another annotation, has
            another version, or is damaged.
        OutputError: `store` is not suitable for a store, is being written, or its disk is full.
        WorkerError: workers died; finished chunks are kept.
    """
    chosen = settings or CurationSettings()
    check_store_target(store)
    make_folder(store)
    several = workers or Workers()
    with (
        lock_folder(store),
        StoreWriter(store, _describe(videos, chosen, source), str(root.absolute())) as writer,
    ):
        _check_annotations(videos, writer, several)
        start = writer.state.cursor
        if on_chunk is not None:
            on_chunk(start.images + start.skipped, start.video)
        if writer.state.digest is None:
            _run(videos, chosen, root, writer, several, on_chunk)
            writer.complete()
        return writer.state


def _run(
    videos: Sequence[Video],
    settings: CurationSettings,
    root: Path,
    writer: StoreWriter,
    workers: Workers,
    on_chunk: OnChunk | None,
) -> None:
    encoder = encoder_version()
    planned = _InFlightChunks(plan_chunks(videos, settings, writer.state.cursor, workers))
    for curated in workers.map(curate_chunk, planned):
        chunk = planned.next_done()
        if curated.encoder != encoder:
            raise DatasetError(
                f"a worker has {curated.encoder}, this program {encoder}: crops would differ; "
                "install the same versions everywhere"
            )
        before = writer.state.cursor
        writer.add(chunk, replace(curated, image_names=_relative(curated, root)))
        if on_chunk is not None:
            on_chunk(len(chunk.images), chunk.end.video - before.video)


class _InFlightChunks(Iterator[Chunk]):
    """Iterates over chunks and keeps each, only a few at a time, until its result arrives."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._handed_out: list[Chunk] = []

    def __next__(self) -> Chunk:
        chunk = next(self._chunks)
        self._handed_out.append(chunk)
        return chunk

    def next_done(self) -> Chunk:
        """Return the oldest chunk that was handed out."""
        return self._handed_out.pop(0)


def _describe(
    videos: Sequence[Video], settings: CurationSettings, source: str
) -> dict[str, object]:
    """Describe what determines a store's content, except for the images."""
    names = "\n".join(video.name for video in videos)
    digest = hashlib.sha256(names.encode()).hexdigest()[:16]
    return {
        "settings": asdict(settings),
        "crop_size": settings.crop_size,
        "source": {"format": source, "videos": f"{len(videos)}, names {digest}"},
        "encoder": encoder_version(),
    }


def _relative(curated: CuratedChunk, root: Path) -> list[str]:
    """Return the names of a chunk's images, relative to the root if they lie below it."""
    return [
        os.path.relpath(name, root) if Path(name).is_relative_to(root) else name
        for name in curated.image_names
    ]


def _check_annotations(videos: Sequence[Video], writer: StoreWriter, workers: Workers) -> None:
    """Compare the annotation of videos that are already in a store with its index.

    Raises:
        DatasetError: they differ; the message names the first such video.
    """
    cursor = writer.state.cursor
    begun = videos[: cursor.video + (cursor.skipped > 0)]
    with closing(writer.tracks()) as stored:  # closed before the environment, even on errors
        _compare_annotations(begun, stored, writer, workers)


def _compare_annotations(
    begun: Sequence[Video],
    stored: Iterator[tuple[TrackInfo, NDArray[np.void]]],
    writer: StoreWriter,
    workers: Workers,
) -> None:
    passed: set[str] = set()
    opened_videos = open_videos(begun, workers, count_frames=False)
    for video, opened in zip(begun, opened_videos, strict=True):
        for track in opened.tracks:
            info, records = next(stored, (None, None))
            if info is not None and info.video in passed:  # a track is missing
                _refuse_annotation(writer, info.video)
            if info is None or records is None or not _same_annotation(track, info, records):
                _refuse_annotation(writer, video.name)
        passed.add(video.name)
    for info, _ in stored:
        _refuse_annotation(writer, info.video)


def _same_annotation(track: Track, info: TrackInfo, records: NDArray[np.void]) -> bool:
    """Return True if the records, of all frames or of the first ones, are those of a track."""
    if TrackInfo.of(track) != info:
        return False
    frames = records["frame"]
    return (
        np.array_equal(track.boxes[frames], records["box"], equal_nan=True)
        and np.array_equal(track.occluded[frames], records["occluded"])
        and np.array_equal(
            visible_fraction(track)[frames].astype(np.float32),
            records["visibility"],
            equal_nan=True,
        )
    )


def _refuse_annotation(writer: StoreWriter, video: str) -> None:
    raise DatasetError(
        f"{writer.path}: was cut from another annotation of {video}; choose another folder, or "
        "remove the store"
    )
