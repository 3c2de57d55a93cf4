"""OTB-2013, OTB-50 and OTB-100, and folders in their layout, such as those of `siamfc synth`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.boxes import is_absent
from siamfc.datasets.readers.images import (
    by_number,
    keep_annotated,
    list_folders,
    list_images,
    match_frames,
    number_range,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes, read_values
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.parsers import read_text

EVALUATED_FRAMES = {
    "BlurCar1": (247, 988),
    "BlurCar3": (3, 359),
    "BlurCar4": (18, 397),
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Tiger1": (6, 354),
}
"""First and last image of the sequences that are only evaluated in part.

From the benchmark's pages, github.com/jwlim/tracker_benchmark and github.com/visionml/pytracking.
"""


def list_videos(root: Path, _split: str | None) -> list[Video]:
    """List the folders with a `groundtruth_rect*.txt`; the root may itself be one.

    Folders that only have images cause a warning.
    """
    folders = [root] if _annotations(root) else list_folders(root)
    annotated = keep_annotated(folders, lambda folder: bool(_annotations(folder)))
    return [Video(name=one.absolute().name, load=partial(_load, one)) for one in annotated]


def _annotations(folder: Path) -> list[Path]:
    """Return the annotation of each target, `groundtruth_rect.txt` or `groundtruth_rect.<n>.txt`.

    Empty files, such as the first of Human4's two, are ignored.
    """
    return [path for path in sorted(folder.glob("groundtruth_rect*.txt")) if path.stat().st_size]


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    video = folder.absolute().name
    images = list_images(folder / "img")
    paths = _annotations(folder)
    for target, path in enumerate(paths, 1):
        name = video if len(paths) == 1 else f"{video}-{target}"
        boxes = read_boxes(path, index_base=1, sequence=name, on_problem=on_problem)
        frames, rows = _evaluated(images, len(boxes), video, on_problem)
        visibility = read_values(folder / "visibility.txt", len(boxes), default=np.nan)
        boxes, visibility = boxes[rows][: len(frames)], visibility[rows][: len(frames)]
        yield Sequence(
            name=name,
            frames=frames,
            boxes=boxes,
            absent=is_absent(boxes),
            occluded=visibility < 1,
            visibility=visibility,
            attributes=_attributes(folder),
            video=video,
        )


def _evaluated(
    images: FrameFiles, count: int, video: str, on_problem: OnProblem
) -> tuple[FrameFiles, slice]:
    """Return the evaluated images, and the rows of the annotation that belong to them.

    The annotation of some sequences covers only the images in `EVALUATED_FRAMES`, that of others
    all of them; and a folder may contain only the evaluated images, renumbered. The counts tell
    these cases apart.
    """
    first, last = EVALUATED_FRAMES.get(video, (None, None))
    numbered = by_number(images)
    if first is not None and last is not None and numbered and max(numbered) >= last:
        if count == last - first + 1:
            return number_range(images, first, last, video, on_problem), slice(None)
        if count == len(images) and min(numbered) < first:
            start = first - min(numbered)
            return images[start : start + last - first + 1], slice(start, start + last - first + 1)
    return match_frames(images, count, video=video, on_problem=on_problem), slice(None)


def _attributes(folder: Path) -> tuple[str, ...]:
    """Return the attributes that the benchmark's Python toolkit stores with a sequence."""
    path = folder / "attrs.txt"
    if not path.exists():
        return ()
    return tuple(part.strip() for part in read_text(path).split(",") if part.strip())


OTB = Format(
    name="otb",
    title="OTB-2013, OTB-50 or OTB-100",
    tree=(
        "<sequence>/img/0001.jpg …",
        "<sequence>/groundtruth_rect.txt (x,y,w,h lines; two targets: groundtruth_rect.1.txt, .2)",
    ),
    boxes="x, y, w, h, separated by commas, tabs or blanks; 1-based: 1 is subtracted from x and y",
    missing="a row of NaN or without area",
    source="Wu et al., TPAMI 2015; github.com/jwlim/tracker_benchmark",
    homepage="http://cvlab.hanyang.ac.kr/tracker_benchmark",
    read=list_videos,
)


SYNTHETIC = Format(
    name="synthetic",
    title="siamfc's synthetic data set or videos",
    tree=(
        "<folder>/img/0001.png …",
        "<folder>/groundtruth_rect.txt (lines of x,y,w,h)",
        "<folder>/visibility.txt (lines of 0 to 1; videos only)",
    ),
    boxes="x, y, w, h separated by commas, 1-based as in OTB: 1 is subtracted from x and y",
    missing="there is none: a hidden target has a box, and less than 1 in visibility.txt",
    source="thesis, 4.1.4 and 4.1.5",
    homepage="siamfc synth dataset OUT, siamfc synth video OUT",
    read=list_videos,
)
