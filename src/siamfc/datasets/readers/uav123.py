"""UAV123, its long-term part UAV20L, and its 10 fps version."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from siamfc.boxes import is_absent
from siamfc.datasets.readers.images import by_number, list_files, list_images, number_range
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes
from siamfc.datasets.sequences import FrameFiles, OnProblem, Problem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_numbers, read_text

FIRST_FRAMES = {
    "bird1": (1, 775, 1573),
    "car1": (1, 751, 1627),
    "car6": (1, 487, 1807, 2953, 3925),
    "car8": (1, 1357),
    "car16": (1, 415),
    "group1": (1, 1333, 2515, 3925),
    "group2": (1, 907, 1771),
    "group3": (1, 1567, 2827, 4369),
    "person2": (1, 1189),
    "person4": (1, 1501),
    "person5": (1, 877),
    "person7": (1, 1249),
    "person8": (1, 1075),
    "person12": (1, 601),
    "person14": (1, 847, 1813),
    "person17": (1, 1501),
    "person19": (1, 1243, 2791),
    "truck4": (1, 577),
    "uav1": (1, 1555, 2473),
}
"""Folder of images → number of the first image of each sequence in it, `<folder>_1` and on.

From the benchmark's `configSeqs.m`. In the 10 fps version, image n is image 3 n − 2 of this one.
"""

ATTRIBUTES = ("SV", "ARC", "LR", "FM", "FOC", "POC", "OV", "BC", "IV", "VC", "CM", "SOB")
"""Flags in `att/<sequence>.txt`, in order."""

_TEXT = frozenset({".txt"})


def _videos(part: str, images: str, root: Path, _split: str | None) -> list[Video]:
    return [
        Video(name=path.stem, load=partial(_load, path, root / "data_seq" / images))
        for path in list_files(root / "anno" / part, _TEXT)
    ]


def _load(path: Path, images: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    boxes = read_boxes(path, index_base=1, sequence=path.stem, on_problem=on_problem)
    folder, first = _place(path.stem, images)
    frames = _frames(list_images(folder), first, len(boxes), path.stem, on_problem)
    boxes = boxes[: len(frames)]
    yield Sequence(
        name=path.stem,
        frames=frames,
        boxes=boxes,
        absent=is_absent(boxes),
        attributes=_attributes(path.parent / "att" / path.name),
        video=folder.name,
    )


def _frames(
    images: FrameFiles, first: int, count: int, name: str, on_problem: OnProblem
) -> FrameFiles:
    """Return the images of the sequence: one per line, or fewer if the folder ends before."""
    last = max(by_number(images), default=0)
    if last < first + count - 1:
        present = max(0, last - first + 1)
        message = f"expected an image for each of the {count} boxes, got {present} images"
        on_problem(
            Problem(kind="wrong count", sequence=name, path=str(images.folder), message=message)
        )
        count = present
    return number_range(images, first, first + count - 1, name, on_problem)


def _place(name: str, images: Path) -> tuple[Path, int]:
    """Return the folder of a sequence's images and the number of the first of them."""
    folder, _, part = name.rpartition("_")
    starts = FIRST_FRAMES.get(folder, ())
    if not part.isdecimal() or not 1 <= int(part) <= len(starts) or (images / name).is_dir():
        return images / name, 1
    first = starts[int(part) - 1]
    return images / folder, (first + 2) // 3 if images.name.endswith("10fps") else first


def _attributes(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    try:
        flags = parse_numbers(read_text(path))
    except ValueError as error:
        raise DatasetError(f"{path}: expected {len(ATTRIBUTES)} flags; {error}") from None
    return tuple(name for name, flag in zip(ATTRIBUTES, flags, strict=False) if flag)


def _format(name: str, title: str, part: str, images: str) -> Format:
    return Format(
        name=name,
        title=title,
        tree=(
            f"data_seq/{images}/<folder>/000001.jpg …",
            f"anno/{part}/<sequence>.txt (lines of x,y,w,h), att/<sequence>.txt",
        ),
        boxes="x, y, w, h separated by commas, 1-based: 1 is subtracted from x and y",
        missing="a row of NaN: fully occluded or outside the frame",
        source="Mueller et al., ECCV 2016; configSeqs.m and ReadMe.txt of the data set",
        homepage="https://cemse.kaust.edu.sa/ivul/uav123",
        read=partial(_videos, part, images),
    )


UAV123 = _format("uav123", "UAV123", "UAV123", "UAV123")
UAV20L = _format("uav20l", "UAV20L", "UAV20L", "UAV123")
UAV123_10FPS = _format("uav123_10fps", "UAV123 at 10 fps", "UAV123_10fps", "UAV123_10fps")
