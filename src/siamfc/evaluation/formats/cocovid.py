"""Results as one COCO-video JSON file: videos, their images, and boxes with track numbers."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.annotations.coco import coco_annotation
from siamfc.datasets.readers.cocovid import COCOVID as ANNOTATION
from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, clean_boxes
from siamfc.evaluation.formats.layout import ResultFormat, file_for
from siamfc.evaluation.formats.videos import by_video, target_number, targets_by_video
from siamfc.evaluation.runs import RunRecord

_FILE = "results"


def _read(folder: Path, collected: ResultCollector) -> None:
    videos = by_video(collected.sequences)
    with collected.skipping_damaged():
        for video in ANNOTATION.open(folder):
            if video.name not in videos:
                collected.unknown.append(video.name)
                continue
            found = {one.name: one for one in video.read(lambda _: None)}  # no images needed
            for place, (target, sequence) in enumerate(videos[video.name].items(), 1):
                number = target_number(target, place)
                one = found.get(f"{video.name}/{target}") or found.get(f"{video.name}/{number}")
                if one is not None:
                    with collected.skipping_damaged():
                        boxes = clean_boxes(one.boxes, folder / video.name, len(sequence))
                        collected.add(sequence, boxes)


def _write(folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]]) -> None:
    content: dict[str, list[dict[str, Any]]] = {
        "categories": [{"id": 1, "name": "target"}],
        "videos": [],
        "images": [],
        "annotations": [],
    }
    for number, (video, targets) in enumerate(targets_by_video(tracks).items(), 1):
        content["videos"].append({"id": number, "name": video})
        first = len(content["images"]) + 1
        content["images"] += _images(targets[0].sequence, number, first)
        for target, _, track in targets:
            for frame, box in enumerate(track.boxes):
                if np.isnan(box).any():
                    continue
                annotation = coco_annotation(
                    len(content["annotations"]) + 1,
                    first + frame,
                    int(target),
                    1,
                    box,
                    float(track.scores[frame]),
                )
                annotation |= {"video_id": number, "instance_id": int(target)}
                content["annotations"].append(annotation)
    path = file_for(folder, _FILE, ".json")
    path.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def _images(sequence: Sequence, video: int, first: int) -> Iterable[dict[str, Any]]:
    if not isinstance(sequence.frames, FrameFiles):
        raise DatasetError(
            f"{sequence.name}: expected one image per frame for COCO-video, got one video file"
        )
    size = dict(zip(("width", "height"), sequence.size or (), strict=False))
    for frame, path in enumerate(sequence.frames):
        name = f"{sequence.video}/{path.name}"
        yield {"id": first + frame, "video_id": video, "frame_id": frame, "file_name": name, **size}


COCOVID = ResultFormat(
    name="cocovid",
    title="COCO-video JSON",
    tree=("results.json",),
    boxes="bbox [x, y, w, h], 0-based; no annotation for a missing box",
    source="MMTracking's CocoVID (frame_id, instance_id); TAO (track_id)",
    recognize=lambda folder: any(folder.glob("*.json")),
    read=_read,
    write=_write,
)
