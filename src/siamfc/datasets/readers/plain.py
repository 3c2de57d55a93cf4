"""Frames or a video file with a text file of boxes, for your own annotation."""

import logging
import re
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
from siamfc.errors import DatasetError
from siamfc.frames.paths import VIDEO_FILE_SUFFIXES

_logger = logging.getLogger(__name__)

_TEXT = frozenset({".txt"})
_NUMBERED = re.compile(r"(.+)_(\d+)")
"""Name of a file with the boxes of one of several targets, as `siamfc track` writes them."""


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
    """List the video files with text files of their names; the root may be one of them."""
    folder = root.parent if root.is_file() else root
    paths = list_files(folder, VIDEO_FILE_SUFFIXES)
    texts = _texts(folder, {path.stem for path in paths})
    videos = []
    for path in [root] if root.is_file() else paths:
        if path.suffix.lower() not in VIDEO_FILE_SUFFIXES:
            continue
        if path.stem in texts:
            load = partial(_load_video, path, texts[path.stem])
            videos.append(Video(name=path.stem, load=load))
        elif texts:
            _logger.warning("%s: expected a text file of boxes, got none: it is skipped", path)
    return videos


def _texts(folder: Path, videos: set[str]) -> dict[str, dict[str, Path]]:
    """Return the text files of each video by target: ``""``, or the numbers of several."""
    texts: dict[str, dict[str, Path]] = {}
    for path in list_files(folder, _TEXT):
        numbered = _NUMBERED.fullmatch(path.stem)
        if path.stem in videos:
            texts.setdefault(path.stem, {})[""] = path
        elif numbered and numbered[1] in videos:
            texts.setdefault(numbered[1], {})[numbered[2]] = path
    return texts


def _load_video(path: Path, texts: dict[str, Path], on_problem: OnProblem) -> Iterator[Sequence]:
    """Read the boxes; decoding shows later whether a video has as many frames as lines.

    Raises:
        DatasetError: a file for the only target, and files for several.
    """
    if "" in texts and len(texts) > 1:
        other = next(text for target, text in texts.items() if target)
        raise DatasetError(
            f"{path}: expected {texts[''].name}, or {other.name} for one of several targets, "
            "got both"
        )
    for target, text in texts.items():
        name = f"{path.stem}/{target}" if target else path.stem
        boxes = read_boxes(text, index_base=1, sequence=name, on_problem=on_problem)
        yield Sequence(
            name=name, frames=path, boxes=boxes, absent=is_absent(boxes), video=path.stem
        )


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
    tree=("<video>.mp4", "<video>.txt (x,y,w,h lines; two targets: <video>_1.txt, _2)"),
    boxes=_BOXES,
    missing="a row of NaN or without area",
    source="siamfc",
    homepage="your own annotation",
    read=_video_files,
)
