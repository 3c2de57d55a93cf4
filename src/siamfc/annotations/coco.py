"""COCO-video JSON: a video, its images, and boxes with track numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.annotations.annotation import (
    VideoAnnotation,
    add_box,
    default_image_name,
    from_targets,
)
from siamfc.array_types import FloatArray
from siamfc.datasets.readers.text import optional_size
from siamfc.errors import DatasetError
from siamfc.parsers import parse_frame, parse_json, parse_number, read_text


def coco_annotation(
    number: int, image: int, target: int, category: int, box: FloatArray, score: float
) -> dict[str, Any]:
    """Return an element of `annotations`, without `score` if it is NaN.

    A target's number is `track_id` alone: FiftyOne refuses files with MMTracking's `instance_id`.
    """
    annotation = {
        "id": number,
        "video_id": 1,
        "image_id": image,
        "category_id": category,
        "track_id": target,
        "bbox": box.tolist(),
        "area": float(box[2] * box[3]),
        "iscrowd": 0,
    }
    if not np.isnan(score):
        annotation["score"] = float(score)
    return annotation


def write_coco(annotation: VideoAnnotation) -> dict[str, str]:
    """Return one file with everything; `VideoAnnotation.image_name` names the images."""
    size = dict(zip(("width", "height"), annotation.size or (), strict=False))
    rate = {} if annotation.frame_rate is None else {"fps": float(f"{annotation.frame_rate:g}")}
    classes = annotation.classes
    name = Path(annotation.video).stem
    content: dict[str, list[dict[str, Any]]] = {
        "categories": [{"id": at, "name": label} for at, label in enumerate(classes, 1)],
        "videos": [{"id": 1, "name": name, "file_name": annotation.video, **size, **rate}],
        "images": [
            {
                "id": frame + 1,
                "video_id": 1,
                "frame_id": frame,
                "file_name": annotation.image_name(frame),
                **size,
            }
            for frame in range(annotation.frame_count)
        ],
        "tracks": [
            {"id": at, "video_id": 1, "category_id": classes.index(label) + 1, "name": one}
            for at, (one, label) in enumerate(
                zip(annotation.names, annotation.labels, strict=True), 1
            )
        ],
        "annotations": [],
    }
    for at, frame in enumerate(annotation.frames.tolist()):
        for target in np.flatnonzero(annotation.present[at]).tolist():
            one = coco_annotation(
                len(content["annotations"]) + 1,
                frame + 1,
                target + 1,
                content["tracks"][target]["category_id"],
                np.round(annotation.boxes[at, target], 2),
                round(float(annotation.scores[at, target]), 4),
            )
            one["area"] = round(one["area"], 2)
            content["annotations"].append(one)
    return {"": json.dumps(content, allow_nan=False, ensure_ascii=False) + "\n"}


def read_coco(path: Path) -> VideoAnnotation:
    """Read the only video of a file.

    Raises:
        DatasetError: not a COCO-video file, or one with several videos.
    """
    try:
        content = parse_json(read_text(path), where=path)
        (video,) = content["videos"]
        frames = {one["id"]: parse_frame(one["frame_id"]) for one in content["images"]}
        images = {frames[one["id"]]: str(one["file_name"]) for one in content["images"]}
        count = max(images, default=-1) + 1
        labels = {one["id"]: str(one["name"]) for one in content["categories"]}
        tracks = content.get("tracks", [])
        rows: dict[str, dict[int, FloatArray]] = {str(one["id"]): {} for one in tracks}
        scores: dict[str, dict[int, float]] = {}
        of = {str(one["id"]): labels[one["category_id"]] for one in tracks}
        for one in content["annotations"]:
            target, frame = str(one["track_id"]), frames[one["image_id"]]
            x, y, w, h = map(parse_number, one["bbox"])
            add_box(rows, target, frame, np.array([x, y, w, h]))
            scores.setdefault(target, {})[frame] = parse_number(one.get("score", np.nan))
            of.setdefault(target, labels[one["category_id"]])
        return from_targets(
            rows,
            scores=scores,
            labels=of,
            names={str(one["id"]): str(one["name"]) for one in tracks if "name" in one},
            dense=True,
            size=optional_size(video.get("width"), video.get("height")),
            frame_rate=parse_number(video["fps"]) if video.get("fps") else None,
            frame_count=count,
            image_names=[images.get(frame, default_image_name(frame)) for frame in range(count)],
            video=str(video.get("file_name", video.get("name", "video.mp4"))),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DatasetError(
            f"{path}: expected COCO JSON of one video, with images, categories, and annotations "
            f"with track_id; missing or wrong: {error}"
        ) from None
