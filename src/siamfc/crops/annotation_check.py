"""Check that a data set's annotation is still the one from which a store was cut.

The index contains every box that curation has read, so the annotation is read again and compared
with it. This takes a hundredth of the time of decoding and cropping the images.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from siamfc.crops.curation_plan import TrackInfo, open_videos, visible_fraction
from siamfc.crops.store_writer import StoreWriter
from siamfc.datasets.sequences import Sequence as Track
from siamfc.datasets.sequences import Video
from siamfc.errors import DatasetError
from siamfc.workers import Workers


def check_annotations(videos: Sequence[Video], writer: StoreWriter, workers: Workers) -> None:
    """Compare the annotation of videos that are already in a store with its index.

    Raises:
        DatasetError: they differ; the message names the first such video.
    """
    cursor = writer.state.cursor
    begun = videos[: cursor.video + (cursor.skipped > 0)]
    with closing(writer.tracks()) as stored:  # closed before the environment, even on errors
        _compare(begun, stored, writer, workers)


def _compare(
    begun: Sequence[Video],
    stored: Iterator[tuple[TrackInfo, NDArray[np.void]]],
    writer: StoreWriter,
    workers: Workers,
) -> None:
    passed: set[str] = set()
    for video, opened in zip(begun, open_videos(begun, workers), strict=True):
        for track in opened.tracks:
            info, records = next(stored, (None, None))
            if info is not None and info.video in passed:  # a track is missing
                _refuse(writer, info.video)
            if info is None or records is None or not _agree(track, info, records):
                _refuse(writer, video.name)
        passed.add(video.name)
    for info, _ in stored:
        _refuse(writer, info.video)


def _agree(track: Track, info: TrackInfo, records: NDArray[np.void]) -> bool:
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


def _refuse(writer: StoreWriter, video: str) -> None:
    raise DatasetError(
        f"{writer.path}: was cut from another annotation of {video}; choose another folder, or "
        "remove the store"
    )
