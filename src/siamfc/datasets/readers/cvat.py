"""CVAT for video 1.1: what the annotation tool CVAT exports of tracks."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from siamfc.datasets.readers.images import (
    VIDEO_SUFFIXES,
    list_files,
    list_folders,
    list_images,
    match_frames,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.errors import DatasetError

_XML = frozenset({".xml"})


class _Box(NamedTuple):
    """A `box` of a track; `outside` says that the target is gone from this frame on."""

    frame: int
    outside: bool
    occluded: bool
    corners: tuple[float, float, float, float]


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the XML files of the root and of its folders."""
    folders = [] if root.is_file() else [root, *list_folders(root)]
    paths = [root] if root.is_file() else [p for one in folders for p in list_files(one, _XML)]
    return [Video(name=_name(path), load=partial(_load, path)) for path in paths]


def _name(path: Path) -> str:
    """The folder's name for an `annotations.xml`, as it is exported, or else the file's."""
    return path.absolute().parent.name if path.stem == "annotations" else path.stem


def _load(path: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    name = _name(path)
    content = parse_annotation(path)
    count = _integer(content.findtext("meta//size"))
    frames = _frames(path)
    if isinstance(frames, FrameFiles):
        count = len(frames) if count is None else count
        frames = match_frames(frames, count, video=name, on_problem=on_problem)
        count = len(frames)
    observations = list_observations(content, path)
    last = max((int(box.get("frame", -1)) for box in content.iterfind("track/box")), default=-1)
    width = _integer(content.findtext("meta//original_size/width"))
    height = _integer(content.findtext("meta//original_size/height"))
    yield from gather_tracks(
        observations,
        video=name,
        frames=frames,
        frame_count=last + 1 if count is None else count,
        on_problem=on_problem,
        size=(width, height) if width and height else None,
    )


def list_observations(content: ET.Element, path: Path) -> list[Observation]:
    """List the boxes of an annotation's tracks, those between its key frames too.

    Raises:
        DatasetError: a box without frame or edges; names `path`.
    """
    return [
        Observation(
            track=item.get("id", str(number)),
            frame=box.frame,
            box=(left, top, right - left, bottom - top),
            occluded=box.occluded,
            label=item.get("label", ""),
        )
        for number, item in enumerate(content.iterfind("track"))
        for box in _interpolate(_boxes(item, path))
        for left, top, right, bottom in [box.corners]
    ]


def _boxes(track: ET.Element, path: Path) -> list[_Box]:
    try:
        boxes = [
            _Box(
                frame=int(item.attrib["frame"]),
                outside=item.get("outside") == "1",
                occluded=item.get("occluded") == "1",
                corners=(
                    float(item.attrib["xtl"]),
                    float(item.attrib["ytl"]),
                    float(item.attrib["xbr"]),
                    float(item.attrib["ybr"]),
                ),
            )
            for item in track.iterfind("box")
        ]
    except (KeyError, ValueError) as error:
        raise DatasetError(
            f"{path}: expected frame, xtl, ytl, xbr, ybr in each box; missing or wrong: {error}"
        ) from None
    return sorted(boxes, key=lambda box: box.frame)


def _interpolate(boxes: list[_Box]) -> Iterator[_Box]:
    """Give the boxes of a track in every frame in which the target is there.

    Frames between two boxes lie on the straight line between them, as CVAT draws them, unless the
    target was outside in the first. Nothing follows the last box.
    """
    for box, following in zip(boxes, [*boxes[1:], None], strict=True):
        if box.outside:
            continue
        yield box
        if following is None:
            continue
        span = following.frame - box.frame
        for frame in range(box.frame + 1, following.frame):
            share = (frame - box.frame) / span
            # A target that leaves has its last place in the closing box too.
            a, b, c, d = (
                start + share * (end - start)
                for start, end in zip(box.corners, following.corners, strict=True)
            )
            yield box._replace(frame=frame, corners=(a, b, c, d))


def _frames(path: Path) -> FrameFiles | Path:
    """The images or video beside an annotation: in `images`, in a folder, or a file of its name.

    Raises:
        DatasetError: there is neither.
    """
    for folder in (path.parent / "images", path.with_suffix(""), path.parent):
        images = list_images(folder)
        if len(images):
            return images
    videos = list_files(path.parent, VIDEO_SUFFIXES)
    named = [video for video in videos if video.stem == path.stem]
    if named or len(videos) == 1:
        return (named or videos)[0]
    raise DatasetError(
        f"{path}: expected its frames in {path.parent / 'images'} or one video file beside it"
    )


def parse_annotation(path: Path) -> ET.Element:
    """Read an XML file of tracks.

    Raises:
        DatasetError: it isn't one.
    """
    content = parse_xml(path, "a CVAT annotation")
    if content.find("image") is not None and content.find("track") is None:
        raise DatasetError(
            f"{path}: expected tracks, got single images: export it as `CVAT for video 1.1`"
        )
    return content


def parse_xml(path: Path, expected: str) -> ET.Element:
    """The root of an XML file.

    Raises:
        DatasetError: it isn't one; the message says what was expected.
    """
    try:
        return ET.parse(path).getroot()
    except (ET.ParseError, OSError) as error:
        raise DatasetError(f"{path}: expected {expected}; {error}") from None


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None


CVAT = Format(
    name="cvat",
    title="CVAT for video 1.1",
    tree=(
        "annotations.xml with images/frame_000000.png …, or <video>.xml with <video>.mp4",
        "or a folder of these for each video",
    ),
    boxes="xtl, ytl, xbr, ybr, 0-based edges: w = xbr − xtl; frames from 0",
    missing="outside 1, or no box; frames between two boxes are interpolated",
    source="docs.cvat.ai, XML annotation format 1.1",
    homepage="your own annotation, exported from CVAT",
    read=_videos,
)
