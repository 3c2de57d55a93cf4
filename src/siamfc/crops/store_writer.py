"""Writer of a store: adds chunks together with the cursor after each, in LMDB transactions.

A transaction is written completely or not at all, so a process killed at any moment leaves a store
that holds some of the chunks and knows which.
"""

import json
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from siamfc.crops.curation_plan import Chunk, Cursor, TrackInfo
from siamfc.crops.curation_settings import Outcome
from siamfc.crops.curation_work import CuratedChunk
from siamfc.crops.store_format import (
    DATA_NAME,
    FORMAT_NAME,
    FORMAT_VERSION,
    RECORD,
    RECORD_PREFIX,
    ROOT_KEY,
    SETTINGS_KEY,
    STATE_KEY,
    TRACK_PREFIX,
    crop_key,
    image_key,
    index_digest,
    record_key,
    track_key,
)
from siamfc.crops.store_lmdb import check_length, entries, import_lmdb, index_entries
from siamfc.disk import full_disk_message
from siamfc.errors import DatasetError, OutputError
from siamfc.folder_lock import HOLDER_NAME, LOCK_NAME

_FIRST_MAP_BYTES = 1 << 28
_COMMIT_BYTES = 1 << 25
_COMMIT_SECONDS = 2.0
_FULL_DISK_ERRORS = ("No space", "quota", "File too large", "Input/output")
_MOST_PROBLEMS = 200  # stored with their text


@dataclass
class State:
    """Progress of a curation.

    Attributes:
        cursor: position of the next chunk.
        outcomes: number of targets by outcome.
        problems: texts of the first problems with videos.
        problem_count: number of all problems.
        digest: digest of the index, once the store is complete.
    """

    cursor: Cursor = field(default_factory=Cursor)
    outcomes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    digest: str | None = None

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read the output of `to_json`."""
        values = json.loads(text)
        return cls(**{**values, "cursor": Cursor(**values["cursor"])})

    def to_json(self) -> bytes:
        """Return JSON, with equal bytes for equal states."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    def after(self, chunk: Chunk, curated: CuratedChunk) -> "State":
        """Return the state after one more chunk."""
        outcomes = Counter(self.outcomes)
        for records in curated.records.values():
            outcomes.update(Outcome(outcome).name.lower() for outcome in records["outcome"])
        return State(
            cursor=chunk.end,
            outcomes=dict(outcomes),
            problems=[*self.problems, *chunk.problems][:_MOST_PROBLEMS],
            problem_count=self.problem_count + len(chunk.problems),
        )


class StoreWriter:
    """Fills a store that may already contain chunks; the caller holds its lock.

    Args:
        path: folder of the store.
        settings: what determines the content: curation settings, source, encoder. A store with
            others is refused.
        root: the data set's folder.

    Attributes:
        path: folder of the store.
        state: progress of the store.

    Raises:
        DatasetError: the store has another version, is damaged, or has other settings.
    """

    def __init__(self, path: Path, settings: dict[str, Any], root: str) -> None:
        self.path = path
        self._lmdb = import_lmdb()
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0
        self._committed = time.monotonic()
        with self._explained():
            self._environment = self._lmdb.open(
                str(path), map_size=_FIRST_MAP_BYTES, metasync=False, readahead=False,
                # The caller's lock is enough. LMDB's is a mapped file, and on a full disk a write
                # into it kills the process.
                lock=False,
            )  # fmt: skip
        try:
            check_length(self._environment, path)
            self.state = self._begin(settings, root)
        except BaseException:
            self._environment.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            # After an error, finished chunks are kept if the disk allows; the error is reported.
            with suppress(*([] if kind is None else [OutputError])):
                if self._pending:
                    self._commit()
        finally:
            self._environment.close()

    def add(self, chunk: Chunk, curated: CuratedChunk) -> None:
        """Add a chunk's crops and index; they reach the disk after a few seconds at most."""
        added = [
            (track_key(track), json.dumps(asdict(info)).encode()) for track, info in chunk.tracks
        ]
        added += [
            (record_key(track, int(records["frame"][0])), records.tobytes())
            for track, records in curated.records.items()
        ]
        if chunk.images:
            names = json.dumps(curated.image_names).encode()
            added.append((image_key(chunk.images[0].number), names))
        added += [(crop_key(track, frame), jpeg) for track, frame, jpeg in curated.crops]
        after = self.state.after(chunk, curated)
        # Data first: a run interrupted between these lines writes this chunk again when it resumes.
        self._pending += added
        self.state = after
        self._pending_bytes += sum(len(value) for _, value in added)
        waited = time.monotonic() - self._committed
        if self._pending_bytes >= _COMMIT_BYTES or waited >= _COMMIT_SECONDS:
            self._commit()

    def complete(self) -> None:
        """Mark the store as complete, with the digest of its index."""
        self._commit()
        with self._environment.begin(buffers=True) as transaction:
            self.state.digest = index_digest(index_entries(transaction))
        self._commit()
        with self._explained():
            self._environment.sync(True)

    def tracks(self) -> Generator[tuple[TrackInfo, NDArray[np.void]], None, None]:
        """Yield facts and records of each track that is already in the store."""
        with self._environment.begin() as transaction:
            for key, value in entries(transaction, TRACK_PREFIX):
                parts = [part for _, part in entries(transaction, RECORD_PREFIX + key[1:])]
                yield TrackInfo(**json.loads(value)), np.frombuffer(b"".join(parts), RECORD)

    def _begin(self, settings: dict[str, Any], root: str) -> State:
        wanted = {"format": FORMAT_NAME, "version": FORMAT_VERSION, **settings}
        with self._environment.begin() as transaction:
            there = transaction.get(SETTINGS_KEY)
            state = transaction.get(STATE_KEY)
        if there is None:
            self._pending = [
                (SETTINGS_KEY, json.dumps(wanted, sort_keys=True).encode()),
                (ROOT_KEY, root.encode()),
            ]
            self.state = State()
            self._commit()
            return self.state
        _compare(self.path, json.loads(there), wanted)
        return State.from_json(state)

    def _commit(self) -> None:
        pending = [*self._pending, (STATE_KEY, self.state.to_json())]
        with self._explained():
            while not self._try_commit(pending):
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        self._pending, self._pending_bytes = [], 0
        self._committed = time.monotonic()

    def _try_commit(self, pending: list[tuple[bytes, bytes]]) -> bool:
        """Write everything in one transaction; return False if the map is too small."""
        try:
            with self._environment.begin(write=True) as transaction:
                for key, value in pending:
                    transaction.put(key, value)
        except self._lmdb.MapFullError:
            return False
        return True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._lmdb.Error as error:
            text = str(error)
            # LMDB reports a write truncated by a full disk as an input/output error.
            if any(reason in text for reason in _FULL_DISK_ERRORS):
                raise OutputError(full_disk_message(self.path)) from None
            raise OutputError(f"{self.path}: cannot be written: {text}") from None


def check_store_target(path: Path) -> None:
    """Raise OutputError unless a store can be started or continued at `path`."""
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: expected a folder for the store, found a file")
    if not path.exists() or (path / DATA_NAME).exists():
        return
    if any(entry.name not in (LOCK_NAME, HOLDER_NAME, "lock.mdb") for entry in path.iterdir()):
        raise OutputError(f"{path}: expected a store or an empty folder, found other files")


def _compare(path: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise DatasetError, naming the first difference, unless both are equal."""
    if there.get("format") != FORMAT_NAME or there.get("version") != FORMAT_VERSION:
        raise DatasetError(
            f"{path}: is a store of version {there.get('version')}, this program writes version "
            f"{FORMAT_VERSION}; choose another folder"
        )
    for name in sorted({*there, *wanted}):
        old, new = there.get(name), wanted.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            _compare_fields(path, old, new)
        elif old != new:
            _refuse_change(path, name, old, new)


def _compare_fields(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            _refuse_change(path, name, old.get(name), new.get(name))


def _refuse_change(path: Path, name: str, old: object, new: object) -> None:
    raise DatasetError(
        f"{path}: was started with {name} {old!r}, got {new!r}; "
        "choose another folder or the same settings"
    )
