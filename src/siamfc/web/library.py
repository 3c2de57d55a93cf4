"""The videos and folders of images in the folder that the server was started in.

A browser names an entry by a number derived from its path, never by the path. Links that lead out
of the folder are not listed, and an entry is checked again when it is opened.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from siamfc.errors import SourceError
from siamfc.frames.folder import is_image, natural_key
from siamfc.frames.images import IMAGE_SUFFIXES
from siamfc.frames.paths import VIDEO_FILE_SUFFIXES
from siamfc.web.clips import FileClip, open_images, open_video
from siamfc.web.limits import Limits

_SUFFIXES = VIDEO_FILE_SUFFIXES | IMAGE_SUFFIXES
_DEPTH = 4
"""Folders within folders that are looked into."""
_ENTRIES = 500
"""Most entries that are listed."""
_SECONDS = 2.0
"""Longest search of the folder."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that can be opened."""

    id: str
    name: str
    """Path below the folder."""
    kind: Literal["video", "images"]
    paths: list[Path]
    """The video, or the images in natural order of their names."""

    def summary(self) -> dict[str, Any]:
        """Return the entry as the browser gets it."""
        return {"id": self.id, "name": self.name, "kind": self.kind, "count": len(self.paths)}


class Library:
    """The videos and folders of images beneath a folder.

    Args:
        root: the folder; None: there are none.
        limits: bounds on what is opened.
    """

    def __init__(self, root: Path | None, limits: Limits) -> None:
        self._root = root and root.resolve()
        self._limits = limits

    def entries(self) -> list[Entry]:
        """Return videos and folders of at least two images, in natural order of their names."""
        return sorted(islice(self._find(), _ENTRIES), key=lambda entry: natural_key(entry.name))

    def open(self, entry_id: str) -> FileClip:
        """Open an entry.

        Raises:
            SourceError: it no longer exists, or cannot be opened.
        """
        for entry in self._find():
            if entry.id == entry_id:
                if entry.kind == "video":
                    return open_video(entry.paths[0], entry.name, self._limits)
                names = [path.name for path in entry.paths]
                return open_images(entry.paths, names, entry.name, self._limits)
        raise SourceError("that file is no longer in the folder: reload the page")

    def _find(self) -> Iterator[Entry]:
        if self._root is None:
            return
        deadline = time.monotonic() + _SECONDS
        for name, folders, names in os.walk(self._root):  # it follows no links to folders
            if time.monotonic() > deadline:
                return
            folder = Path(name)
            depth = len(folder.relative_to(self._root).parts)
            folders[:] = sorted(f for f in folders if depth < _DEPTH and not f.startswith("."))
            files = list(filter(self._is_ours, (folder / name for name in sorted(names))))
            images = sorted(filter(is_image, files), key=natural_key)
            if len(images) > 1:
                yield self._entry(folder, "images", images)
            for path in files:
                if time.monotonic() > deadline:
                    return
                if not is_image(path):
                    yield self._entry(path, "video", [path])

    def _is_ours(self, path: Path) -> bool:
        """Return True if a file can be opened and lies beneath the folder, with links resolved."""
        if path.name.startswith(".") or path.suffix.lower() not in _SUFFIXES:
            return False
        try:
            return path.resolve(strict=True).is_relative_to(self._root or "") and path.is_file()
        except (OSError, RuntimeError):
            return False

    def _entry(self, path: Path, kind: Literal["video", "images"], paths: list[Path]) -> Entry:
        name = path.relative_to(self._root or "").as_posix()
        digest = hashlib.sha256(f"{kind}:{name}".encode(errors="surrogateescape")).hexdigest()
        shown = path.name if name == "." else name.encode(errors="replace").decode()
        return Entry(id=digest[:16], name=shown, kind=kind, paths=paths)
