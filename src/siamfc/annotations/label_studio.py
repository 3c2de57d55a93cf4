"""Label Studio video tasks: one region per target, in per cent of the frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.annotations.annotation import VideoAnnotation, from_targets, require_size
from siamfc.array_types import FloatArray
from siamfc.errors import DatasetError
from siamfc.parsers import parse_frame, parse_json, parse_number, parse_whole, read_text

_NAMES = ("x", "y", "width", "height")


def write_label_studio(annotation: VideoAnnotation) -> dict[str, str]:
    """Return one task with one annotation, whose regions belong to the tags `box` and `video`.

    The matching labelling configuration contains `<VideoRectangle name="box" toName="video"/>`,
    `<Labels name="label" toName="video">` and `<Video name="video" value="$video"/>`.
    """
    width, height = require_size(annotation)
    results = []
    for target, label in enumerate(annotation.labels):
        sequence = _sequence(annotation, target)
        value: dict[str, Any] = {
            "framesCount": annotation.frame_count,
            "sequence": sequence,
            "labels": [label],
        }
        if annotation.frame_rate:
            value["duration"] = round(annotation.frame_count / annotation.frame_rate, 6)
        results.append(
            {
                "id": f"target{target + 1}",
                "type": "videorectangle",
                "from_name": "box",
                "to_name": "video",
                "original_width": width,
                "original_height": height,
                "origin": "prediction",
                "meta": {"text": [annotation.names[target]]},
                "value": value,
            }
        )
    task = {"data": {"video": annotation.video}, "annotations": [{"result": results}]}
    return {"": json.dumps([task], allow_nan=False, ensure_ascii=False) + "\n"}


def _sequence(annotation: VideoAnnotation, target: int) -> list[dict[str, Any]]:
    """Return one element per frame; `enabled` is false in the last one before the target leaves."""
    width, height = require_size(annotation)
    scale = 100 / np.array([width, height, width, height])
    present = annotation.present[:, target]
    following = np.append(present[1:], False)
    rate = annotation.frame_rate
    return [
        {
            "frame": frame + 1,
            "enabled": bool(following[at]) or frame + 1 == annotation.frame_count,
            "rotation": 0,
            **dict(
                zip(_NAMES, np.round(annotation.boxes[at, target] * scale, 4).tolist(), strict=True)
            ),
            **({"time": round(frame / rate, 6)} if rate else {}),
        }
        for at, frame in enumerate(annotation.frames.tolist())
        if present[at]
    ]


def read_label_studio(path: Path) -> VideoAnnotation:
    """Read the first annotation of the only task in a file.

    Raises:
        DatasetError: not a Label Studio video task.
    """
    try:
        (task,) = parse_json(read_text(path), where=path)
        results = task["annotations"][0]["result"]
        rows: dict[str, dict[int, FloatArray]] = {}
        labels, names = {}, {}
        count, size = 0, (0, 0)
        for one in results:
            size = parse_whole(one["original_width"]), parse_whole(one["original_height"])
            scale = np.array([*size, *size]) / 100
            value = one["value"]
            count = max(count, parse_frame(value["framesCount"]))
            target = str(one["id"])
            if target in rows:
                raise ValueError(f"two regions of id {target[:40]!r}")
            rows[target] = _boxes(value["sequence"], scale, parse_frame(value["framesCount"]))
            labels[target] = str(value["labels"][0])
            names[target] = str(one.get("meta", {}).get("text", [target])[0])
        duration = parse_number(results[0]["value"].get("duration") or 0) if results else 0.0
        return from_targets(
            rows,
            labels=labels,
            names=names,
            dense=True,
            size=size if any(size) else None,
            frame_count=count,
            frame_rate=count / duration if duration else None,
            video=Path(str(task["data"]["video"])).name,
        )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise DatasetError(
            f"{path}: expected Label Studio JSON of one video task with regions of type "
            f"videorectangle; missing or wrong: {error}"
        ) from None


def _boxes(sequence: list[dict[str, Any]], scale: FloatArray, count: int) -> dict[int, FloatArray]:
    """Return the boxes by frame, interpolated linearly after each enabled element.

    If the last element is enabled, its box holds to the end of the video's `count` frames.
    """
    boxes: dict[int, FloatArray] = {}
    before: tuple[int, FloatArray] | None = None
    for one in sorted(sequence, key=lambda item: parse_frame(item["frame"], 1)):
        frame = parse_frame(one["frame"], 1) - 1
        box = np.array([parse_number(one[name]) for name in _NAMES]) * scale
        if before is not None:
            start, first = before
            for between in range(start + 1, frame):
                boxes[between] = first + (between - start) / (frame - start) * (box - first)
        boxes[frame] = box
        before = (frame, box) if one.get("enabled", True) else None
    if before is not None:
        boxes |= dict.fromkeys(range(before[0], count), before[1])
    return boxes
