"""Files of boxes to export from a job or to import into it, and stills."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from siamfc.annotations import ANNOTATION_FORMATS
from siamfc.errors import InputError, OutputError, SiamFCError
from siamfc.tracking.exports import EXPORT_FORMATS, EXPORT_SUFFIXES, export_results, read_track
from siamfc.web.clips import video_info
from siamfc.web.editable_track import Tracks
from siamfc.web.job import Job
from siamfc.web.pictures import encode_png

_IMPORT_SUFFIXES = (*EXPORT_SUFFIXES, ".zip")
_UNPACKED_BYTES = 200_000_000

_TITLES = {
    "csv": "CSV: a row for each frame and target, with all that is known",
    "jsonl": "JSON Lines: an object for each frame, with all that is known",
} | {name: one.title for name, one in ANNOTATION_FORMATS.items()}


def box_formats() -> dict[str, str]:
    """Return the formats in which boxes can be written, with a title each."""
    return {name: _TITLES[name] for name in EXPORT_FORMATS}


def boxes_file(job: Job, kind: str) -> tuple[bytes, str]:
    """Return the boxes as a file's content and name; several files come as a zip.

    Raises:
        InputError: an unknown format, or nothing has been tracked.
        OutputError: the disk is full.
    """
    if kind not in EXPORT_FORMATS:
        raise InputError(f"boxes come as {', '.join(EXPORT_FORMATS)}; got {kind!r}")
    own = kind not in ANNOTATION_FORMATS
    stem = safe_stem(job.clip.name) + ("" if own else f"-{kind}")
    suffix = f".{kind}" if own else ANNOTATION_FORMATS[kind].suffix
    results, video = job.track.all_results(), video_info(job.clip)
    try:
        with tempfile.TemporaryDirectory(dir=job.folder) as folder:
            path = Path(folder) / f"{stem}{suffix}"
            paths = export_results(path, results, format=kind, video=video)
            if len(paths) == 1 and paths[0].is_file():
                return paths[0].read_bytes(), paths[0].name
            return _archive(paths, Path(folder)), f"{stem}.zip"
    except (OutputError, OSError) as error:
        reason = str(error).rpartition(": ")[2]
        raise OutputError(f"the boxes cannot be written: {reason}") from None


def _archive(paths: Sequence[Path], folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            for one in [path] if path.is_file() else sorted(path.rglob("*")):
                archive.write(one, one.relative_to(folder))
    return content.getvalue()


def read_boxes(content: bytes, name: str, folder: Path) -> Tracks:
    """Read a file of boxes in any format that siamfc writes, or a folder of them as a zip.

    Args:
        content: the file's content.
        name: its name, of which only the suffix matters.
        folder: private folder for a temporary copy.

    Raises:
        InputError: an unknown format, or boxes that cannot be read; the message names `name`.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in _IMPORT_SUFFIXES:
        raise InputError(f"{name}: expected boxes as {', '.join(_IMPORT_SUFFIXES)}")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / f"boxes{suffix}"
        try:
            if suffix == ".zip":
                path = _unpacked(content, name, Path(temporary) / "boxes")
            else:
                path.write_bytes(content)
            annotation = read_track(path)
        except SiamFCError as error:
            text = str(error).replace(str(path), name).replace(temporary, "")
            raise InputError(text) from None
    boxes = annotation.boxes.swapaxes(0, 1)
    names = annotation.names if annotation.has_names else [""] * len(boxes)
    return [
        (name, dict(zip(annotation.frames.tolist(), rows, strict=True)))
        for name, rows in zip(names, boxes, strict=True)
    ]


def _unpacked(content: bytes, name: str, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size <= _UNPACKED_BYTES:
                archive.extractall(folder)
    except Exception:  # each decompressor has its own error for damaged data
        raise InputError(f"{name}: not a zip archive, or a damaged one") from None
    if size > _UNPACKED_BYTES:
        raise InputError(f"{name}: more than {_UNPACKED_BYTES // 10**6} MB unpacked")
    children = list(folder.iterdir())
    return children[0] if len(children) == 1 else folder


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
    """Return a file name, without a suffix, that is safe on every system.

    >>> safe_stem("../../etc/My video.mp4")
    'My-video'
    """
    stem = Path(name.replace("\\", "/")).name.rpartition(".")[0] or Path(name).name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "siamfc"
