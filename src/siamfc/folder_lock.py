"""A lock on a folder that admits one writer and ends with its process, however it ends."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from siamfc.errors import OutputError

LOCK_NAME = ".lock"
HOLDER_NAME = ".lock-holder"
"""File that names the lock's holder; separate, since opening the lock's file may empty it."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the only lock on a folder, through a file `.lock` in it that is not removed.

    The operating system releases the lock when the process dies, so a killed writer locks nobody
    out.

    Raises:
        OutputError: another process holds the lock, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # only writers of folders need it

    if not folder.is_dir():
        raise OutputError(f"{folder}: cannot be written: there is no such folder")
    lock = FileLock(folder / LOCK_NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{folder}: {_holder(folder)} is writing here; wait for it, or choose another place"
        ) from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{folder}: cannot be written: {reason}") from None
    try:
        with suppress(OSError):  # the note is only a help: the lock works without it
            note = {"process": os.getpid(), "host": socket.gethostname()}
            (folder / HOLDER_NAME).write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER_NAME).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    try:
        note = json.loads((folder / HOLDER_NAME).read_text(encoding="utf-8"))
        return f"another process ({int(note['process'])} on {note['host']!s:.60})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
