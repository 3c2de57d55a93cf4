"""CVAT for video 1.1: one track per target, with key frames and `outside` flags.

CVAT interpolates linearly between key frames; `key_frames` chooses few that suffice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from siamfc.annotations.annotation import VideoAnnotation, add_box, frame_ranges, from_targets
from siamfc.array_types import BoolArray, FloatArray, IntArray
from siamfc.boxes import is_absent, to_corners
from siamfc.datasets.readers.cvat import list_observations, parse_annotation
from siamfc.errors import DatasetError
from siamfc.parsers import parse_frame, parse_whole


def track_element(
    number: str,
    label: str,
    boxes: Iterator[dict[str, str]],
    attributes: dict[str, str] | None = None,
) -> ET.Element:
    """Return a `track` element of boxes from `box_attributes`, each with the given attributes."""
    item = ET.Element("track", {"id": number, "label": label, "source": "auto"})
    for one in boxes:
        box = ET.SubElement(item, "box", one)
        for name, value in (attributes or {}).items():
            ET.SubElement(box, "attribute", {"name": name}).text = value
    return item


def box_attributes(
    frames: IntArray,
    boxes: FloatArray,
    key: BoolArray,
    *,
    end: int | None = None,
    decimals: int = 4,
) -> Iterator[dict[str, str]]:
    """Yield the attributes of one `box` per frame, and of an `outside` one where a target leaves.

    Args:
        frames: (F,) index of each frame.
        boxes: (F, 4) x, y, w, h; NaN where there is no box.
        key: (F,) key frames, between which CVAT interpolates.
        end: number of frames in the video; the target is outside after the last of `frames`.
            None: the last box holds to the end.
        decimals: decimals of the edges.
    """
    before: dict[str, str] | None = None
    for frame, box, is_key in zip(frames.tolist(), boxes, key.tolist(), strict=True):
        if np.isnan(box).any():
            if before is not None and before["outside"] == "0":
                before = {**before, "frame": str(frame), "outside": "1", "keyframe": "1"}
                yield before
            continue
        x, y, w, h = (float(value) for value in box)
        edges = {"xtl": x, "ytl": y, "xbr": x + w, "ybr": y + h}
        before = {
            "frame": str(frame),
            "outside": "0",
            "occluded": "0",
            "keyframe": "1" if is_key else "0",
            **{name: f"{value:.{decimals}f}" for name, value in edges.items()},
            "z_order": "0",
        }
        yield before
    if before is not None and before["outside"] == "0" and end is not None:
        last = int(frames[-1])
        if last + 1 < end:
            yield {**before, "frame": str(last + 1), "outside": "1", "keyframe": "1"}


def meta_element(frame_count: int, size: tuple[int, int] | None) -> ET.Element:
    """Return the `meta` element with number and size of the frames."""
    meta = ET.Element("meta")
    task = ET.SubElement(meta, "task")
    ET.SubElement(task, "size").text = str(frame_count)
    ET.SubElement(task, "mode").text = "interpolation"
    if size is not None:
        original = ET.SubElement(task, "original_size")
        for name, value in zip(("width", "height"), size, strict=True):
            ET.SubElement(original, name).text = str(value)
    return meta


def write_cvat(annotation: VideoAnnotation) -> dict[str, str]:
    """Return one file with all frames; `key_frames` chooses the key frames."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    meta = meta_element(annotation.frame_count, annotation.size)
    task = meta[0]
    ET.SubElement(task, "name").text = Path(annotation.video).stem
    ET.SubElement(task, "source").text = annotation.video
    labels = ET.SubElement(task, "labels")
    for name in annotation.classes:
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        attributes = ET.SubElement(label, "attributes")
        if annotation.has_names:
            _declare_name(attributes)
    root.append(meta)
    for target, (name, label_name) in enumerate(
        zip(annotation.names, annotation.labels, strict=True)
    ):
        boxes = annotation.boxes[:, target]
        key = key_frames(annotation.frames, boxes, annotation.key[:, target])
        rows = box_attributes(annotation.frames, boxes, key, end=annotation.frame_count, decimals=2)
        names = {"name": name} if annotation.has_names else None
        root.append(track_element(str(target + 1), label_name, rows, names))
    ET.indent(root)
    return {"": ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"}


def _declare_name(attributes: ET.Element) -> None:
    """Declare the attribute for target names, which a task requires."""
    item = ET.SubElement(attributes, "attribute")
    for tag, text in (
        ("name", "name"),
        ("mutable", "False"),
        ("input_type", "text"),
        ("default_value", ""),
        ("values", ""),
    ):
        ET.SubElement(item, tag).text = text


def read_cvat(path: Path) -> VideoAnnotation:
    """Read the tracks and key frames of an annotation.

    Raises:
        DatasetError: not a CVAT annotation.
    """
    content = parse_annotation(path)
    rows: dict[str, dict[int, FloatArray]] = {}
    labels: dict[str, str] = {}
    for one in list_observations(content, path):
        try:
            add_box(rows, one.track, one.frame, np.array(one.box))
        except ValueError as error:
            raise DatasetError(f"{path}: expected one, got {error}") from None
        labels[one.track] = one.label
    key: dict[str, set[int]] = {}
    names: dict[str, str] = {}
    for number, item in enumerate(content.iterfind("track")):
        track = item.get("id", str(number))
        name = item.findtext("box/attribute[@name='name']")
        if name is not None:
            names[track] = name
        key[track] = {
            parse_frame(box.attrib["frame"])
            for box in item.iterfind("box")
            if box.get("keyframe") == "1" and box.get("outside") != "1"
        }
    try:
        count = parse_frame(content.findtext("meta//size") or 0)
        width = parse_whole(content.findtext("meta//original_size/width") or 0)
        height = parse_whole(content.findtext("meta//original_size/height") or 0)
    except ValueError as error:
        raise DatasetError(f"{path}: expected whole numbers in meta; {error}") from None
    return from_targets(
        rows,
        key=key,
        labels=labels,
        names=names,
        dense=True,
        size=(width, height) if width and height else None,
        frame_count=count,
        video=content.findtext("meta//source") or f"{path.stem}.mp4",
    )


TOLERANCE = 0.02
"""Largest deviation of an interpolated edge, as a fraction of the box's mean side; two people who
draw the same box differ more."""
LEAST_PIXELS = 0.5
"""Lower limit of the tolerance, in pixels."""


def key_frames(frames: IntArray, boxes: FloatArray, required: BoolArray) -> BoolArray:
    """Choose key frames (F,) between which linear interpolation stays near the boxes.

    This is the line simplification of Ramer and of Douglas and Peucker, for all four edges at once.

    Args:
        frames: (F,) index of each.
        boxes: (F, 4) x, y, w, h; a NaN row, no box, ends a stretch.
        required: (F,) frames that are key frames in any case.

    >>> boxes = np.array([[0, 0, 4, 4], [1, 0, 4, 4], [2, 0, 4, 4], [2, 0, 4, 4.0]])
    >>> key_frames(np.arange(4), boxes, np.zeros(4, np.bool_)).tolist()
    [True, False, True, True]
    """
    edges = to_corners(boxes)
    present = ~is_absent(boxes)
    chosen = np.asarray(required & present)
    limit = LEAST_PIXELS
    if present.any():
        limit = max(limit, TOLERANCE * float(boxes[present, 2:].mean()))
    todo: list[tuple[int, int]] = []
    for start, end in frame_ranges(present):
        chosen[[start, end]] = True
        todo += pairwise((np.flatnonzero(chosen[start : end + 1]) + start).tolist())
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        fraction = (frames[first + 1 : last] - frames[first]) / (frames[last] - frames[first])
        line = edges[first] + fraction[:, None] * (edges[last] - edges[first])
        gap = np.abs(edges[first + 1 : last] - line).max(axis=1)
        worst = int(np.argmax(gap))
        if gap[worst] > limit:
            middle = first + 1 + worst
            chosen[middle] = True
            todo += [(first, middle), (middle, last)]
    return chosen
