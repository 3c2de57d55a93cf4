"""Results as CVAT for video 1.1, for review and correction in the annotation tool CVAT."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from siamfc.annotations.cvat import box_attributes, meta_element, track_element
from siamfc.datasets.readers.cvat import list_observations, parse_annotation
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, clean_boxes
from siamfc.evaluation.formats.layout import ResultFormat, file_for
from siamfc.evaluation.formats.videos import target_number, targets_by_video, video_files
from siamfc.evaluation.runs import RunRecord


def _read(folder: Path, collected: ResultCollector) -> None:
    for path, targets in video_files(folder, ".xml", collected):
        with collected.skipping_damaged():
            observations = list_observations(parse_annotation(path), path)
            for place, (target, sequence) in enumerate(targets.items(), 1):
                tracks = (target, target_number(target, place))
                found = [one for one in observations if one.track in tracks]
                if not found:
                    continue
                boxes = np.full((len(sequence), 4), np.nan)
                for one in found:
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
        sequence = targets[0].sequence
        root.append(meta_element(len(sequence), sequence.size))
        for number, sequence, track in targets:
            count = len(track.boxes)
            boxes = box_attributes(np.arange(count), track.boxes, np.ones(count, np.bool_))
            root.append(track_element(number, sequence.label or "target", boxes))
        ET.indent(root)
        ET.ElementTree(root).write(
            file_for(folder, video, ".xml"), encoding="utf-8", xml_declaration=True
        )


CVAT = ResultFormat(
    name="cvat",
    title="CVAT for video 1.1",
    tree=("<video>.xml",),
    boxes="xtl, ytl, xbr, ybr, 0-based edges; frames from 0; outside 1 for a missing box",
    source="docs.cvat.ai, XML annotation format 1.1",
    recognize=lambda folder: any(folder.glob("*.xml")),
    read=_read,
    write=_write,
)
