"""What a data set's layout is: the part that every reader states of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from siamfc.datasets.sequences import Video
from siamfc.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class Format:
    """A data set's layout and the conventions of its annotation, with their source."""

    name: str
    """As typed on the command line."""
    title: str
    """As its authors call it."""
    tree: tuple[str, ...]
    """What lies under the root: one path a line, `<…>` for what varies."""
    boxes: str
    """Form and index base of a box, and what is done to make it one of ours."""
    missing: str
    """How an absent target, or a frame without annotation, is written."""
    source: str
    """Where these conventions are laid down."""
    homepage: str
    """The download page."""
    splits: tuple[str, ...] = ()
    """The parts that it comes in."""
    evaluated: str | None = None
    """The part that trackers are compared on; None: all of it."""
    read: Callable[[Path, str | None], list[Video]] = field(repr=False)
    """Lists the videos under a root, of one split or (None) of all; nothing where none is."""

    def open(self, root: str | Path, *, split: str | None = None) -> list[Video]:
        """List the videos under `root`, of one split or of all.

        Raises:
            DatasetError: the root isn't a folder, or holds no such data set; the message shows
                what was expected. Or a split that the format doesn't have.
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
            raise DatasetError(f"{error.filename}: expected to be allowed to read it") from None
        if not videos:
            part = f"the split {split!r} of " if split else ""
            raise DatasetError(f"{folder}: expected {part}{self._expected()}, found none of it")
        return videos

    def _expected(self) -> str:
        return f"{self.title} as {'; '.join(self.tree)}"
