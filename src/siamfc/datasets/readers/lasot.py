"""LaSOT, with its extension subset."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.datasets.readers.images import keep_annotated, list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes, read_flags
from siamfc.datasets.sequences import OnProblem, Sequence, Video

_TEST_NUMBERS = {
    "airplane": (1, 9, 13, 15),
    "basketball": (1, 6, 7, 11),
    "bear": (2, 4, 6, 17),
    "bicycle": (2, 7, 9, 18),
    "bird": (2, 3, 15, 17),
    "boat": (3, 4, 12, 17),
    "book": (3, 10, 11, 19),
    "bottle": (1, 12, 14, 18),
    "bus": (2, 5, 17, 19),
    "car": (2, 6, 9, 17),
    "cat": (1, 3, 18, 20),
    "cattle": (2, 7, 12, 13),
    "chameleon": (3, 6, 11, 20),
    "coin": (3, 6, 7, 18),
    "crab": (3, 6, 12, 18),
    "crocodile": (3, 4, 10, 14),
    "cup": (1, 4, 7, 17),
    "deer": (4, 8, 10, 14),
    "dog": (1, 7, 15, 19),
    "drone": (2, 7, 13, 15),
    "electricfan": (1, 10, 18, 20),
    "elephant": (1, 12, 16, 18),
    "flag": (2, 3, 5, 9),
    "fox": (2, 3, 5, 20),
    "frog": (3, 4, 9, 20),
    "gametarget": (1, 2, 7, 13),
    "gecko": (1, 5, 16, 19),
    "giraffe": (2, 10, 13, 15),
    "goldfish": (3, 7, 8, 10),
    "gorilla": (4, 6, 9, 13),
    "guitar": (3, 8, 10, 16),
    "hand": (2, 3, 9, 16),
    "hat": (1, 2, 5, 18),
    "helmet": (5, 11, 13, 19),
    "hippo": (1, 7, 9, 20),
    "horse": (1, 4, 12, 15),
    "kangaroo": (2, 5, 11, 14),
    "kite": (4, 6, 10, 15),
    "leopard": (1, 7, 16, 20),
    "licenseplate": (6, 12, 13, 15),
    "lion": (1, 5, 12, 20),
    "lizard": (1, 3, 6, 13),
    "microphone": (2, 6, 14, 16),
    "monkey": (3, 4, 9, 17),
    "motorcycle": (1, 3, 9, 18),
    "mouse": (1, 8, 9, 17),
    "person": (1, 5, 10, 12),
    "pig": (2, 10, 13, 18),
    "pool": (3, 7, 12, 15),
    "rabbit": (10, 13, 17, 19),
    "racing": (10, 15, 16, 20),
    "robot": (1, 5, 8, 19),
    "rubicCube": (1, 6, 14, 19),
    "sepia": (6, 8, 13, 16),
    "shark": (2, 3, 5, 6),
    "sheep": (3, 5, 7, 9),
    "skateboard": (3, 8, 16, 19),
    "spider": (14, 16, 18, 20),
    "squirrel": (8, 11, 13, 19),
    "surfboard": (4, 5, 8, 12),
    "swing": (10, 14, 17, 20),
    "tank": (6, 9, 14, 16),
    "tiger": (4, 6, 12, 18),
    "train": (1, 7, 11, 20),
    "truck": (3, 6, 7, 16),
    "turtle": (5, 8, 9, 16),
    "umbrella": (2, 9, 17, 19),
    "volleyball": (1, 13, 18, 19),
    "yoyo": (7, 15, 17, 19),
    "zebra": (10, 14, 16, 17),
}
"""Numbers of the test sequences, four per class, by protocol II.

As in github.com/got-10k/toolkit and github.com/visionml/pytracking.
"""

CLASSES = frozenset(_TEST_NUMBERS)
"""The 70 classes of the data set's first version."""

TEST_SEQUENCES = frozenset(
    f"{name}-{number}" for name, numbers in _TEST_NUMBERS.items() for number in numbers
)
"""Names of the test sequences; all others of the 70 classes are for training."""

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
