"""Boxes from files that other tools wrote."""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.errors import InputError, SiamFCError
from siamfc.tracking.exports import EXPORT_SUFFIXES, read_track

_SUFFIXES = (*EXPORT_SUFFIXES, ".zip")
_UNPACKED_BYTES = 200_000_000

Tracks = list[tuple[str, dict[int, FloatArray]]]
"""Name and boxes by frame of each target; an empty name: it has none."""


def read_boxes(content: bytes, name: str, folder: Path) -> Tracks:
    """Read a file of boxes in any format that siamfc writes, or a folder of them as a zip.

    Args:
        content: the content of the file.
        name: the name that its user gave it; only its ending counts.
        folder: private, for a copy.

    Raises:
        InputError: an unknown format, or boxes that cannot be read; the message speaks of `name`.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{name}: expected boxes as {', '.join(_SUFFIXES)}")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / f"boxes{suffix}"
        try:
            if suffix == ".zip":
                path = _unpacked(content, Path(temporary) / "boxes")
            else:
                path.write_bytes(content)
            return _read(path)
        except SiamFCError as error:
            text = str(error).replace(str(path), name).replace(temporary, "")
            raise InputError(text) from None


def _read(path: Path) -> Tracks:
    annotation = read_track(path)
    frames, boxes = annotation.frames.tolist(), annotation.boxes.swapaxes(0, 1)
    names = annotation.names if annotation.has_names else [""] * len(boxes)
    return [
        (name, {f: box for f, box in zip(frames, rows, strict=True) if np.isfinite(box).all()})
        for name, rows in zip(names, boxes, strict=True)
    ]


def _unpacked(content: bytes, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _UNPACKED_BYTES:
                raise InputError(f"{folder}: more than {_UNPACKED_BYTES // 10**6} MB unpacked")
            archive.extractall(folder)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        raise InputError(f"{folder}: not a zip archive, or a damaged one") from None
    children = list(folder.iterdir())
    return children[0] if len(children) == 1 else folder
