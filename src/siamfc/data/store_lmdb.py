"""LMDB, imported only where a store is opened, and what both sides of a store read with it."""

from collections.abc import Iterator
from typing import Any

from siamfc.data.store_format import CROP_PREFIX, ROOT_KEY, STATE_KEY
from siamfc.errors import MissingDependencyError


def import_lmdb() -> Any:
    """The module `lmdb`.

    Raises:
        MissingDependencyError: it isn't installed.
    """
    try:
        import lmdb
    except ImportError:
        raise MissingDependencyError(
            "a store needs `lmdb`: install it with `pip install 'siamfc[train]'`"
        ) from None
    return lmdb


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
