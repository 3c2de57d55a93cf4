"""LabelMe: a JSON file beside each image."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.boxes import from_corners
from siamfc.datasets.readers.images import list_files, list_folders, list_images
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_text
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import OnProblem, Sequence, Video
from siamfc.errors import DatasetError

_JSON = frozenset({".json"})
_SHAPES = frozenset({"rectangle", "polygon"})


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the folders with images of which at least one has a JSON file of its name."""
    return [
        Video(name=folder.absolute().name, load=partial(_load, folder))
        for folder in (root, *list_folders(root))
        if {path.stem for path in list_files(folder, _JSON)}
        & {path.stem for path in list_images(folder)}
    ]


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    """Read the annotation of each image that has one; in the others no target is annotated."""
    frames = list_images(folder)
    annotations = {path.stem: path for path in list_files(folder, _JSON)}
    observations: list[Observation] = []
    for frame, image in enumerate(frames):
        if image.stem in annotations:
            observations += _observations(annotations[image.stem], frame)
    yield from gather_tracks(
        observations,
        video=folder.absolute().name,
        frames=frames,
        frame_count=len(frames),
        on_problem=on_problem,
    )


def _observations(path: Path, frame: int) -> Iterator[Observation]:
    """A target is told from others by its label, and its group where it has one."""
    try:
        for shape in json.loads(read_text(path))["shapes"]:
            if shape.get("shape_type", "polygon") not in _SHAPES:
                continue
            points = np.array(shape["points"], dtype=np.float64).reshape(-1, 2)
            corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
            x, y, w, h = from_corners(corners).tolist()
            label, group = str(shape["label"]), shape.get("group_id")
            yield Observation(
                track=label if group is None else f"{label}-{group}",
                frame=frame,
                box=(x, y, w, h),
                occluded=bool((shape.get("flags") or {}).get("occluded", False)),
                label=label,
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path}: expected a LabelMe annotation with shapes of label and points; {error}"
        ) from None


LABELME = Format(
    name="labelme",
    title="LabelMe",
    tree=("<video>/<image>.jpg …", "<video>/<image>.json … (shapes with label, group_id, points)"),
    boxes="points of rectangles and polygons, of which the upright box is taken; 0-based edges",
    missing="an image without JSON file, or without the label",
    source="github.com/wkentaro/labelme",
    homepage="your own annotation, made with LabelMe",
    read=_videos,
)
