"""Images of a video, matched to the lines of its annotation."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from siamfc.datasets.sequences import FrameFiles, OnProblem, Problem
from siamfc.errors import DatasetError
from siamfc.frames.folder import natural_key, refuse_two_endings
from siamfc.frames.images import IMAGE_SUFFIXES

_logger = logging.getLogger(__name__)

_LAST_DIGITS = re.compile(r"(\d+)(\D*)$")


def list_images(folder: Path) -> FrameFiles:
    """List a folder's images in natural order, `img2` before `img10`; none if there is no folder.

    The folder is listed once; no file is opened.

    Raises:
        DatasetError: two images have the same name but for the suffix.
    """
    names = sorted(_names(folder, IMAGE_SUFFIXES), key=natural_key)
    refuse_two_endings(folder, names, DatasetError)
    return FrameFiles(folder, names)


def image_stems(folder: Path) -> set[str]:
    """Return the names of a folder's images without suffixes."""
    return {Path(name).stem for name in _names(folder, IMAGE_SUFFIXES)}


def list_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """List a folder's files with one of these suffixes (lower case), in natural order."""
    return [folder / name for name in sorted(_names(folder, suffixes), key=natural_key)]


def list_folders(folder: Path) -> list[Path]:
    """List a folder's subfolders in natural order, without hidden ones."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
    return [folder / name for name in sorted(names, key=natural_key)]


def keep_annotated(folders: Iterable[Path], is_annotated: Callable[[Path], bool]) -> list[Path]:
    """Keep annotated folders; warn about others among them that have images in `img`."""
    sorted_out = [(folder, is_annotated(folder)) for folder in folders]
    annotated = [folder for folder, is_one in sorted_out if is_one]
    for folder, is_one in sorted_out:
        if annotated and not is_one and (folder / "img").is_dir():
            _logger.warning("%s: expected an annotation, got none: it is skipped", folder)
    return annotated


def frame_number(name: str) -> int | None:
    """Return the last number in a file's name without its suffix; None if there is none.

    >>> frame_number("ball3_00017.jpg")
    17
    """
    digits = _LAST_DIGITS.search(Path(name).stem)
    return int(digits.group(1)) if digits else None


def match_frames(
    images: FrameFiles, count: int, *, video: str, on_problem: OnProblem
) -> FrameFiles:
    """Match an image to each of an annotation's `count` lines.

    If there are as many images as lines, they are matched in order, whatever their numbers. If
    there are fewer, but their numbers span exactly as many, starting from 1 or from the first
    number present, they are matched by number, and the gaps are missing frames. Anything else is a
    mismatched count, repaired by cutting the surplus, so the result may have fewer than `count`
    frames.
    """
    if len(images) == count:
        return images
    numbered = by_number(images)
    if len(images) < count and numbered:
        first = max(numbered) - count + 1
        if first in (1, min(numbered)):
            return number_range(images, first, max(numbered), video, on_problem)
    on_problem(
        Problem(
            kind="wrong count",
            sequence=video,
            path=str(images.folder),
            message=f"expected an image for each of the {count} boxes, got {len(images)} images: "
            f"remove what is too many, or leave {video} out",
        )
    )
    return images[:count]


def number_range(
    images: FrameFiles, first: int, last: int, video: str, on_problem: OnProblem
) -> FrameFiles:
    """Return the images numbered `first` to `last`; missing ones are reported as problems.

    A missing image is repaired by a name like those of its neighbours.
    """
    numbered = by_number(images)
    names = []
    for number in range(first, last + 1):
        name = numbered.get(number)
        if name is None:
            name = _named_like(images.names, number)
            on_problem(missing_frame(images.folder / name, number - first, video))
        names.append(name)
    return FrameFiles(images.folder, names)


def missing_frame(path: Path, frame: int, video: str) -> Problem:
    """Return the problem of a frame without its image."""
    message = f"expected the image of frame {frame}, got no such file"
    return Problem(
        kind="missing frame", sequence=video, frame=frame, path=str(path), message=message
    )


def by_number(images: FrameFiles) -> dict[int, str]:
    """Map the numbers in images' names to the names; empty if the numbers are not unique."""
    numbered = {frame_number(name): name for name in images.names}
    if len(numbered) != len(images):
        return {}
    return {number: name for number, name in numbered.items() if number is not None}


def _named_like(names: Sequence[str], number: int) -> str:
    pattern = names[0] if names else "00000001.jpg"
    path = Path(pattern)
    stem = _LAST_DIGITS.sub(
        lambda match: str(number).zfill(len(match.group(1))) + match.group(2), path.stem
    )
    return f"{stem}{path.suffix}"


def _names(folder: Path, suffixes: frozenset[str]) -> list[str]:
    if not folder.is_dir():
        return []
    endings = tuple(suffixes)
    with os.scandir(folder) as entries:
        return [
            entry.name
            for entry in entries
            if entry.name[0] != "." and entry.name.lower().endswith(endings)
        ]
