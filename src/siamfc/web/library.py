"""The videos and folders of images in the folder that the server was started in.

A browser names an entry by a number derived from its path, never by the path. Links that lead out
of the folder are not listed, and an entry is checked again when it is opened.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from siamfc.errors import SourceError
from siamfc.frames.folder import is_image, natural_key
from siamfc.frames.paths import VIDEO_FILE_SUFFIXES
from siamfc.web.clips import FileClip, open_images, open_video
from siamfc.web.limits import Limits

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
    count: int
    """Count of images; 1 for a video."""
    path: Path

    def summary(self) -> dict[str, Any]:
        """Return the entry as the browser gets it."""
        return {"id": self.id, "name": self.name, "kind": self.kind, "count": self.count}


class Library:
    """The videos and folders of images beneath a folder.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def entries(self) -> list[Entry]:
        """Videos and folders of at least two images, in natural order of their names."""
        deadline = time.monotonic() + _SECONDS
        found = []
        for entry in self._walk(self._root, _DEPTH, deadline):
            found.append(entry)
            if len(found) == _ENTRIES:
                break
        return sorted(found, key=lambda entry: natural_key(entry.name))

    def open(self, entry_id: str, limits: Limits) -> FileClip:
        """Open an entry.

        Raises:
            SourceError: there is none of this number any more, or it can't be opened.
        """
        for entry in self._walk(self._root, _DEPTH, time.monotonic() + _SECONDS):
            if entry.id == entry_id:
                if entry.kind == "video":
                    return open_video(entry.path, entry.name, limits)
                images = self._images(entry.path)
                names = [path.name for path in images]
                return open_images(images, names, entry.name, limits)
        raise SourceError("that file is no longer in the folder: reload the page")

    def _walk(self, folder: Path, depth: int, deadline: float) -> Iterator[Entry]:
        try:
            children = sorted(folder.iterdir())
        except OSError:
            return
        images = [path for path in children if is_image(path)]
        if len(images) > 1 and self._images(folder):
            yield self._entry(folder, "images", len(images))
        for path in children:
            if time.monotonic() > deadline:
                return
            if path.name.startswith(".") or not self._is_inside(path):
                continue
            if path.is_dir():
                # Links within the folder could lead round in circles.
                if depth and not path.is_symlink():
                    yield from self._walk(path, depth - 1, deadline)
            elif path.suffix.lower() in VIDEO_FILE_SUFFIXES and path.is_file():
                yield self._entry(path, "video", 1)

    def _images(self, folder: Path) -> list[Path]:
        images = [p for p in folder.iterdir() if is_image(p) and self._is_inside(p) and p.is_file()]
        return sorted(images, key=natural_key)

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve(strict=True).is_relative_to(self._root)
        except (OSError, RuntimeError):
            return False

    def _entry(self, path: Path, kind: Literal["video", "images"], count: int) -> Entry:
        name = path.relative_to(self._root).as_posix()
        digest = hashlib.sha256(f"{kind}:{name}".encode(errors="surrogateescape")).hexdigest()
        shown = self._root.name if name == "." else name.encode(errors="replace").decode()
        return Entry(id=digest[:16], name=shown, kind=kind, count=count, path=path)
