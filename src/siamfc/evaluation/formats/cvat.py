"""Results as CVAT for video 1.1: to be looked at and corrected in the annotation tool CVAT."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from siamfc.datasets.readers.cvat import list_observations, parse_annotation
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, clean_boxes
from siamfc.evaluation.formats.layout import ResultFormat, file_for
from siamfc.evaluation.formats.videos import targets_by_video, video_files
from siamfc.evaluation.runs import RunRecord


def _read(folder: Path, collected: ResultCollector) -> None:
    for path, targets in video_files(folder, ".xml", collected):
        with collected.leaving_out_damage():
            observations = list_observations(parse_annotation(path), path)
            for number, (target, sequence) in enumerate(targets.items(), 1):
                boxes = np.full((len(sequence), 4), np.nan)
                for one in observations:
                    if one.track not in (target, str(number)):
                        continue
                    if not 0 <= one.frame < len(sequence):
                        raise DatasetError(
                            f"{path}: expected frames 0 to {len(sequence) - 1}, got {one.frame}"
                        )
                    boxes[one.frame] = one.box
                collected.add(sequence, clean_boxes(boxes, path, len(sequence)))


def _write(folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]]) -> None:
    for video, targets in targets_by_video(tracks).items():
        root = ET.Element("annotations")
        ET.SubElement(root, "version").text = "1.1"
        root.append(_meta(targets[0].sequence))
        for number, sequence, track in targets:
            attributes = {"id": number, "label": sequence.label or "target", "source": "auto"}
            item = ET.SubElement(root, "track", attributes)
            for attributes in _boxes(track):
                ET.SubElement(item, "box", attributes)
        ET.indent(root)
        ET.ElementTree(root).write(
            file_for(folder, video, ".xml"), encoding="utf-8", xml_declaration=True
        )


def _meta(sequence: Sequence) -> ET.Element:
    meta = ET.Element("meta")
    task = ET.SubElement(meta, "task")
    ET.SubElement(task, "size").text = str(len(sequence))
    ET.SubElement(task, "mode").text = "interpolation"
    if sequence.size is not None:
        size = ET.SubElement(task, "original_size")
        for name, value in zip(("width", "height"), sequence.size, strict=True):
            ET.SubElement(size, name).text = str(value)
    return meta


def _boxes(track: RunRecord) -> Iterable[dict[str, str]]:
    """The attributes of a `box` a frame; where the target goes, one that says `outside`."""
    before: dict[str, str] | None = None
    for frame, box in enumerate(track.boxes):
        if np.isnan(box).any():
            if before is not None and before["outside"] == "0":
                before = {**before, "frame": str(frame), "outside": "1"}
                yield before
            continue
        x, y, w, h = (float(value) for value in box)
        edges = {"xtl": x, "ytl": y, "xbr": x + w, "ybr": y + h}
        before = {
            "frame": str(frame),
            "outside": "0",
            "occluded": "0",
            "keyframe": "1",
            **{name: f"{value:.4f}" for name, value in edges.items()},
            "z_order": "0",
        }
        yield before


CVAT = ResultFormat(
    name="cvat",
    title="CVAT for video 1.1",
    tree=("<video>.xml",),
    boxes="xtl, ytl, xbr, ybr, 0-based edges; frames from 0; outside 1 where there is no box",
    source="docs.cvat.ai, XML annotation format 1.1",
    recognize=lambda folder: any(folder.glob("*.xml")),
    read=_read,
    write=_write,
)
