"""A folder that only this process uses and that does not outlive it, even after a crash."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError
from siamfc.folder_lock import LOCK_NAME, lock_folder

PREFIX = "siamfc-page-"

_GRACE_SECONDS = 60.0
"""A folder without a lock this young may be one that another server is just making."""


@contextmanager
def private_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that no other user can read, and remove it with its contents at the end.

    Folders that killed servers left behind are removed first. A server holds a lock on its folder
    that ends with the process, however it ends.

    Args:
        parent: where; None: the system's folder for temporary files.

    Raises:
        OutputError: it cannot be made.
    """
    root = Path(tempfile.gettempdir()) if parent is None else parent
    for left in root.glob(f"{PREFIX}*"):
        if _is_stale(left):
            shutil.rmtree(left, ignore_errors=True)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    except OSError as error:
        raise OutputError(f"{root}: no folder for uploads can be made: {error.strerror}") from None
    try:
        with lock_folder(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_stale(folder: Path) -> bool:
    """Return True for a real folder, not a link, of a server of this user that no longer runs."""
    try:
        status = folder.lstat()
        is_ours = not hasattr(os, "getuid") or status.st_uid == os.getuid()
        if folder.is_symlink() or not folder.is_dir() or not is_ours:
            return False
        if not (folder / LOCK_NAME).exists():
            return time.time() - status.st_mtime > _GRACE_SECONDS
        with lock_folder(folder):
            return True
    except (OSError, OutputError):  # gone in the meantime, or its server runs
        return False


def free_name(folder: Path, suffix: str = "") -> Path:
    """Return an unused random path in `folder`, independent of the user's file name."""
    return folder / f"{secrets.token_hex(8)}{suffix}"
