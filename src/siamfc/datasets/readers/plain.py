"""Frames or a video file with a text file of boxes, for your own annotation."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from siamfc.boxes import is_absent
from siamfc.datasets.readers.images import (
    image_stems,
    list_files,
    list_folders,
    list_images,
    match_frames,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_boxes
from siamfc.datasets.sequences import OnProblem, Sequence, Video
from siamfc.frames.paths import VIDEO_FILE_SUFFIXES

_TEXT = frozenset({".txt"})


def _frame_videos(root: Path, _split: str | None) -> list[Video]:
    """List the folders, the root or those in it, with images and one text file of boxes."""
    videos = []
    for folder in (root, *list_folders(root)):
        path = _beside(folder)
        if path is not None and image_stems(folder):
            name = folder.absolute().name
            videos.append(Video(name=name, load=partial(_load_frames, name, folder, path)))
    return videos


def _beside(folder: Path) -> Path | None:
    """Return a folder's box file: the only text file in it, or one with its name beside it."""
    inside = list_files(folder, _TEXT)
    outside = folder.absolute().parent / f"{folder.absolute().name}.txt"
    if len(inside) == 1:
        return inside[0]
    return outside if not inside and outside.exists() else None


def _load_frames(name: str, folder: Path, path: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    boxes = read_boxes(path, index_base=1, sequence=name, on_problem=on_problem)
    frames = match_frames(list_images(folder), len(boxes), video=name, on_problem=on_problem)
    boxes = boxes[: len(frames)]
    yield Sequence(name=name, frames=frames, boxes=boxes, absent=is_absent(boxes))


def _video_files(root: Path, _split: str | None) -> list[Video]:
    """List the video files with a text file of the same name; the root may be one."""
    paths = [root] if root.is_file() else list_files(root, VIDEO_FILE_SUFFIXES)
    return [
        Video(name=path.stem, load=partial(_load_video, path))
        for path in paths
        if path.suffix.lower() in VIDEO_FILE_SUFFIXES and path.with_suffix(".txt").exists()
    ]


def _load_video(path: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    """Read the boxes; decoding shows later whether a video has as many frames as lines."""
    annotation = path.with_suffix(".txt")
    boxes = read_boxes(annotation, index_base=1, sequence=path.stem, on_problem=on_problem)
    yield Sequence(name=path.stem, frames=path, boxes=boxes, absent=is_absent(boxes))


_BOXES = (
    "x, y, w, h separated by commas, tabs or blanks; 1-based as OTB's and as `siamfc track` writes"
)

FRAMES = Format(
    name="frames",
    title="folders of frames with a text file",
    tree=("<video>/<frame>.jpg …", "<video>/<name>.txt or <video>.txt (lines of x,y,w,h)"),
    boxes=_BOXES,
    missing="a row of NaN or without area",
    source="siamfc",
    homepage="your own annotation",
    read=_frame_videos,
)

VIDEO = Format(
    name="video",
    title="video files with a text file",
    tree=("<video>.mp4", "<video>.txt (lines of x,y,w,h)"),
    boxes=_BOXES,
    missing="a row of NaN or without area",
    source="siamfc",
    homepage="your own annotation",
    read=_video_files,
)
