"""Disk space: checked before work begins; a full disk ends in a clear error."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def free_bytes(path: Path) -> int:
    """Return the free bytes on the disk of `path`, which need not exist yet."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free


def check_space(path: Path, needed: int) -> None:
    """Raise OutputError unless `needed` bytes are free on the disk of `path`."""
    free = free_bytes(path)
    if needed > free:
        raise OutputError(
            f"{path}: about {format_bytes(needed)} are needed and {format_bytes(free)} are free; "
            "choose another disk or ask for less"
        )


@contextmanager
def explained_full_disk(path: Path) -> Iterator[None]:
    """Turn the system's error for a full disk into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OutputError(full_disk_message(path)) from None


def full_disk_message(path: Path) -> str:
    """Return the message for a full disk at `path`."""
    return f"{path}: the disk is full or failing; free space and run again; finished work is kept"


def format_bytes(count: float) -> str:
    """Format a number of bytes for reading, in powers of 1000.

    >>> format_bytes(61_300_000_000)
    '61.3 GB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
