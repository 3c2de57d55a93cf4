"""COCO-video JSON (CocoVID, TAO): videos, their images, and boxes with track numbers."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.datasets.readers.images import list_files, missing_frame
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.frames.paths import VIDEO_FILE_SUFFIXES
from siamfc.parsers import parse_frame, parse_json, parse_number, read_text

_JSON = frozenset({".json"})


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the videos of the JSON files in the root or in its `annotations`."""
    if root.is_file():
        paths, folder = [root], root.parent
    else:
        paths, folder = list_files(root, _JSON) + list_files(root / "annotations", _JSON), root
    return [video for path in paths for video in _read(path, folder)]


def _read(path: Path, folder: Path) -> Iterator[Video]:
    content = parse_json(read_text(path), where=path)
    if not isinstance(content, dict) or not content.get("videos"):
        return
    try:
        labels = {item["id"]: str(item["name"]) for item in content.get("categories", ())}
        images: dict[Any, list[dict[str, Any]]] = {}
        for image in content["images"]:
            images.setdefault(image["video_id"], []).append(image)
        boxes: dict[Any, list[dict[str, Any]]] = {}
        for annotation in content["annotations"]:
            boxes.setdefault(annotation["image_id"], []).append(annotation)
        for video in content["videos"]:
            frames = sorted(images.get(video["id"], ()), key=_frame)
            if len({_frame(image) for image in frames}) != len(frames):
                raise ValueError(f"two images of one frame in video {video['id']!r}")
            observations = tuple(
                _observation(annotation, frame, labels)
                for frame, image in enumerate(frames)
                for annotation in boxes.get(image["id"], ())
                if not annotation.get("iscrowd")
            )
            names = {_frame(image): str(image["file_name"]) for image in frames}
            name = str(video.get("name", video["id"]))
            film = folder / str(video.get("file_name", ""))
            yield Video(name=name, load=partial(_load, name, film, folder, names, observations))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{path}: expected videos, images with video_id and file_name, and annotations with "
            f"image_id, track_id or instance_id, and bbox; missing or wrong: {error}"
        ) from None


def _frame(image: dict[str, Any]) -> int:
    """Return the position of an image in its video, by either of its names."""
    return parse_frame(image["frame_id"] if "frame_id" in image else image["frame_index"])


def _observation(annotation: dict[str, Any], frame: int, labels: dict[Any, str]) -> Observation:
    track = annotation["track_id"] if "track_id" in annotation else annotation["instance_id"]
    x, y, w, h = map(parse_number, annotation["bbox"])
    return Observation(
        track=str(track),
        frame=frame,
        box=(x, y, w, h),
        occluded=bool(annotation.get("occluded", False)),
        label=labels.get(annotation.get("category_id"), ""),
    )


def _load(
    name: str,
    film: Path,
    root: Path,
    images: dict[int, str],
    observations: tuple[Observation, ...],
    on_problem: OnProblem,
) -> Iterator[Sequence]:
    """Read the tracks of a video, from its images (by frame) or else from the film itself."""
    names = tuple(images.values())
    folder = _image_folder(root, names)
    missing = [at for at, file_name in enumerate(names) if not (folder / file_name).exists()]
    frames: FrameFiles | Path = FrameFiles(folder, names)
    annotated = np.ones(len(names), np.bool_)
    if len(missing) == len(names) and film.suffix.lower() in VIDEO_FILE_SUFFIXES and film.exists():
        frames, numbers = film, list(images)
        observations = tuple(one._replace(frame=numbers[one.frame]) for one in observations)
        annotated = np.isin(np.arange(max(numbers, default=-1) + 1), numbers)
        missing = []
    for at in missing:
        on_problem(missing_frame(folder / names[at], at, name))
    yield from gather_tracks(
        observations,
        video=name,
        frames=frames,
        frame_count=len(annotated),
        on_problem=on_problem,
        annotated=annotated,
    )


def _image_folder(root: Path, names: tuple[str, ...]) -> Path:
    """Return the folder that file names refer to: the root, or its image folder."""
    candidates = [root, *(root / inner for inner in ("images", "data", "frames", "train", "val"))]
    found = (folder for folder in candidates if names and (folder / names[0]).exists())
    return next(found, root)


COCOVID = Format(
    name="cocovid",
    title="COCO-video JSON",
    tree=(
        "<name>.json or annotations/<name>.json (videos, images, annotations)",
        "<file_name> of each image, under the root or under images, or of the video",
    ),
    boxes="bbox [x, y, w, h], 0-based edges",
    missing="an image without annotation of the track; those with iscrowd 1 are skipped",
    source="MMTracking's CocoVID (frame_id, instance_id); TAO (frame_index, track_id)",
    homepage="your own annotation, or a converter to this form",
    read=_videos,
)
