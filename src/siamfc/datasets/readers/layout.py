"""Definition of a data set's format: the part that each reader states for itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from siamfc.datasets.sequences import Video
from siamfc.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class Format:
    """A data set's layout and annotation conventions, with their source."""

    name: str
    """Name on the command line."""
    title: str
    """Title given by its authors."""
    tree: tuple[str, ...]
    """Contents of the root: one path per line, `<…>` for what varies."""
    boxes: str
    """Form and index base of a box, and its conversion to siamfc's convention."""
    missing: str
    """Notation of an absent target, or of a frame without annotation."""
    source: str
    """Source that defines these conventions."""
    homepage: str
    """Download page."""
    splits: tuple[str, ...] = ()
    """Names of its splits."""
    evaluated: str | None = None
    """Split on which trackers are compared; None: the whole data set."""
    read: Callable[[Path, str | None], list[Video]] = field(repr=False)
    """Lists the videos under a root, of one split or (None) of all; empty if there are none."""

    def open(self, root: str | Path, *, split: str | None = None) -> list[Video]:
        """List the videos under `root`, of one split or of all.

        Raises:
            DatasetError: the root is not a folder or contains no such data set, and the message
                shows what was expected; or the format has no such split.
        """
        folder = Path(root)
        if split is not None and split not in self.splits:
            known = f"one of {', '.join(self.splits)}" if self.splits else "none"
            raise DatasetError(f"split: expected {known} for {self.name}, got {split!r}")
        if not folder.exists():
            raise DatasetError(f"{folder}: expected {self._expected()}, got no such file or folder")
        try:
            videos = self.read(folder, split)
        except PermissionError as error:
            raise DatasetError(f"{error.filename}: cannot be read: permission denied") from None
        if not videos:
            part = f"the split {split!r} of " if split else ""
            raise DatasetError(f"{folder}: expected {part}{self._expected()}, found none of it")
        return videos

    def _expected(self) -> str:
        return f"{self.title} as {'; '.join(self.tree)}"
