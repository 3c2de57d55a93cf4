"""Checks of paths, which report problems more clearly than a decoder."""

from __future__ import annotations

import difflib
import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from siamfc.errors import OutputError, SourceError

if TYPE_CHECKING:
    from siamfc.frames.frame import FrameSource

VIDEO_FILE_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"}
    | {".mts", ".ogv", ".ts", ".webm", ".wmv", ".y4m"}
)
"""Suffixes of files listed as videos; the content decides when a file is opened."""

_NAMES_COMPARED = 2000
"""Number of names in a folder that are compared, so that a suggestion never takes long."""


def require_file(path: Path) -> None:
    """Check that a path is a readable, non-empty file.

    Raises:
        SourceError: It is not; for a missing file the message suggests the most similar name.
    """
    require_exists(path)
    if path.is_dir():
        raise SourceError(f"expected a file, {path} is a folder")
    if is_special(path):
        raise SourceError(f"expected a file, {path} is a pipe, socket or device")
    if not os.access(path, os.R_OK):
        raise SourceError(f"no permission to read {path}")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes): copy or download it again")


def is_special(path: Path) -> bool:
    """Return True if a path exists but is neither a file nor a folder."""
    return exists(path) and not path.is_file() and not path.is_dir()


def require_exists(path: Path) -> None:
    """Check that a file or folder exists at a path.

    Raises:
        SourceError: There is none, or no permission to look it up.
    """
    try:
        path.stat()
    except PermissionError:
        raise SourceError(f"no permission to read {path}") from None
    except (OSError, ValueError):  # missing, a name too long, a null byte
        raise SourceError(f"no such file or folder: {path}{_suggestion(path)}") from None


def exists(path: Path) -> bool:
    """Return True for an existing file or folder, False also for invalid paths."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def check_not_source(target: Path, source: FrameSource) -> None:
    """Check that replacing a file or folder would not remove the source that is being read.

    Raises:
        OutputError: It is the source, or holds it.
    """
    if not exists(target):
        return
    video = getattr(source, "path", None)
    files: list[Path] = list(getattr(source, "paths", ())) if video is None else [video]
    advice = "is the source itself: name another file"
    if target.is_dir():
        folders = {file.absolute().parent for file in files}
        files = [above for folder in folders for above in (folder, *folder.parents)]
        advice = "holds the source: name another folder"
    if any(exists(file) and target.samefile(file) for file in files):
        raise OutputError(f"{target} {advice}")


def _suggestion(path: Path) -> str:
    try:
        names = [entry.name for entry in islice(path.parent.iterdir(), _NAMES_COMPARED)]
    except (OSError, ValueError):
        return f" (nor is there a folder {path.parent})"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
