"""Source of frames from a folder, glob or list of image files."""

from __future__ import annotations

import glob
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from PIL import Image as PillowImage

from siamfc.errors import SiamFCError, SourceError
from siamfc.frames.arrays import check_frame_rate, image_time
from siamfc.frames.frame import Frame
from siamfc.frames.grey import GreyRange
from siamfc.frames.images import IMAGE_SUFFIXES, find_grey_range, open_image, read_image
from siamfc.frames.paths import require_exists
from siamfc.frames.read_ahead import IndexedReadAheadSource


class ImageFiles(IndexedReadAheadSource):
    """Image files, one per frame, in the order given.

    An image that cannot be read ends the iteration with an error that names it. It is not skipped,
    because a missing frame would shift all later rows of a result file against the ground truth.

    Args:
        paths: The files.
        name: The source's name.
        frame_rate: Frames per second, which determines the frames' times; None: the times are NaN.
        read_ahead: Number of images decoded ahead, at least 1.

    Raises:
        InputError: `frame_rate` is not above 0, or `read_ahead` is less than 1.
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
        check_frame_rate(frame_rate)
        self.paths = tuple(paths)
        if not self.paths:
            raise SourceError(f"{name} holds no images")
        self.name = name
        self.frame_rate = frame_rate
        self.frame_count = len(self.paths)
        self._grey = self._find_grey()
        height, width, _ = read_image(self.paths[0], grey=self._grey).shape
        self.size = (width, height)

    def count_frames(self) -> int:
        """Return the number of files."""
        return self.frame_count

    def _count(self) -> int:
        return self.frame_count

    def _frames_from(self, start: int) -> Generator[Frame]:
        return (self._frame(index) for index in range(start, self.frame_count))

    def _frames_back(self, start: int, stop: int) -> Generator[Frame]:
        return (self._frame(index) for index in range(stop - 1, start - 1, -1))

    def _frame(self, index: int) -> Frame:
        """Read a file; every way of reading frames comes through here."""
        image = read_image(self.paths[index], grey=self._grey)
        return Frame(image, index, image_time(index, self.frame_rate))

    def _find_grey(self) -> GreyRange | None:
        """Return the range of 16-bit values, estimated from a few evenly spaced files."""
        with open_image(self.paths[0]) as image:
            if not image.mode.startswith("I"):
                return None
        return find_grey_range(
            _sample(self.paths[:: max(1, self.frame_count // 8)]), name=self.name
        )


def _sample(paths: Iterable[Path]) -> Iterator[PillowImage.Image]:
    for path in paths:
        with open_image(path) as image:
            if image.mode.startswith("I"):
                yield image


def find_images(folder: Path) -> list[Path]:
    """Return a folder's images in natural order: 2.jpg before 10.jpg. Hidden files are ignored.

    Raises:
        SourceError: No such folder, or a folder without images.
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
    """Return the files that a glob matches, in natural order.

    Raises:
        SourceError: The glob matches nothing.
    """
    # Path.glob does not accept absolute patterns.
    matches = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207
    files = [path for path in matches if path.is_file()]
    if not files:
        raise SourceError(f"no file matches {pattern}")
    return sorted(files, key=natural_key)


def natural_key(path: Path | str) -> tuple[list[tuple[int, str] | str], str]:
    """Return a sort key that compares runs of digits as numbers and ignores case.

    >>> [path.name for path in sorted(map(Path, ["b10.png", "B9.png", "a.png"]), key=natural_key)]
    ['a.png', 'B9.png', 'b10.png']
    """
    parts = re.split(r"([0-9]+)", str(path))  # text, digits, text, …: always in this order
    key = [_number_key(part) if i % 2 else part.casefold() for i, part in enumerate(parts)]
    return key, str(path)


def _number_key(digits: str) -> tuple[int, str]:
    """Return a sort key for digits as a number of any length; `int` accepts at most 4300 digits."""
    significant = digits.lstrip("0")
    return len(significant), significant


def refuse_two_endings(folder: Path, names: Iterable[str], error: type[SiamFCError]) -> None:
    """Raise `error` if two images differ only in their suffix, like a frame and its mask.

    In sorted order, every frame would be followed by its mask.
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
    """Return True for the name of an image file that is not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _where_images_are(folder: Path) -> str:
    try:
        for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
            if any(is_image(path) for path in inner.iterdir()):
                return f"; did you mean {inner}?"
    except PermissionError:  # a hint is not worth an error
        pass
    return ""
