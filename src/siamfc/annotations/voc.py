"""Pascal VOC: one XML file per frame; whole pixels, 1-based, with both edges inside the box."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from siamfc.annotations.annotation import (
    VideoAnnotation,
    add_box,
    frame_files,
    from_targets,
    require_size,
)
from siamfc.array_types import FloatArray
from siamfc.datasets.readers.text import optional_size
from siamfc.errors import DatasetError
from siamfc.parsers import parse_number, read_xml

_EDGES = ("xmin", "ymin", "xmax", "ymax")


def write_voc(annotation: VideoAnnotation) -> dict[str, str]:
    """Return `Annotations/<frame>.xml` and `ImageSets/Main/default.txt`, the list of frames.

    Number and name of a target are attributes of its object.
    """
    size = require_size(annotation)
    inside = annotation.inside()
    images = [annotation.image_name(frame) for frame in annotation.frames.tolist()]
    files = {"ImageSets/Main/default.txt": "".join(f"{Path(one).stem}\n" for one in images)}
    for at, image in enumerate(images):
        root = ET.Element("annotation")
        _add(root, {"folder": Path(annotation.video).stem, "filename": image})
        numbers = dict(zip(("width", "height"), map(str, size), strict=True))
        _add(ET.SubElement(root, "size"), {**numbers, "depth": "3"})
        _add(root, {"segmented": "0"})
        for target in np.flatnonzero(inside.present[at]).tolist():
            root.append(_object(annotation, target, inside.boxes[at, target]))
        ET.indent(root)
        text = ET.tostring(root, encoding="unicode") + "\n"
        files[f"Annotations/{Path(image).stem}.xml"] = text
    return files


def _object(annotation: VideoAnnotation, target: int, box: FloatArray) -> ET.Element:
    item = ET.Element("object")
    _add(item, {"name": annotation.labels[target], "pose": "Unspecified", "truncated": "0"})
    _add(item, {"difficult": "0"})
    low = np.floor(box[:2] + 0.5).astype(int)
    high = np.maximum(np.floor(box[:2] + box[2:] + 0.5).astype(int), low + 1)
    edges = (*(low + 1).tolist(), *high.tolist())
    _add(ET.SubElement(item, "bndbox"), dict(zip(_EDGES, map(str, edges), strict=True)))
    attributes = ET.SubElement(item, "attributes")
    values = {"track_id": str(target + 1)}
    if annotation.has_names:
        values["name"] = annotation.names[target]
    for name, value in values.items():
        _add(ET.SubElement(attributes, "attribute"), {"name": name, "value": value})
    return item


def _add(parent: ET.Element, texts: dict[str, str]) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = text


def read_voc(path: Path) -> VideoAnnotation:
    """Read a folder with the frames of one video; the order identifies objects without a number.

    Raises:
        DatasetError: a file that is not a Pascal VOC annotation.
    """
    rows: dict[str, dict[int, FloatArray]] = {}
    labels: dict[str, str] = {}
    names: dict[str, str] = {}
    size: tuple[int, int] | None = None
    images = []
    video = path.name
    files, are_numbered = frame_files(path / "Annotations", ".xml")
    for frame, file in files:
        content = read_xml(file, expected="a Pascal VOC annotation")
        images.append(content.findtext("filename") or f"{file.stem}.png")
        video = content.findtext("folder") or video
        try:
            found = optional_size(content.findtext("size/width"), content.findtext("size/height"))
            size = found or size
            for place, item in enumerate(content.iterfind("object"), 1):
                values = _attributes(item)
                target = values.get("track_id") or str(place)
                add_box(rows, target, frame, _box(item))
                labels[target] = item.findtext("name") or ""
                names[target] = values.get("name", target)
        except ValueError as error:
            raise DatasetError(f"{file}: expected numbers in size and bndbox; {error}") from None
    return from_targets(
        dict(sorted(rows.items(), key=lambda item: (len(item[0]), item[0]))),
        labels=labels,
        names=names,
        dense=True,
        size=size,
        frame_count=max((frame for frame, _ in files), default=-1) + 1,
        image_names=() if are_numbered else images,
        video=f"{video}.mp4",
    )


def _attributes(item: ET.Element) -> dict[str, str]:
    return {
        one.findtext("name", ""): one.findtext("value") or ""
        for one in item.iterfind("attributes/attribute")
    }


def _box(item: ET.Element) -> FloatArray:
    left, top, right, bottom = (
        parse_number(item.findtext(f"bndbox/{name}") or "nan") for name in _EDGES
    )
    return np.array([left - 1, top - 1, right - left + 1, bottom - top + 1])
