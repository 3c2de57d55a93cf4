"""A store of curated crops: the index in memory, the crops in LMDB with random access.

>>> with Store("vid.store") as store:                             # doctest: +SKIP
...     row = int(store.kept_rows(track=0)[0])
...     pixels, box = store.image(row), store.boxes_crop[row]
"""

import json
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray
from siamfc.crops.curation_plan import TrackInfo
from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.crops.store_format import (
    CROP_PREFIX,
    FORMAT_NAME,
    FORMAT_VERSION,
    IMAGE_PREFIX,
    RECORD,
    RECORD_PREFIX,
    ROOT_KEY,
    SETTINGS_KEY,
    STATE_KEY,
    TRACK_PREFIX,
    crop_digest,
    crop_key,
    index_digest,
    track_of,
)
from siamfc.crops.store_lmdb import entries, index_entries, open_for_reading
from siamfc.crops.store_writer import State
from siamfc.errors import DatasetError, MissingDependencyError, install_command


class Store:
    """A complete store, opened for reading by any number of processes.

    Rows are numbered over all targets in all frames, kept or not, by track and then by frame. A
    store can be read by several threads, sent to another process, and used after a fork.

    Args:
        path: folder of the store.

    Attributes:
        path: folder of the store.
        settings: settings of its curation.
        source: the data set it was made from: format, split, videos.
        state: counts and problems of its curation.
        tracks: facts about each track.
        records: (R,) `RECORD`, the index.
        track_numbers: (R,) track of each row.

    Raises:
        DatasetError: no store, an unfinished one, or one of another version.
        MissingDependencyError: `lmdb` is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._environment: Any = None
        self._local = threading.local()
        transaction = self._transaction()
        self.settings, self.source = self._read_settings(transaction)
        self.state = State.from_json(bytes(transaction.get(STATE_KEY)))
        if self.state.digest is None:
            raise DatasetError(
                f"{self.path}: is unfinished; run the same `siamfc curate` again to continue"
            )
        self.tracks = tuple(
            TrackInfo(**json.loads(bytes(value))) for _, value in entries(transaction, TRACK_PREFIX)
        )
        self.track_numbers, self.records = _read_records(transaction)

    def __len__(self) -> int:
        """Return the number of crops."""
        return int((self.records["outcome"] == Outcome.KEPT).sum())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        return type(self), (self.path,)

    def close(self) -> None:
        """Release the file; a later read opens it again."""
        self._local = threading.local()
        self._environment = None

    @property
    def digest(self) -> str:
        """SHA-256 of the content: stores with equal digests have equal content."""
        return str(self.state.digest)

    @property
    def root(self) -> str:
        """Folder of the data set during curation; not part of the content."""
        return bytes(self._transaction().get(ROOT_KEY)).decode()

    @cached_property
    def boxes_crop(self) -> FloatArray:
        """(R, 4) box of the target in its crop's pixels; NaN where there is no crop."""
        boxes = self.settings.boxes_crop(self.records["box"])
        boxes[self.records["outcome"] != Outcome.KEPT] = np.nan
        return boxes

    @property
    def video_names(self) -> list[str]:
        """Name of each track's video."""
        return [track.video for track in self.tracks]

    @cached_property
    def image_names(self) -> tuple[str, ...]:
        """Source of each image number, relative to `root`; `video.mp4#12` is a video's frame."""
        parts = entries(self._transaction(), IMAGE_PREFIX)
        return tuple(name for _, value in parts for name in json.loads(bytes(value)))

    @cached_property
    def _track_starts(self) -> NDArray[np.int64]:
        return np.searchsorted(self.track_numbers, np.arange(len(self.tracks) + 1))

    def track_rows(self, track: int) -> range:
        """Return the rows of a track, one per frame."""
        return range(int(self._track_starts[track]), int(self._track_starts[track + 1]))

    def kept_rows(self, track: int) -> NDArray[np.int64]:
        """Return the rows of a track that have a crop, in order."""
        rows = self.track_rows(track)
        kept = self.records["outcome"][rows.start : rows.stop] == Outcome.KEPT
        return rows.start + np.flatnonzero(kept)

    def jpeg(self, row: int) -> bytes:
        """Return the stored JPEG of a row's crop.

        Raises:
            DatasetError: the row has no crop, or the store is damaged.
        """
        return bytes(self._jpeg_view(row))

    def image(self, row: int) -> NDArray[np.uint8]:
        """Return a row's crop, (crop_size, crop_size, 3) uint8 RGB, with the target in the centre.

        Raises:
            DatasetError: the row has no crop, or the store is damaged.
        """
        pixels = np.empty((self.settings.crop_size, self.settings.crop_size, 3), dtype=np.uint8)
        self.read_into(row, pixels)
        return pixels

    def read_into(self, row: int, out: NDArray[np.uint8]) -> None:
        """Decode the crop of a row into `out`, in place; raises like `image`."""
        decode = _import_simplejpeg().decode_jpeg
        try:
            shape = decode(self._jpeg_view(row), buffer=out).shape
            if shape != out.shape:
                raise ValueError(f"expected pixels of shape {out.shape}, got {shape}")
        except ValueError as error:
            raise DatasetError(f"{self._name(row)} cannot be decoded ({error})") from None

    def verify(self) -> int:
        """Compare every entry with its digest and return the number of crops.

        Raises:
            DatasetError: an entry that is missing, changed or misplaced; the message names the
                first.
        """
        transaction = self._transaction()
        found = index_digest(index_entries(transaction))
        if found != self.digest:
            raise DatasetError(
                f"{self.path}: is damaged: the index's digest is {found}, expected {self.digest}"
            )
        kept = np.flatnonzero(self.records["outcome"] == Outcome.KEPT)
        stored = entries(transaction, CROP_PREFIX)
        for row in kept.tolist():
            expected = crop_key(int(self.track_numbers[row]), int(self.records["frame"][row]))
            key, value = next(stored, (b"", b""))
            if key != expected:
                raise DatasetError(f"{self._name(row)} is missing: the store is damaged")
            if crop_digest(value) != int(self.records["digest"][row]):
                raise DatasetError(
                    f"{self._name(row)} is not what was written: the store is damaged"
                )
        if next(stored, None) is not None:
            raise DatasetError(f"{self.path}: is damaged: it has crops that the index doesn't know")
        return len(kept)

    def _jpeg_view(self, row: int) -> Any:
        record = self.records[row]
        key = crop_key(int(self.track_numbers[row]), int(record["frame"]))
        view = self._transaction().get(key)
        if view is None:
            outcome = Outcome(int(record["outcome"]))
            reason = (
                "the store is damaged" if outcome is Outcome.KEPT else f"left out, {outcome.name}"
            )
            raise DatasetError(f"{self._name(row)} is missing: {reason}")
        return view

    def _name(self, row: int) -> str:
        sequence = self.tracks[int(self.track_numbers[row])].sequence
        return f"{self.path}: the crop of {sequence}, frame {int(self.records['frame'][row])},"

    def _transaction(self) -> Any:
        """Return this thread's read transaction, which stays open since the store never changes."""
        transaction = getattr(self._local, "transaction", None)
        if transaction is None:
            if self._environment is None:
                self._environment = open_for_reading(self.path)
            transaction = self._local.transaction = self._environment.begin(buffers=True)
        return transaction

    def _read_settings(self, transaction: Any) -> tuple[CurationSettings, dict[str, Any]]:
        value = transaction.get(SETTINGS_KEY)
        try:
            made = json.loads(bytes(value or b"{}"))
        except ValueError:
            made = {}
        if made.get("format") != FORMAT_NAME:
            raise DatasetError(f"{self.path}: is an LMDB file but no store of siamfc")
        if made.get("version") != FORMAT_VERSION:
            raise DatasetError(
                f"{self.path}: is a store of version {made.get('version')}, this program reads "
                f"version {FORMAT_VERSION}; curate it again"
            )
        settings = CurationSettings(**made["settings"])
        if made["crop_size"] != settings.crop_size:
            raise DatasetError(
                f"{self.path}: has crops of {made['crop_size']} pixels where its settings make "
                f"{settings.crop_size}; curate it again"
            )
        return settings, made["source"]


def _import_simplejpeg() -> Any:
    """Import and return the module `simplejpeg`, which decodes into an array, in place.

    Pillow decodes into pixels of four bytes, which are then copied: reading pairs took 1.55 times
    as long.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import simplejpeg
    except ImportError:
        raise MissingDependencyError(
            f"reading a store needs `simplejpeg`: {install_command('train')}"
        ) from None
    return simplejpeg


def _read_records(transaction: Any) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    parts = [
        (track_of(key), np.frombuffer(bytes(value), dtype=RECORD))
        for key, value in entries(transaction, RECORD_PREFIX)
    ]
    tracks = np.repeat(
        np.array([track for track, _ in parts], dtype=np.int64), [len(part) for _, part in parts]
    )
    if not parts:
        return tracks, np.zeros(0, dtype=RECORD)
    return tracks, np.concatenate([part for _, part in parts])
