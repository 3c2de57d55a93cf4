"""VOT short- and long-term challenges, 2013 to 2022."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import from_mask, from_polygon
from siamfc.datasets.readers.images import list_files, list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import (
    drop_empty,
    frame_lines,
    read_flags,
    read_lines,
    read_values,
)
from siamfc.datasets.sequences import OnProblem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_numbers, parse_whole

_TAGS = frozenset({".tag", ".label"})
_MOST_MASK_PIXELS = 2**26
_ABSENT = np.full(4, np.nan)


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the sequences of `list.txt` or, without one, the folders with a ground truth.

    The root may be a workspace of the VOT toolkit, whose sequences are in `sequences`.
    """
    if (root / "sequences").is_dir():
        root = root / "sequences"
    listed = root / "list.txt"
    if listed.exists():
        folders = [root / name for name in read_lines(listed)]
    else:
        folders = [folder for folder in list_folders(root) if _annotations(folder)]
    return [Video(name=folder.name, load=partial(_load, folder)) for folder in folders]


def _annotations(folder: Path) -> list[Path]:
    """Return `groundtruth.txt`, or `groundtruth_<object>.txt` for each of several objects."""
    several = sorted(folder.glob("groundtruth_*.txt"))
    single = folder / "groundtruth.txt"
    return several or ([single] if single.exists() else [])


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    paths = _annotations(folder)
    if not paths:
        raise DatasetError(f"{folder}: expected a groundtruth.txt, found none")
    images = list_images(_image_folder(folder))
    for path in paths:
        name = folder.name + path.stem.removeprefix("groundtruth").replace("_", "/", 1)
        boxes, absent = _read_regions(path)
        boxes = drop_empty(boxes, sequence=name, on_problem=on_problem)
        missing = len(images) - len(boxes)
        if missing > 0 and len(boxes):  # the toolkit treats frames after the last line as unknown
            boxes = np.concatenate([boxes, np.full((missing, 4), np.nan)])
            absent = np.concatenate([absent, np.zeros(missing, np.bool_)])
        frames = match_frames(images, len(boxes), video=folder.name, on_problem=on_problem)
        count = len(frames)
        tags = {name: flags[:count] for name, flags in _tags(folder, len(boxes)).items()}
        values = {name: numbers[:count] for name, numbers in _values(folder, len(boxes)).items()}
        yield Sequence(
            name=name,
            frames=frames,
            boxes=boxes[:count],
            absent=absent[:count],
            occluded=tags.get("occlusion", np.zeros(count, np.bool_)),
            tags=tags,
            values=values,
            video=folder.name,
        )


def _image_folder(folder: Path) -> Path:
    """Return the folder of colour images: the one in the file `sequence`, `color`, or this one."""
    description = folder / "sequence"
    if description.exists():
        for line in read_lines(description):
            key, _, value = line.partition("=")
            if key.strip() == "channels.color":
                return (folder / value.strip().replace("\\", "/") / "_").parent.parent
    return folder / "color" if (folder / "color").is_dir() else folder


# The toolkit pads tags and values that end before the sequence.
def _tags(folder: Path, count: int) -> dict[str, BoolArray]:
    return {path.stem: read_flags(path, count, open_end=True) for path in list_files(folder, _TAGS)}


def _values(folder: Path, count: int) -> dict[str, FloatArray]:
    return {
        path.stem: read_values(path, count, default=0.0, open_end=True)
        for path in list_files(folder, frozenset({".value"}))
    }


def _read_regions(path: Path) -> tuple[FloatArray, BoolArray]:
    """Read one region per line: boxes (F, 4), and whether the target is absent (F,)."""
    boxes, absent = [], []
    expected = "a rectangle, polygon, mask or special code"
    for number, text in enumerate(frame_lines(path, expected), 1):
        try:
            box = _parse_region(text)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected {expected}, got {text[:60]!r}"
            ) from None
        boxes.append(_ABSENT if box is None else box)
        absent.append(box is not None and bool(np.isnan(box).any()))
    if not boxes:
        return np.empty((0, 4)), np.zeros(0, np.bool_)
    return np.array(boxes), np.array(absent)


def _parse_region(text: str) -> FloatArray | None:
    """Parse a region as a box; NaN if the target is absent, None if it is not annotated."""
    if text.startswith("m"):
        return mask_box([parse_whole(number, -(10**9)) for number in text[1:].split(",")])
    numbers = np.array(parse_numbers(text))
    if len(numbers) == 1:
        return None  # special codes: 0 unknown, 1 initialisation, 2 failure
    if len(numbers) == 4:
        return np.asarray(numbers - [1, 1, 0, 0])
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return np.asarray(from_polygon(numbers) - [1, 1, 0, 0])
    raise ValueError(text)


def mask_box(numbers: list[int]) -> FloatArray:
    """Box of a mask: left, top, width, height, then alternating runs of 0s and 1s, row by row."""
    left, top, width, height, *runs = numbers
    fits = width >= 0 and height >= 0 and width * height <= _MOST_MASK_PIXELS
    if not fits or min(runs, default=0) < 0:
        raise ValueError("mask")
    pixels = np.zeros(width * height, np.bool_)
    ends = np.cumsum(runs)
    for start, end in zip(ends[0::2], ends[1::2], strict=False):
        pixels[start:end] = True
    box = from_mask(pixels.reshape(height, width))
    box[:2] += left, top
    return box


VOT = Format(
    name="vot",
    title="VOT 2013 to 2022",
    tree=(
        "list.txt",
        "<sequence>/color/00000001.jpg … (until 2015: <sequence>/00000001.jpg …)",
        "<sequence>/groundtruth.txt (one rectangle, polygon or mask per line)",
        "<sequence>/<attribute>.tag or .label",
        "<sequence>/anchor.value (starts of the multi-start protocol)",
    ),
    boxes=(
        "rectangle x,y,w,h and polygon x1,y1,x2,y2,…, 1-based, converted to axis-aligned boxes; "
        "mask m<left>,<top>,<width>,<height>,<runs>, 0-based"
    ),
    missing="NaN: absent; a single number (0, 1, 2) or no line: not annotated",
    source="github.com/votchallenge/toolkit, vot/region and vot/dataset",
    homepage="https://www.votchallenge.net (`vot initialize` of vot-toolkit)",
    read=_videos,
)
