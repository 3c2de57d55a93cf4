"""Hidden draft files that are renamed when complete, and removal of those of killed processes.

A process locks each of its drafts while it writes; the operating system releases the lock however
the process ends. A draft whose lock is free is dead, and the next process that writes to the folder
removes it. Windows has no such locks, so dead drafts stay there.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MARK = "siamfc"
_NAME = re.compile(rf"\..*-{_MARK}-[0-9a-f]{{8}}(\.[^.]*)?", re.DOTALL)

_seen: set[Path] = set()
"""Folders that this process has already cleared."""


class Draft:
    """A locked hidden file or folder beside a target, removed unless it is renamed.

    Dead drafts in the target's folder are removed first.

    Args:
        target: the final path.
        make: creates the draft at the given path.

    Raises:
        OSError: the draft cannot be created.
    """

    def __init__(self, target: Path, make: Callable[[Path], object]) -> None:
        remove_dead(target.parent)
        while not self._is_made(target, make):
            self.discard()  # another process removed it as dead before it was locked

    def _is_made(self, target: Path, make: Callable[[Path], object]) -> bool:
        # Hidden, with the target's suffix: encoders choose the format by it.
        name = f".{target.stem[:50]}-{_MARK}-{secrets.token_hex(4)}{target.suffix}"
        self.path = target.with_name(name)
        locks: list[int] = []
        self._end = weakref.finalize(self, _remove, self.path, locks)
        make(self.path)
        try:
            lock = _lock(self.path)
        except BlockingIOError:
            return False
        if lock is not None:
            locks.append(lock)
        return lock is None or os.fstat(lock).st_nlink > 0

    def discard(self) -> None:
        """Remove the draft if it still has its hidden name; may be called twice."""
        self._end()


def _remove(path: Path, locks: list[int]) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    for lock in locks:
        os.close(lock)


def remove_dead(folder: Path) -> None:
    """Remove the drafts of killed processes from a folder, once per process."""
    place = folder.absolute()
    if sys.platform == "win32" or place in _seen:
        return
    _seen.add(place)
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and not entry.is_symlink():
                _remove_if_dead(Path(entry.path))


def _remove_if_dead(path: Path) -> None:
    with suppress(BlockingIOError):
        lock = _lock(path)
        if lock is not None:
            _remove(path, [lock])


if sys.platform == "win32":

    def _lock(_path: Path) -> int | None:
        return None

else:
    import fcntl

    def _lock(path: Path) -> int | None:
        """Lock a file or folder; return None where locks are not supported.

        Raises:
            BlockingIOError: another process holds the lock.
        """
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise
        except OSError:
            os.close(handle)
            return None
        return handle
