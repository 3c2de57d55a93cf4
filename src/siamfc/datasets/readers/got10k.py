"""GOT-10k."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.datasets.readers.images import list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import (
    optional_size,
    read_boxes,
    read_flags,
    read_lines,
    read_values,
)
from siamfc.datasets.sequences import OnProblem, Sequence, Video
from siamfc.parsers import read_text

_FULL_COVER = 8.0
"""Value of a fully visible target among the levels 0 to 8 in `cover.label`."""


def _videos(root: Path, split: str | None) -> list[Video]:
    """List each split's sequences, from its `list.txt` or, without one, its folders."""
    videos = []
    for part in (split,) if split else GOT10K.splits:
        folder = root / part
        listed = folder / "list.txt"
        folders = (
            [folder / name for name in read_lines(listed)]
            if listed.exists()
            else list_folders(folder)
        )
        videos += [
            Video(name=f"{part}/{one.name}", split=part, load=partial(_load, one, part))
            for one in folders
        ]
    return videos


def _load(folder: Path, split: str, on_problem: OnProblem) -> Iterator[Sequence]:
    name = f"{split}/{folder.name}"
    images = list_images(folder)
    path = folder / "groundtruth.txt"
    boxes = read_boxes(path, index_base=0, sequence=name, on_problem=on_problem)
    if split == "test" and len(boxes) == 1 and len(images):
        # The test split's ground truth is withheld except for the first frame.
        unknown = np.full((len(images) - 1, 4), np.nan)
        yield Sequence(
            name=name, frames=images, boxes=np.concatenate([boxes, unknown]), split=split
        )
        return
    frames = match_frames(images, len(boxes), video=name, on_problem=on_problem)
    count = len(frames)
    cover = read_values(folder / "cover.label", len(boxes), default=np.nan)[:count]
    absent = read_flags(folder / "absence.label", len(boxes))[:count] | (cover == 0)
    boxes = np.where(absent[:, None], np.nan, boxes[:count])
    information = _information(folder / "meta_info.ini")
    yield Sequence(
        name=name,
        frames=frames,
        boxes=boxes,
        absent=absent,
        occluded=cover < _FULL_COVER,
        visibility=cover / _FULL_COVER,
        tags={"cut_by_image": read_flags(folder / "cut_by_image.label", len(boxes))[:count]},
        label=information.get("object_class", ""),
        split=split,
        size=_size(information.get("resolution", "")),
    )


def _information(path: Path) -> dict[str, str]:
    """Read the `key: value` lines of `meta_info.ini`."""
    if not path.exists():
        return {}
    pairs = (line.partition(":") for line in read_text(path).splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _size(resolution: str) -> tuple[int, int] | None:
    numbers = re.findall(r"\d+", resolution)
    return optional_size(*numbers) if len(numbers) == 2 else None


GOT10K = Format(
    name="got10k",
    title="GOT-10k",
    tree=(
        "train|val|test/list.txt",
        "train|val|test/<sequence>/00000001.jpg …",
        "train|val|test/<sequence>/groundtruth.txt (lines of x,y,w,h; in test the first only)",
        "train|val/<sequence>/absence.label, cover.label, cut_by_image.label, meta_info.ini",
    ),
    boxes="x, y, w, h separated by commas, 0-based",
    missing="1 in absence.label, or 0 of the levels 0 to 8 in cover.label",
    source="Huang et al., TPAMI 2021; github.com/got-10k/toolkit, which clips boxes at 0",
    homepage="http://got-10k.aitestunion.com",
    splits=("train", "val", "test"),
    evaluated="val",
    read=_videos,
)
