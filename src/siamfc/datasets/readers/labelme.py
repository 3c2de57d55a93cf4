"""LabelMe: a JSON file for each image."""

from collections.abc import Iterator
from functools import partial
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.boxes import from_corners
from siamfc.datasets.readers.images import (
    image_stems,
    list_files,
    list_folders,
    list_images,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import OnProblem, Problem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_json, parse_number, read_text

_JSON = frozenset({".json"})
_SHAPES = frozenset({"rectangle", "polygon", "rotation", "circle", "mask"})
"""Shapes with a box; a mask's points are its corners."""
_EXPECTED = "a LabelMe annotation with shapes of label and points"


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the folders with images of which at least one has a JSON file of its name."""
    return [
        Video(name=folder.absolute().name, load=partial(_load, folder))
        for folder in (root, *list_folders(root))
        if {path.stem for path in list_files(folder, _JSON)} & image_stems(folder)
    ]


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    """Read the annotation of each image that has one; the other frames are not annotated."""
    video = folder.absolute().name
    frames = list_images(folder)
    annotations = {path.stem: path for path in list_files(folder, _JSON)}
    observations: list[Observation] = []
    for frame, image in enumerate(frames):
        if image.stem in annotations:
            observations += _observations(annotations[image.stem], frame, video, on_problem)
    yield from gather_tracks(
        observations,
        video=video,
        frames=frames,
        frame_count=len(frames),
        on_problem=on_problem,
        annotated=np.array([image.stem in annotations for image in frames], dtype=np.bool_),
    )


def _observations(
    path: Path, frame: int, video: str, on_problem: OnProblem
) -> Iterator[Observation]:
    """Yield the targets of an image, each identified by its label and, if present, its group.

    Shapes with the same label and group are parts of one target; without a group, two shapes with
    one label are two targets that cannot be told apart.
    """
    content = parse_json(read_text(path), where=path, expected=_EXPECTED)
    grouped: dict[str, list[tuple[dict[str, Any], list[float]]]] = {}
    try:
        for shape in content["shapes"]:
            label, group = str(shape["label"]), shape.get("group_id")
            kind = shape.get("shape_type") or "polygon"
            if kind not in _SHAPES:
                on_problem(_unsupported(path, frame, f"{video}/{label}", str(kind)))
                continue
            corners = _corners(kind, shape["points"])
            if group is None:
                yield _observation(label, frame, corners, [shape])
            else:
                grouped.setdefault(f"{label}-{group}", []).append((shape, corners))
        for track, parts in grouped.items():
            low = np.min([corners[:2] for _, corners in parts], axis=0)
            high = np.max([corners[2:] for _, corners in parts], axis=0)
            yield _observation(track, frame, [*low, *high], [shape for shape, _ in parts])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: expected {_EXPECTED}; missing or wrong: {error}") from None


def _corners(kind: str, points: Any) -> list[float]:
    """Return left, top, right and bottom of a shape."""
    pairs = [(parse_number(x), parse_number(y)) for x, y in points]
    if len(pairs) < 2 or (kind == "circle" and len(pairs) != 2):
        raise ValueError(f"expected two or more points, two of a circle, got {len(pairs)}")
    if kind == "circle":  # given by its centre and a point on its edge
        (x, y), edge = pairs
        radius = hypot(edge[0] - x, edge[1] - y)
        pairs = [(x - radius, y - radius), (x + radius, y + radius)]
    (xs, ys) = zip(*pairs, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


def _observation(
    track: str, frame: int, corners: list[float], shapes: list[dict[str, Any]]
) -> Observation:
    x, y, w, h = from_corners(corners).tolist()
    return Observation(
        track=track,
        frame=frame,
        box=(x, y, w, h),
        occluded=any(bool((one.get("flags") or {}).get("occluded", False)) for one in shapes),
        label=str(shapes[0]["label"]),
    )


def _unsupported(path: Path, frame: int, name: str, kind: str) -> Problem:
    message = f"expected a shape with a box ({', '.join(sorted(_SHAPES))}), got a {kind[:40]}"
    return Problem(
        kind="unsupported shape", sequence=name, frame=frame, path=str(path), message=message
    )


LABELME = Format(
    name="labelme",
    title="LabelMe",
    tree=("<video>/<image>.jpg …", "<video>/<image>.json … (shapes with label, group_id, points)"),
    boxes=(
        "points of rectangles, polygons, circles and masks, converted to axis-aligned boxes; "
        "0-based edges; shapes of one label and group_id are one target"
    ),
    missing="an image without the label; one without JSON file isn't annotated",
    source="github.com/wkentaro/labelme",
    homepage="your own annotation, made with LabelMe",
    read=_videos,
)
