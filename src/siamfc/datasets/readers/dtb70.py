"""DTB70: 70 drone videos."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from siamfc.boxes import is_absent
from siamfc.datasets.readers.images import list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes
from siamfc.datasets.sequences import OnProblem, Sequence, Video

_ANNOTATION = "groundtruth_rect.txt"


def _videos(root: Path, _split: str | None) -> list[Video]:
    return [
        Video(name=folder.name, load=partial(_load, folder))
        for folder in list_folders(root)
        if (folder / _ANNOTATION).exists()
    ]


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    path = folder / _ANNOTATION
    boxes = read_boxes(path, index_base=1, sequence=folder.name, on_problem=on_problem)
    images = list_images(folder / "img")
    frames = match_frames(images, len(boxes), video=folder.name, on_problem=on_problem)
    boxes = boxes[: len(frames)]
    yield Sequence(name=folder.name, frames=frames, boxes=boxes, absent=is_absent(boxes))


DTB70 = Format(
    name="dtb70",
    title="DTB70",
    tree=("<sequence>/img/00001.jpg …", f"<sequence>/{_ANNOTATION} (lines of x,y,w,h)"),
    boxes="x, y, w, h separated by commas, 1-based as in OTB: 1 is subtracted from x and y",
    missing="a row of NaN or without area",
    source="Li and Yeung, AAAI 2017; github.com/flyers/drone-tracking",
    homepage="https://github.com/flyers/drone-tracking",
    read=_videos,
)
