"""Access to LMDB, imported only when a store is opened; shared by reader and writer."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from siamfc.crops.store_format import CROP_PREFIX, DATA_NAME, ROOT_KEY, STATE_KEY
from siamfc.errors import DatasetError, MissingDependencyError, install_command

_read_environments: WeakValueDictionary[tuple[int, int], Any] = WeakValueDictionary()
"""Open environments by device and file: LMDB must not map a file twice in one process."""
_opening = Lock()


def import_lmdb() -> Any:
    """Import and return the module `lmdb`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import lmdb
    except ImportError:
        raise MissingDependencyError(f"a store needs `lmdb`: {install_command('train')}") from None
    return lmdb


def open_for_reading(path: Path) -> Any:
    """Open a store's LMDB environment, shared by all readers in this process.

    It takes no lock, so it may be used after a fork. None is needed, since a finished store never
    changes.

    Raises:
        DatasetError: no LMDB file, or a damaged or truncated one.
        MissingDependencyError: `lmdb` is not installed.
    """
    lmdb = import_lmdb()
    file = path / DATA_NAME
    if not file.is_file():
        raise DatasetError(f"{path}: expected a store made by `siamfc curate`, found none")
    status = file.stat()
    key = (status.st_dev, status.st_ino)
    with _opening:
        environment = _read_environments.get(key)
        if environment is None:
            try:
                environment = lmdb.open(
                    str(path), readonly=True, lock=False, readahead=False, create=False
                )
            except lmdb.Error as error:
                raise DatasetError(f"{path}: cannot be opened as a store ({error})") from None
            check_length(environment, path)
            _read_environments[key] = environment
    return environment


def check_length(environment: Any, path: Path) -> None:
    """Raise DatasetError if the file ends before its last page, as a partial copy does.

    LMDB maps the file into memory, and reading beyond its end would kill the process.
    """
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    found = (path / DATA_NAME).stat().st_size
    if found < expected:
        raise DatasetError(
            f"{path}: {DATA_NAME} has {found} of the {expected} bytes that it should have: it was "
            "cut off; copy it again, or remove it and curate again"
        )


def entries(transaction: Any, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries whose key is `prefix` followed by numbers, in order."""
    cursor = transaction.cursor()
    found = cursor.set_range(prefix)
    while found:
        key = bytes(cursor.key())
        if not key.startswith(prefix):
            return
        if len(key) in (5, 9):  # excludes words that begin with the same letter
            yield key, cursor.value()
        found = cursor.next()


def index_entries(transaction: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yield everything that a store's digest covers: all but the crops, the state and the root."""
    cursor = transaction.cursor()
    found = cursor.first()
    while found:
        key = bytes(cursor.key())
        if key.startswith(CROP_PREFIX):
            # The crops may take thousands of gigabytes, so jump over them.
            found = cursor.set_range(bytes([CROP_PREFIX[0] + 1]))
            continue
        if key not in (STATE_KEY, ROOT_KEY):
            yield key, cursor.value()
        found = cursor.next()
