"""LaSOT, with its extension subset."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.datasets.readers.images import keep_annotated, list_folders, list_images, match_frames
from siamfc.datasets.readers.lasot_split import CLASSES, TEST_SEQUENCES
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes, read_flags
from siamfc.datasets.sequences import OnProblem, Sequence, Video

_EVALUATED_LENGTH = {"monkey-17": 2260}
"""Frames that the benchmark's toolkit evaluates of sequences that it shortens."""


def _videos(root: Path, split: str | None) -> list[Video]:
    """List sequences, each in its class's folder or, as in the test download, all in one."""
    folders = [
        inner
        for folder in list_folders(root)
        for inner in ([folder] if _is_sequence(folder) else list_folders(folder))
        if split in (None, _split(inner.name))
    ]
    annotated = keep_annotated(folders, lambda folder: (folder / "groundtruth.txt").exists())
    return [
        Video(name=folder.name, split=_split(folder.name), load=partial(_load, folder))
        for folder in annotated
    ]


def _is_sequence(folder: Path) -> bool:
    return (folder / "groundtruth.txt").exists() or (folder / "img").is_dir()


def _class(name: str) -> str:
    return name.rpartition("-")[0]


def _split(name: str) -> str:
    """Return protocol II's split; the 15 classes that came later are the extension."""
    if _class(name) not in CLASSES:
        return "extension"
    return "test" if name in TEST_SEQUENCES else "train"


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    name = folder.name
    path = folder / "groundtruth.txt"
    boxes = read_boxes(path, index_base=1, sequence=name, on_problem=on_problem)
    frames = match_frames(
        list_images(folder / "img"), len(boxes), video=name, on_problem=on_problem
    )
    hidden = read_flags(folder / "full_occlusion.txt", len(boxes))
    outside = read_flags(folder / "out_of_view.txt", len(boxes))
    rows = slice(min(len(frames), _EVALUATED_LENGTH.get(name, len(frames))))
    absent = (hidden | outside)[rows]
    yield Sequence(
        name=name,
        frames=frames[rows],
        boxes=np.where(absent[:, None], np.nan, boxes[rows]),
        absent=absent,
        occluded=hidden[rows],
        tags={"full_occlusion": hidden[rows], "out_of_view": outside[rows]},
        label=_class(name),
        split=_split(name),
    )


LASOT = Format(
    name="lasot",
    title="LaSOT",
    tree=(
        "<class>/<class>-<n>/img/00000001.jpg …",
        "<class>/<class>-<n>/groundtruth.txt (x,y,w,h lines), full_occlusion.txt, out_of_view.txt",
    ),
    boxes="x, y, w, h separated by commas, 1-based: 1 is subtracted from x and y",
    missing="1 in full_occlusion.txt or in out_of_view.txt, whatever the box says",
    source="Fan et al., CVPR 2019; github.com/HengLan/LaSOT_Evaluation_Toolkit",
    homepage="http://vision.cs.stonybrook.edu/~lasot",
    splits=("train", "test", "extension"),
    evaluated="test",
    read=_videos,
)
