"""CVAT for video 1.1: tracks exported from the annotation tool CVAT."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from math import cos, hypot, isnan, radians, sin
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from siamfc.array_types import BoolArray
from siamfc.boxes import from_polygon
from siamfc.datasets.readers.images import (
    list_files,
    list_folders,
    list_images,
    match_frames,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import optional_size
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import (
    FrameFiles,
    OnProblem,
    Problem,
    Sequence,
    Video,
    raise_problem,
)
from siamfc.errors import DatasetError
from siamfc.frames.paths import VIDEO_FILE_SUFFIXES
from siamfc.parsers import parse_frame, parse_number, parse_numbers, read_xml

_XML = frozenset({".xml"})
_STEP = re.compile(r"\s*step\s*=\s*(\d+)\s*")
_NO_SHAPES = frozenset({"attribute"})
"""Elements of a track that are not shapes."""


class _Box(NamedTuple):
    """A shape of a track as an axis-aligned or rotated box.

    `outside` marks the target as gone from this frame on.
    """

    frame: int
    outside: bool
    occluded: bool
    corners: tuple[float, float, float, float]
    """Left, top, right, bottom, before rotation."""
    rotation: float = 0.0
    """Degrees clockwise about the centre."""


class _Numbering(NamedTuple):
    """Frame numbering of a task."""

    start: int = 0
    step: int = 1
    size: int | None = None
    """Frames of the task; None if the annotation does not say."""

    def place(self, frame: int) -> int | None:
        """Return a frame's position among those of the task; None if the task lacks it."""
        place, rest = divmod(frame - self.start, self.step)
        return None if rest or place < 0 else place


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the XML files of the root and of its folders."""
    folders = [] if root.is_file() else [root, *list_folders(root)]
    paths = [root] if root.is_file() else [p for one in folders for p in list_files(one, _XML)]
    return [Video(name=_name(path), load=partial(_load, path)) for path in paths]


def _name(path: Path) -> str:
    """Return the folder's name for an exported `annotations.xml`, or else the file's."""
    return path.absolute().parent.name if path.stem == "annotations" else path.stem


def _load(path: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    name = _name(path)
    content = parse_annotation(path)
    numbering = _numbering(content, path)
    frames = _frames(path)
    observations = list_observations(
        content, path, numbering=numbering, video=name, on_problem=on_problem
    )
    last = max((one.frame for one in observations), default=-1)
    count = last + 1 if numbering.size is None else numbering.size
    is_whole_video = isinstance(frames, Path)
    if isinstance(frames, FrameFiles):
        count = len(frames) if numbering.size is None else count
        is_whole_video = len(frames) > numbering.start + (count - 1) * numbering.step > count - 1
        if not is_whole_video:
            frames = match_frames(frames, count, video=name, on_problem=on_problem)
            count = len(frames)
    annotated = None
    if is_whole_video:
        # The video has all of its frames; those between the task's are not annotated.
        observations = [
            one._replace(frame=numbering.start + one.frame * numbering.step) for one in observations
        ]
        annotated = _annotated(numbering, count, frames)
        count = len(annotated)
    yield from gather_tracks(
        observations,
        video=name,
        frames=frames,
        frame_count=count,
        on_problem=on_problem,
        size=optional_size(
            content.findtext("meta//original_size/width"),
            content.findtext("meta//original_size/height"),
        ),
        annotated=annotated,
    )


def _numbering(content: ET.Element, path: Path) -> _Numbering:
    """Read `size`, `start_frame` and `frame_filter` of the task or job.

    Raises:
        DatasetError: one of them is invalid.
    """
    start, size = content.findtext("meta//start_frame"), content.findtext("meta//size")
    text = content.findtext("meta//frame_filter") or ""
    try:
        found = _STEP.fullmatch(text)
        if text.strip() and found is None:
            raise ValueError(f"frame_filter: expected step=N, got {text[:40]!r}")
        return _Numbering(
            start=parse_frame(start or 0),
            step=parse_frame(found[1], 1) if found else 1,
            size=parse_frame(size) if size and size.strip() else None,
        )
    except ValueError as error:
        raise DatasetError(f"{path}: expected the task's size, start and step; {error}") from None


def _annotated(numbering: _Numbering, count: int, frames: FrameFiles | Path) -> BoolArray:
    """Mark the frames of a whole video that belong to the task."""
    end = numbering.start + max(count - 1, 0) * numbering.step + 1
    flags = np.zeros(len(frames) if isinstance(frames, FrameFiles) else end, np.bool_)
    flags[numbering.start : end : numbering.step] = True
    return flags


def list_observations(
    content: ET.Element,
    path: Path,
    *,
    numbering: _Numbering | None = None,
    video: str = "",
    on_problem: OnProblem = raise_problem,
) -> list[Observation]:
    """List the boxes of an annotation's tracks, including those between its key frames.

    Args:
        content: of the annotation.
        path: of the annotation, for messages.
        numbering: of its frames; None: from 0, every one.
        video: its name.
        on_problem: called for shapes without a box, and for frames outside the task; both are
            skipped.

    Raises:
        DatasetError: a shape lacks its frame or edges; the message names `path`.
    """
    numbering = numbering or _Numbering()
    return [
        Observation(
            track=item.get("id", str(number)),
            frame=box.frame,
            box=_hull(box),
            occluded=box.occluded,
            label=item.get("label", ""),
        )
        for number, item in enumerate(content.iterfind("track"))
        for box in _interpolate(
            _boxes(item, path, numbering, f"{video}/{item.get('id', number)}", on_problem)
        )
    ]


def _boxes(
    track: ET.Element, path: Path, numbering: _Numbering, name: str, on_problem: OnProblem
) -> list[_Box]:
    boxes, refused = [], set()
    for item in track:
        if item.tag in _NO_SHAPES:
            continue
        if item.tag not in _SHAPES:
            refused.add(str(item.tag))
            continue
        try:
            frame = parse_frame(item.attrib["frame"])
            corners = _SHAPES[item.tag](item.attrib)
            turned = parse_number(item.get("rotation", "0")) if item.tag == "box" else 0.0
            if any(map(isnan, (turned, *corners))):
                raise ValueError("a number, got nan")
        except (KeyError, ValueError) as error:
            raise DatasetError(
                f"{path}: expected frame and edges (xtl, ytl, xbr, ybr of a box) in each shape of "
                f"a track; missing or wrong in a {item.tag}: {error}"
            ) from None
        place = numbering.place(frame)
        if place is None:
            on_problem(_not_in_task(name, path, frame, numbering))
            continue
        is_outside, is_occluded = item.get("outside") == "1", item.get("occluded") == "1"
        boxes.append(_Box(place, is_outside, is_occluded, corners, turned))
    for tag in sorted(refused):
        on_problem(_unsupported(name, path, tag))
    return sorted(boxes, key=lambda box: box.frame)


def _rectangle(item: dict[str, str]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (parse_number(item[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
    return left, top, right, bottom


def _polygon(item: dict[str, str]) -> tuple[float, float, float, float]:
    points = parse_numbers(item["points"])
    if len(points) < 6 or len(points) % 2:
        raise ValueError(f"points of a polygon, got {item['points'][:40]!r}")
    x, y, w, h = from_polygon(points).tolist()
    return x, y, x + w, y + h


def _ellipse(item: dict[str, str]) -> tuple[float, float, float, float]:
    x, y, across, down = (parse_number(item[key]) for key in ("cx", "cy", "rx", "ry"))
    turn = radians(parse_number(item.get("rotation", "0")))
    half_width = hypot(across * cos(turn), down * sin(turn))
    half_height = hypot(across * sin(turn), down * cos(turn))
    return x - half_width, y - half_height, x + half_width, y + half_height


def _mask(item: dict[str, str]) -> tuple[float, float, float, float]:
    left, top, width, height = (
        parse_number(item[key]) for key in ("left", "top", "width", "height")
    )
    return left, top, left + width, top + height


_SHAPES: dict[str, Callable[[dict[str, str]], tuple[float, float, float, float]]] = {
    "box": _rectangle,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "mask": _mask,
}
"""Readers of each shape's edges; those of an ellipse are before its rotation."""


def _hull(box: _Box) -> tuple[float, float, float, float]:
    """Return the axis-aligned box, x, y, w, h, around a rotated one."""
    left, top, right, bottom = box.corners
    turn = radians(box.rotation)
    width, height = right - left, bottom - top
    if turn:
        across, down = abs(cos(turn)), abs(sin(turn))
        width, height = width * across + height * down, width * down + height * across
    return (left + right - width) / 2, (top + bottom - height) / 2, width, height


def _not_in_task(name: str, path: Path, frame: int, numbering: _Numbering) -> Problem:
    message = (
        f"expected frames from {numbering.start} in steps of {numbering.step}, as the task's "
        f"start_frame and frame_filter say, got frame {frame}"
    )
    return Problem(kind="wrong count", sequence=name, path=str(path), message=message)


def _unsupported(name: str, path: Path, tag: str) -> Problem:
    message = (
        f"expected tracks of {', '.join(_SHAPES)}, got a {tag}: it has no box; redraw it or remove "
        "the track"
    )
    return Problem(kind="unsupported shape", sequence=name, path=str(path), message=message)


def _interpolate(boxes: list[_Box]) -> Iterator[_Box]:
    """Yield the boxes of a track in every frame in which the target is present.

    Frames between two boxes are interpolated linearly, as CVAT does, unless the target was outside
    in the first. Nothing follows the last box.
    """
    for box, following in zip(boxes, [*boxes[1:], None], strict=False):
        if box.outside:
            continue
        yield box
        if following is None:
            continue
        span = following.frame - box.frame
        for frame in range(box.frame + 1, following.frame):
            fraction = (frame - box.frame) / span
            # The box that closes a track repeats the target's last position.
            a, b, c, d = (
                start + fraction * (end - start)
                for start, end in zip(box.corners, following.corners, strict=True)
            )
            turn = (following.rotation - box.rotation + 180) % 360 - 180  # the shorter way
            yield box._replace(
                frame=frame, corners=(a, b, c, d), rotation=box.rotation + fraction * turn
            )


def _frames(path: Path) -> FrameFiles | Path:
    """Return the images or video of an annotation: in `images`, in a folder, or a file of its name.

    Raises:
        DatasetError: there is neither.
    """
    for folder in (path.parent / "images", path.with_suffix(""), path.parent):
        images = list_images(folder)
        if len(images):
            return images
    videos = list_files(path.parent, VIDEO_FILE_SUFFIXES)
    named = [video for video in videos if video.stem == path.stem]
    if named or len(videos) == 1:
        return (named or videos)[0]
    raise DatasetError(
        f"{path}: expected its frames in {path.parent / 'images'} or one video file beside it"
    )


def parse_annotation(path: Path) -> ET.Element:
    """Read an XML file of tracks.

    Raises:
        DatasetError: the file is anything else.
    """
    content = read_xml(path, expected="a CVAT annotation")
    if content.find("image") is not None and content.find("track") is None:
        raise DatasetError(
            f"{path}: expected tracks, got single images: export it as `CVAT for video 1.1`"
        )
    return content


CVAT = Format(
    name="cvat",
    title="CVAT for video 1.1",
    tree=(
        "annotations.xml with images/frame_000000.png …, or <video>.xml with <video>.mp4",
        "or a folder of these for each video",
    ),
    boxes=(
        "xtl, ytl, xbr, ybr, 0-based edges: w = xbr − xtl; of turned boxes, polygons, ellipses and "
        "masks the axis-aligned box; frames from start_frame in steps of frame_filter"
    ),
    missing="outside 1, or no box; frames between two boxes are interpolated",
    source="docs.cvat.ai, XML annotation format 1.1",
    homepage="your own annotation, exported from CVAT",
    read=_videos,
)
