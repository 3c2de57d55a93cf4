"""COCO-video JSON (CocoVID, TAO): videos, their images, and boxes with track numbers."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from siamfc.datasets.readers.images import list_files, missing_frame
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.errors import DatasetError
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
            names = tuple(str(image["file_name"]) for image in frames)
            name = str(video.get("name", video["id"]))
            yield Video(name=name, load=partial(_load, name, folder, names, observations))
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
    root: Path,
    names: tuple[str, ...],
    observations: tuple[Observation, ...],
    on_problem: OnProblem,
) -> Iterator[Sequence]:
    folder = _image_folder(root, names)
    for frame, file_name in enumerate(names):
        if not (folder / file_name).exists():
            on_problem(missing_frame(folder / file_name, frame, name))
    yield from gather_tracks(
        observations,
        video=name,
        frames=FrameFiles(folder, names),
        frame_count=len(names),
        on_problem=on_problem,
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
        "<file_name> of each image, under the root or under images",
    ),
    boxes="bbox [x, y, w, h], 0-based edges",
    missing="an image without annotation of the track; those with iscrowd 1 are skipped",
    source="MMTracking's CocoVID (frame_id, instance_id); TAO (frame_index, track_id)",
    homepage="your own annotation, or a converter to this form",
    read=_videos,
)
