"""COCO: single images with boxes, for pairs from one image."""

from array import array
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.checks import shown
from siamfc.datasets.readers.images import list_files, missing_frame
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_json, parse_number, parse_whole, read_text

_JSON = frozenset({".json"})
_PREFIX = "instances_"
_KEYS = (
    "images",
    "annotations",
    "id",
    "image_id",
    "bbox",
    "iscrowd",
    "file_name",
    "width",
    "height",
)


def _videos(root: Path, split: str | None) -> list[Video]:
    """List the images with boxes: each is a video of one frame, each of its boxes a target."""
    paths = [root] if root.is_file() else list_files(root / "annotations", _JSON)
    videos: list[Video] = []
    for path in paths:
        part = path.stem.removeprefix(_PREFIX)
        named = next((name for name in COCO.splits if part.startswith(name)), None)
        if (path.stem.startswith(_PREFIX) or root.is_file()) and split in (None, named):
            videos += _images(path, part, named)
    return videos


def _images(path: Path, part: str, split: str | None) -> Iterator[Video]:
    content = parse_json(read_text(path), where=path, keep=_needed)
    lists = content if isinstance(content, dict) else {"images": None}
    images, annotations = (lists.get(key, []) for key in ("images", "annotations"))
    if not (isinstance(images, list) and isinstance(annotations, list)):
        raise DatasetError(f"{path}: expected an object with lists of images and annotations")
    boxes = _boxes(path, annotations)
    folder = path.parent.parent / part
    for image in images:
        try:
            found = boxes.get(parse_whole(image["id"], -(10**9)))
            if found is None:
                continue
            file_name = str(image["file_name"])
            size = (parse_whole(image["width"], 1), parse_whole(image["height"], 1))
        except (KeyError, TypeError, ValueError):
            raise DatasetError(
                f"{path}: expected id, file_name, width and height in each image, "
                f"got {shown(image)}"
            ) from None
        name = f"{part}/{Path(file_name).stem}"
        load = partial(_load, name, folder / file_name, found, size, split)
        yield Video(name=name, split=split, load=load)


def _needed(item: dict[str, Any]) -> dict[str, Any]:
    """Keep only the used fields of an object; the outlines take up most of such a file."""
    return {key: item[key] for key in _KEYS if key in item}


def _boxes(path: Path, annotations: Any) -> dict[int, FloatArray]:
    """Read the boxes of single objects, (N, 4), by image number; crowds are skipped."""
    numbers: dict[int, array[float]] = {}
    for annotation in annotations:
        try:
            if annotation.get("iscrowd"):
                continue
            x, y, w, h = map(parse_number, annotation["bbox"])
            image = parse_whole(annotation["image_id"], -(10**9))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DatasetError(
                f"{path}: expected image_id and a bbox of four numbers in each annotation, "
                f"got {shown(annotation)}"
            ) from None
        numbers.setdefault(image, array("d")).extend((x, y, w, h))
    return {image: np.array(values).reshape(-1, 4) for image, values in numbers.items()}


def _load(
    name: str,
    path: Path,
    boxes: FloatArray,
    size: tuple[int, int],
    split: str | None,
    on_problem: OnProblem,
) -> Iterator[Sequence]:
    if not path.exists():
        on_problem(missing_frame(path, 0, name))
    yield from gather_tracks(
        (Observation(str(number), 0, tuple(box)) for number, box in enumerate(boxes.tolist())),
        video=name,
        frames=FrameFiles(path.parent, [path.name]),
        frame_count=1,
        on_problem=on_problem,
        split=split,
        size=size,
    )


COCO = Format(
    name="coco",
    title="COCO",
    tree=("train2017|val2017/<image>.jpg …", "annotations/instances_train2017|val2017.json"),
    boxes="bbox [x, y, w, h], 0-based edges",
    missing="objects with iscrowd 1 are skipped",
    source="Lin et al., ECCV 2014; cocodataset.org/#format-data",
    homepage="https://cocodataset.org",
    splits=("train", "val"),
    evaluated="val",
    read=_videos,
)
