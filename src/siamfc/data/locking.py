"""Folders that are written to: made, and held by one writer at a time.

The lock on a folder ends with the process, however that ends.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError

LOCK_NAME = ".lock"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they aren't there; OutputError if it can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from None


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the only lock on a folder, through a file `.lock` in it that stays behind.

    The operating system releases the lock when the process dies, so a killed writer locks
    nobody out.

    Raises:
        OutputError: another process holds it, or the folder cannot be written.
    """
    try:
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        try:
            _lock(handle)
        except OSError:
            raise OutputError(
                f"{folder}: another process is writing here; wait for it, or choose another place"
            ) from None
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
