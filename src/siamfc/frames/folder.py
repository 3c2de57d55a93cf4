"""A folder, glob or list of image files as a source of frames."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from siamfc.errors import InputError, SiamFCError, SourceError
from siamfc.frames.arrays import image_time
from siamfc.frames.frame import Frame
from siamfc.frames.images import IMAGE_SUFFIXES, read_image
from siamfc.frames.paths import require_exists
from siamfc.frames.read_ahead import ReadAheadSource


class ImageFiles(ReadAheadSource):
    """Image files, one per frame, in the order given.

    An image that cannot be read ends the iteration with an error that names it. It isn't skipped:
    a missing frame would shift every later row of a result file against its ground truth.

    Args:
        paths: The files.
        name: The source's name.
        frame_rate: Frames per second, which gives the frames times; None: the times are NaN.
        read_ahead: Images that are decoded ahead, at least 1.

    Raises:
        SourceError: No files, or the first cannot be read; while iterating: another cannot.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        name: str,
        frame_rate: float | None = None,
        read_ahead: int = 4,
    ) -> None:
        super().__init__(read_ahead)
        self.paths = tuple(paths)
        if not self.paths:
            raise SourceError(f"{name} holds no images")
        self.name = name
        self.frame_rate = frame_rate
        self.frame_count = len(self.paths)
        height, width, _ = read_image(self.paths[0]).shape
        self.size = (width, height)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames(0)

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on.

        Raises:
            InputError: There is no frame of this index.
        """
        self._check_index(start)
        return self._read_ahead(self[index] for index in range(start, self.frame_count))

    def __getitem__(self, index: int) -> Frame:
        self._check_index(index)
        return Frame(read_image(self.paths[index]), index, image_time(index, self.frame_rate))

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.frame_count:
            raise InputError(
                f"{self.name} has frames 0 to {self.frame_count - 1}; {index} was asked for"
            )


def find_images(folder: Path) -> list[Path]:
    """The images of a folder in natural order: 2.jpg before 10.jpg. Hidden files do not count.

    Raises:
        SourceError: No such folder, or no images in it.
    """
    require_exists(folder)
    try:
        entries = list(folder.iterdir())
        files = [path for path in entries if path.is_file()]
    except PermissionError:
        raise SourceError(f"no permission to read {folder}") from None
    images = [path for path in files if is_image(path)]
    if images:
        images.sort(key=natural_key)
        refuse_two_endings(folder, (path.name for path in images), SourceError)
        return images
    if files:
        found = f"none of its {len(files)} files is an image"
    else:
        found = "it holds no files" if entries else "the folder is empty"
    raise SourceError(f"{folder} holds no images ({found}){_where_images_are(folder)}")


def match_files(pattern: str) -> list[Path]:
    """The files that a glob matches, in natural order.

    Raises:
        SourceError: It matches nothing.
    """
    # Path.glob would not take absolute patterns.
    matches = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207
    files = [path for path in matches if path.is_file()]
    if not files:
        raise SourceError(f"no file matches {pattern}")
    return sorted(files, key=natural_key)


def natural_key(path: Path | str) -> tuple[list[tuple[int, str] | str], str]:
    """Sort key that compares runs of digits as numbers and ignores case.

    >>> [path.name for path in sorted(map(Path, ["b10.png", "B9.png", "a.png"]), key=natural_key)]
    ['a.png', 'B9.png', 'b10.png']
    """
    parts = re.split(r"([0-9]+)", str(path))  # text, digits, text, …: always in this order
    key = [_number_key(part) if i % 2 else part.casefold() for i, part in enumerate(parts)]
    return key, str(path)


def _number_key(digits: str) -> tuple[int, str]:
    """Sorts digits as the number that they are, however many: `int` takes no more than 4300."""
    significant = digits.lstrip("0")
    return len(significant), significant


def refuse_two_endings(folder: Path, names: Iterable[str], error: type[SiamFCError]) -> None:
    """Raise `error` if two images have the same name but for the ending, as a frame and its mask.

    Sorted among each other, each frame would be followed by its mask.
    """
    by_stem: dict[str, str] = {}
    for name in names:
        other = by_stem.setdefault(Path(name).stem, name)
        if other != name:
            raise error(
                f"{folder}: expected one image for each frame, got {other} and {name}: move one "
                f"kind elsewhere, or name one kind: '{folder}/*{Path(other).suffix}'"
            )


def is_image(path: Path) -> bool:
    """Whether a file's name is that of an image, and not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _where_images_are(folder: Path) -> str:
    try:
        for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
            if any(is_image(path) for path in inner.iterdir()):
                return f"; did you mean {inner}?"
    except PermissionError:  # a hint is not worth an error
        pass
    return ""
