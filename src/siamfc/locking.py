"""One writer at a time: a lock on a folder that ends with the process, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError

LOCK_NAME = ".lock"


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
