"""TrackingNet."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.boxes import is_absent
from siamfc.datasets.readers.images import list_files, list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes
from siamfc.datasets.sequences import OnProblem, Sequence, Video

_TEXT = frozenset({".txt"})


def _videos(root: Path, split: str | None) -> list[Video]:
    """List the annotations of the chunks `TRAIN_0` … `TRAIN_11` and `TEST`, in any case."""
    videos = []
    for chunk in list_folders(root):
        part = chunk.name.lower().partition("_")[0]
        if part not in TRACKINGNET.splits or split not in (None, part):
            continue
        for path in list_files(chunk / "anno", _TEXT):
            name = f"{chunk.name}/{path.stem}"
            videos.append(Video(name=name, split=part, load=partial(_load, name, path, part)))
    return videos


def _load(name: str, path: Path, split: str, on_problem: OnProblem) -> Iterator[Sequence]:
    images = list_images(path.parent.parent / "frames" / path.stem)
    boxes = read_boxes(path, index_base=0, sequence=name, on_problem=on_problem)
    if split == "test" and len(boxes) == 1 and len(images):
        # The test split's ground truth is withheld except for the first frame.
        unknown = np.full((len(images) - 1, 4), np.nan)
        boxes = np.concatenate([boxes, unknown])
        yield Sequence(name=name, frames=images, boxes=boxes, split=split)
        return
    frames = match_frames(images, len(boxes), video=name, on_problem=on_problem)
    boxes = boxes[: len(frames)]
    yield Sequence(name=name, frames=frames, boxes=boxes, absent=is_absent(boxes), split=split)


TRACKINGNET = Format(
    name="trackingnet",
    title="TrackingNet",
    tree=(
        "TRAIN_0 … TRAIN_11|TEST/frames/<sequence>/0.jpg …",
        "TRAIN_0 … TRAIN_11|TEST/anno/<sequence>.txt (lines of x,y,w,h; in TEST the first only)",
    ),
    boxes="x, y, w, h separated by commas, 0-based: YouTube-BB's fractions of the frame, in pixels",
    missing="a row of NaN or without area",
    source="Müller et al., ECCV 2018; github.com/SilvioGiancola/TrackingNet-devkit",
    homepage="https://tracking-net.org",
    splits=("train", "test"),
    evaluated="test",
    read=_videos,
)
