"""From what a user names to a source of frames."""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Iterable
from pathlib import Path

from numpy.typing import ArrayLike

from siamfc.errors import InputError, SourceError
from siamfc.frames.arrays import ArraySource
from siamfc.frames.folder import ImageFiles, find_images, is_image, match_files
from siamfc.frames.frame import FrameSource
from siamfc.frames.live import LiveSource, camera_address, stream_address
from siamfc.frames.paths import exists
from siamfc.frames.video import VideoFile

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")

_CAMERA_DEVICE = re.compile(r"/dev/video([0-9]+)")


def open_source(
    source: str | Path | int | Iterable[ArrayLike] | FrameSource,
    *,
    frame_rate: float | None = None,
    threads: int = 1,
    read_ahead: int = 4,
    timeout: float = 10.0,
) -> FrameSource:
    """Open a video, folder, glob, camera, stream or iterable of arrays.

    Args:
        source: What to read:
            a video file: mp4, mkv, webm, avi, mov and whatever else FFmpeg knows;
            a folder of images, a glob such as "clip/*.png" or one image file;
            a camera's number, as int or digits: 0 is the first; on Linux also /dev/video0;
            a URL: rtsp, http, https, rtmp, srt, udp …;
            arrays, (H, W, 3) RGB or (H, W) grey of uint8 each;
            a source that is open already, which is returned as it is.
        frame_rate: Frames per second of images and arrays, which have no clock of their own.
        threads: Threads that decode a video. One is the default because the network needs the
            cores; where it runs on a GPU more are of use.
        read_ahead: Frames that are decoded ahead, at least 1; each takes 3 · H · W bytes.
        timeout: Seconds without data after which a camera or stream counts as broken off.

    Raises:
        InputError: An argument that cannot be used.
        SourceError: The source cannot be opened, or nothing in it can be decoded.

    >>> import numpy as np
    >>> with open_source([np.zeros((4, 6), np.uint8)] * 2, frame_rate=25) as source:
    ...     [(frame.index, frame.time, frame.image.shape) for frame in source]
    [(0, 0.0, (4, 6, 3)), (1, 0.04, (4, 6, 3))]
    """
    _check_options(frame_rate, threads, read_ahead, timeout)
    if isinstance(source, FrameSource):
        return source
    if not isinstance(source, str | Path | int) or isinstance(source, bool):
        return _open_arrays(source, frame_rate)
    if source == "":
        raise SourceError("a source is a file, folder, glob, camera number or URL; got no name")
    images = _images(source)
    if images:
        name = Path(str(source)).absolute().name
        return ImageFiles(images, name=name, frame_rate=frame_rate, read_ahead=read_ahead)
    if frame_rate is not None:
        raise InputError(
            f"frame_rate is for images and arrays, which have no clock; {source} has its own"
        )
    if isinstance(source, str) and _URL.match(source):
        address = stream_address(source, timeout=timeout)
        return LiveSource(address, threads=threads, read_ahead=read_ahead)
    number = _camera_number(source)
    if number is not None:
        address = camera_address(number, timeout=timeout)
        return LiveSource(address, threads=threads, read_ahead=read_ahead)
    return VideoFile(_video(str(source)), threads=threads, read_ahead=read_ahead)


def _check_options(frame_rate: float | None, threads: int, read_ahead: int, timeout: float) -> None:
    if frame_rate is not None and not (0 < frame_rate < math.inf):
        raise InputError(f"frame_rate must be a positive number of frames/s; got {frame_rate}")
    if threads < 1:
        raise InputError(f"threads must be at least 1; got {threads}")
    if read_ahead < 1:
        raise InputError(f"read_ahead must be at least 1 frame; got {read_ahead}")
    if not 0 < timeout < math.inf:
        raise InputError(f"timeout must be a positive number of seconds; got {timeout}")


def _open_arrays(source: object, frame_rate: float | None) -> FrameSource:
    if isinstance(source, bool) or not isinstance(source, Iterable):
        raise InputError(
            "a source is a file, folder, glob, camera number, URL or iterable of arrays; "
            f"got {source!r}"
        )
    return ArraySource(source, frame_rate=frame_rate)


def _images(source: str | Path | int) -> list[Path]:
    """The image files that are meant, none when it is no folder, glob or image file."""
    path = Path(str(source))
    if isinstance(source, int) or _URL.match(str(source)):
        return []
    if _is_glob(source):
        return [match for match in match_files(str(source)) if is_image(match)]
    if exists(path) and path.is_dir():
        return find_images(path)
    return [path] if is_image(path) else []


def _video(source: str) -> Path:
    """The one file that is meant by a path or a glob."""
    if not _is_glob(source):
        return Path(source)
    matches = match_files(source)
    if len(matches) > 1:
        raise SourceError(f"{source} matches {len(matches)} files, none of them images: name one")
    return matches[0]


def _is_glob(source: str | Path) -> bool:
    return glob.has_magic(str(source)) and not exists(Path(source))


def _camera_number(source: str | Path | int) -> int | None:
    if isinstance(source, int):
        return source
    text = str(source)
    device = _CAMERA_DEVICE.fullmatch(text)
    if device is not None:
        return int(device[1])
    is_number = text.isascii() and text.isdigit() and not exists(Path(text))
    return int(text) if is_number else None
