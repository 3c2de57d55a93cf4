"""LMDB, imported only where a store is opened, and what both sides of a store read with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from siamfc.crops.store_format import CROP_PREFIX, DATA_NAME, ROOT_KEY, STATE_KEY
from siamfc.errors import DatasetError, MissingDependencyError, install_command

_read_environments: WeakValueDictionary[tuple[int, int], Any] = WeakValueDictionary()
"""By device and file: LMDB must not map a file twice in one process."""


def import_lmdb() -> Any:
    """The module `lmdb`.

    Raises:
        MissingDependencyError: it isn't installed.
    """
    try:
        import lmdb
    except ImportError:
        raise MissingDependencyError(f"a store needs `lmdb`: {install_command('train')}") from None
    return lmdb


def open_for_reading(path: Path) -> Any:
    """The LMDB environment of a store, shared by all in this process who read it.

    It takes no lock, so it may be used after a fork, and needs none: a finished store doesn't
    change.

    Raises:
        DatasetError: no LMDB file, or a damaged one, or a part of one.
        MissingDependencyError: `lmdb` isn't installed.
    """
    lmdb = import_lmdb()
    file = path / DATA_NAME
    if not file.is_file():
        raise DatasetError(f"{path}: expected a store made by `siamfc curate`, found none")
    status = file.stat()
    key = (status.st_dev, status.st_ino)
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
    """DatasetError if the file ends before its last page, as one does that was copied in part.

    LMDB maps the file, and reading behind its end would end the process without a word.
    """
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    found = (path / DATA_NAME).stat().st_size
    if found < expected:
        raise DatasetError(
            f"{path}: {DATA_NAME} has {found} of the {expected} bytes that it should have: it was "
            "cut off; copy it again, or remove it and curate anew"
        )


def entries(transaction: Any, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Entries whose key is `prefix` and numbers behind it, in order."""
    cursor = transaction.cursor()
    found = cursor.set_range(prefix)
    while found:
        key = bytes(cursor.key())
        if not key.startswith(prefix):
            return
        if len(key) in (5, 9):  # not a word that begins with the same letter
            yield key, cursor.value()
        found = cursor.next()


def index_entries(transaction: Any) -> Iterator[tuple[bytes, bytes]]:
    """Everything that a store's digest covers: all but the crops, the state and the root."""
    cursor = transaction.cursor()
    found = cursor.first()
    while found:
        key = bytes(cursor.key())
        if key.startswith(CROP_PREFIX):
            # Thousands of gigabytes may lie between the crops' first key and their last.
            found = cursor.set_range(bytes([CROP_PREFIX[0] + 1]))
            continue
        if key not in (STATE_KEY, ROOT_KEY):
            yield key, cursor.value()
        found = cursor.next()
