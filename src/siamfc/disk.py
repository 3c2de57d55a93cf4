"""Space on a disk: checked before work begins, and explained when it runs out."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def free_bytes(path: Path) -> int:
    """Bytes free on the disk that holds `path`, or that will once it exists."""
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
    """Turn the system's error for a full disk into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OutputError(full_disk_message(path)) from None


def full_disk_message(path: Path) -> str:
    """What to say when the disk of `path` takes no more."""
    return f"{path}: the disk is full, or fails; free space and run again; what is done is kept"


def format_bytes(count: float) -> str:
    """Bytes for people, in powers of 1000.

    >>> format_bytes(61_300_000_000)
    '61.3 GB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
