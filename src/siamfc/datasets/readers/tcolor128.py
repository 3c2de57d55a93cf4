"""Temple Color 128."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from siamfc.boxes import is_absent
from siamfc.datasets.readers.images import (
    by_number,
    list_folders,
    list_images,
    match_frames,
    number_range,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_frame, parse_numbers, read_text


def _videos(root: Path, _split: str | None) -> list[Video]:
    return [
        Video(name=folder.name, load=partial(_load, folder))
        for folder in list_folders(root)
        if (folder / f"{folder.name}_gt.txt").exists()
    ]


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    path = folder / f"{folder.name}_gt.txt"
    boxes = read_boxes(path, index_base=1, sequence=folder.name, on_problem=on_problem)
    frames = _frames(folder, len(boxes), on_problem)
    boxes = boxes[: len(frames)]
    yield Sequence(name=folder.name, frames=frames, boxes=boxes, absent=is_absent(boxes))


def _frames(folder: Path, count: int, on_problem: OnProblem) -> FrameFiles:
    """Return the images from the first to the last number in `<sequence>_frames.txt`."""
    images = list_images(folder / "img")
    path = folder / f"{folder.name}_frames.txt"
    if not path.exists() or not by_number(images):
        return match_frames(images, count, video=folder.name, on_problem=on_problem)
    try:
        first, last = (parse_frame(number) for number in parse_numbers(read_text(path)))
    except ValueError:
        raise DatasetError(f"{path}: expected the numbers of the first and last image") from None
    if last - first + 1 == count:
        return number_range(images, first, last, folder.name, on_problem)
    numbered = by_number(images)
    within = [numbered[number] for number in sorted(numbered) if first <= number <= last]
    present = FrameFiles(images.folder, within)
    return match_frames(present, count, video=folder.name, on_problem=on_problem)


TCOLOR128 = Format(
    name="tcolor128",
    title="Temple Color 128",
    tree=(
        "<sequence>/img/0001.jpg …",
        "<sequence>/<sequence>_gt.txt (lines of x,y,w,h)",
        "<sequence>/<sequence>_frames.txt (first,last)",
    ),
    boxes="x, y, w, h separated by commas, 1-based as in OTB: 1 is subtracted from x and y",
    missing="a row of NaN or without area",
    source="Liang et al., TIP 2015; github.com/got-10k/toolkit",
    homepage="https://www3.cs.stonybrook.edu/~hling/data/TColor-128/TColor-128.html",
    read=_videos,
)
