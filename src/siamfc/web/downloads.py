"""Files to take away from a job: boxes and a still."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from siamfc.annotations import ANNOTATION_FORMATS
from siamfc.errors import InputError, OutputError
from siamfc.tracking import FrameResult
from siamfc.tracking.exports import EXPORT_FORMATS, VideoInfo, export_results
from siamfc.web.clips import Clip
from siamfc.web.job import Job
from siamfc.web.pictures import encode_png

_TITLES = {
    "csv": "CSV: a row for each frame and target, with all that is known",
    "jsonl": "JSON Lines: an object for each frame, with all that is known",
} | {name: one.title for name, one in ANNOTATION_FORMATS.items()}


def box_formats() -> dict[str, str]:
    """Return the formats in which boxes can be written, with a title each."""
    return {name: _TITLES[name] for name in EXPORT_FORMATS}


def boxes_file(job: Job, kind: str, folder: Path) -> tuple[bytes, str]:
    """Return the boxes as a file's content and name; several files come as a zip.

    Raises:
        InputError: an unknown format, or nothing has been tracked.
        OutputError: the disk is full.
    """
    if kind not in EXPORT_FORMATS:
        raise InputError(f"boxes come as {', '.join(EXPORT_FORMATS)}; got {kind!r}")
    results, clip = tracked(job), job.clip
    own = kind not in ANNOTATION_FORMATS
    stem = safe_stem(clip.name) + ("" if own else f"-{kind}")
    try:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            suffix = f".{kind}" if own else ANNOTATION_FORMATS[kind].suffix
            path = Path(temporary) / f"{stem}{suffix}"
            paths = export_results(path, results, format=kind, video=video_info(clip))
            if len(paths) == 1 and paths[0].is_file():
                return paths[0].read_bytes(), paths[0].name
            return _archive(paths, temporary).read_bytes(), f"{stem}.zip"
    except (OutputError, OSError) as error:
        reason = str(error).rpartition(": ")[2]
        raise OutputError(f"the boxes cannot be written: {reason}") from None


def video_info(clip: Clip) -> VideoInfo:
    """Return the facts about a clip that formats contain."""
    return VideoInfo(
        name=clip.name.rpartition("/")[2],
        size=clip.size,
        frame_rate=clip.frame_rate,
        frame_count=clip.frame_count,
    )


def tracked(job: Job) -> list[FrameResult]:
    """Return the results of a job; InputError if there are none."""
    results = job.track.results()
    if not results:
        raise InputError("there are no boxes yet: draw one first")
    return results


def _archive(paths: Sequence[Path], folder: str) -> Path:
    archive = Path(folder) / "boxes.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            for one in [path] if path.is_file() else sorted(path.rglob("*")):
                file.write(one, one.relative_to(folder))
    return archive


def still(job: Job, index: int) -> tuple[bytes, str]:
    """Return a frame with its boxes, as a PNG file's content and name.

    Raises:
        InputError: no such frame.
        SourceError: it cannot be decoded.
    """
    image = job.clip[index].image
    for result in job.track.results(index, index + 1):
        image = result.draw(image)
    return encode_png(image), f"{safe_stem(job.clip.name)}-{index + 1}.png"


def safe_stem(name: str) -> str:
    """A file name without an ending that means nothing to any system.

    >>> safe_stem("../../etc/My video.mp4")
    'My-video'
    """
    stem = Path(name.replace("\\", "/")).name.rpartition(".")[0] or Path(name).name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "siamfc"
