"""Opening of sources: from the name or object that a user gives to a source of frames."""

from __future__ import annotations

import glob
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from numpy.typing import ArrayLike

from siamfc.checks import check_whole
from siamfc.errors import InputError, SourceError
from siamfc.frames.arrays import ArraySource, check_frame_rate
from siamfc.frames.container import VideoAddress
from siamfc.frames.folder import (
    ImageFiles,
    find_images,
    is_image,
    match_files,
    refuse_two_endings,
)
from siamfc.frames.frame import FrameSource
from siamfc.frames.images import frame_pages, open_image
from siamfc.frames.live import LiveSource, camera_address, stream_address
from siamfc.frames.paged_image import PagedImage, is_paged_format
from siamfc.frames.paths import exists
from siamfc.frames.pipe import is_pipe, is_standard_input, pipe_address
from siamfc.frames.video import VideoFile

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")

_CAMERA_DEVICE = re.compile(r"/dev/video([0-9]+)")


def open_source(
    source: str | Path | int | Iterable[ArrayLike] | Iterable[str | Path] | FrameSource,
    *,
    frame_rate: float | None = None,
    stream: int | None = None,
    threads: int | None = None,
    read_ahead: int = 4,
    timeout: float = 10.0,
    lazy: bool = False,
) -> FrameSource:
    """Open a video, folder, glob, camera, stream, pipe or iterable of arrays.

    Args:
        source: The input:
            a video file: mp4, mkv, webm, avi, mov or any other format that FFmpeg supports;
            an image file with several pictures: webp, gif, apng, avif or tiff;
            a folder of images, a glob such as "clip/*.png", a list of paths or one image file;
            a camera number, as int or digits: 0 is the first; on Linux also /dev/video0;
            a URL: rtsp, http, https, rtmp, srt, udp …, or file;
            a named pipe, or "-" for standard input: a video that is read once;
            arrays, each (H, W, 3) RGB or (H, W) grey of uint8;
            an open source, which is returned unchanged.
        frame_rate: Frames per second of images and arrays, which have no clock of their own.
        stream: Number of the video, as FFmpeg counts streams, in a file, stream or pipe with
            several; None: the one with the most pixels.
        threads: Number of decoding threads for a video. None: one, because the network needs the
            cores, and more only for pictures larger than 1920×1088 pixels; if the network runs on
            a GPU, more threads are useful.
        read_ahead: Number of frames decoded ahead, at least 1; each takes up to 4.5 · H · W bytes.
        timeout: Seconds without data after which a camera or stream counts as broken off.
        lazy: Convert a video's pixels to RGB where and when they are used, by the thread that uses
            them. This saves most of the conversion if only a part of each frame is looked at, as
            in tracking, and is slower if the whole frame is.

    Raises:
        InputError: An invalid argument.
        SourceError: The source cannot be opened, or nothing in it can be decoded.

    >>> import numpy as np
    >>> with open_source([np.zeros((4, 6), np.uint8)] * 2, frame_rate=25) as source:
    ...     [(frame.index, frame.time, frame.image.shape) for frame in source]
    [(0, 0.0, (4, 6, 3)), (1, 0.04, (4, 6, 3))]
    """
    check_frame_rate(frame_rate)
    if threads is not None:
        check_whole("threads", threads, 1)
    check_whole("read_ahead", read_ahead, 1)
    if not 0 < timeout < math.inf:
        raise InputError(f"timeout must be a positive number of seconds; got {timeout}")
    if isinstance(source, FrameSource):
        return source
    if not isinstance(source, str | Path | int) or isinstance(source, bool):
        if stream is not None:
            raise InputError("stream is for videos; got arrays or a list of images: leave it out")
        return _open_iterable(source, frame_rate, read_ahead)
    if isinstance(source, str) and source[:7].lower() == "file://":
        source = _path_of_url(source)
    images = _images(source)
    if images is not None:
        if stream is not None:
            raise InputError(f"stream is for videos; {source} is of images: leave it out")
        if len(images) == 1:
            return _open_image(images[0], frame_rate, read_ahead, threads)
        name = Path(str(source)).absolute().name
        return ImageFiles(images, name=name, frame_rate=frame_rate, read_ahead=read_ahead)
    if frame_rate is not None:
        raise InputError(
            f"frame_rate is for images and arrays, which have no clock; {source} has its own"
        )
    address = _live_address(source, timeout, stream)
    if address is not None:
        return LiveSource(address, threads=threads, read_ahead=read_ahead, lazy=lazy)
    return VideoFile(
        _video(str(source)), stream=stream, threads=threads, read_ahead=read_ahead, lazy=lazy
    )


def _open_iterable(source: object, frame_rate: float | None, read_ahead: int) -> FrameSource:
    if isinstance(source, bytes | bytearray):
        raise InputError(
            f"got a source of {len(source)} bytes: name the file as text (os.fsdecode decodes "
            "a path in bytes), or write its content to a file"
        )
    if isinstance(source, io.IOBase):
        name = getattr(source, "name", None)
        raise InputError(f"got an open file: give its name{f', {name!r}' if name else ''}")
    if isinstance(source, bool) or not isinstance(source, Iterable):
        raise InputError(
            "a source is a file, folder, glob, camera number, URL or iterable of arrays; "
            f"got {source!r}"
        )
    if isinstance(source, Sequence) and source and isinstance(source[0], str | Path):
        paths = [Path(path) for path in source]
        return ImageFiles(
            paths, name=f"{len(paths)} files", frame_rate=frame_rate, read_ahead=read_ahead
        )
    return ArraySource(source, frame_rate=frame_rate)


def _path_of_url(url: str) -> Path:
    """Return the path of a file:// URL.

    Raises:
        SourceError: The URL names another machine.
    """
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise SourceError(f"{url} is on another machine, {parts.netloc}: give a path on this one")
    from urllib.request import url2pathname  # which imports HTTP and TLS

    return Path(url2pathname(parts.path))


def _images(source: str | Path | int) -> list[Path] | None:
    """Return the image files that a source means, at least one; None for a video or camera."""
    path = Path(str(source))
    if isinstance(source, int) or is_standard_input(source):
        return None
    if _URL.match(str(source)) or is_pipe(path):
        return None
    if source == "":
        raise SourceError("a source is a file, folder, glob, camera number or URL; got no name")
    if _is_glob(source):
        return _matching_images(str(source))
    if exists(path) and path.is_dir():
        return find_images(path)
    is_one = is_image(path) or (exists(path) and path.is_file() and is_paged_format(path))
    return [path] if is_one else None


def _matching_images(pattern: str) -> list[Path] | None:
    """Return the images that a glob matches, or its only file if that may hold several pictures."""
    matches = match_files(pattern)
    images = [match for match in matches if is_image(match)]
    for folder, group in groupby(images, key=lambda image: image.parent):
        refuse_two_endings(folder, (image.name for image in group), SourceError)
    if not images and len(matches) == 1 and is_paged_format(matches[0]):
        return matches
    return images or None


def _open_image(
    path: Path, frame_rate: float | None, read_ahead: int, threads: int | None
) -> FrameSource:
    """Open one file with the name or first bytes of an image; its content decides."""
    try:
        with open_image(path) as image:
            count = len(frame_pages(image))
    except SourceError as refusal:
        try:
            return VideoFile(path, threads=threads, read_ahead=read_ahead)
        except SourceError:
            raise refusal from None
    if count == 1 and _is_motion_jpeg(path):
        return VideoFile(path, container="mjpeg", threads=threads, read_ahead=read_ahead)
    if count == 1:
        return ImageFiles([path], name=path.name, frame_rate=frame_rate, read_ahead=read_ahead)
    return PagedImage(path, frame_rate=frame_rate, read_ahead=read_ahead)


def _is_motion_jpeg(path: Path) -> bool:
    """Return True for a file of consecutive JPEG pictures that is not a camera's MPO."""
    with path.open("rb") as file:
        if file.read(3) != b"\xff\xd8\xff":
            return False
        with open_image(path) as image:
            return image.format == "JPEG" and b"\xff\xd9\xff\xd8\xff" in file.read()


def _live_address(
    source: str | Path | int, timeout: float, stream: int | None
) -> VideoAddress | None:
    """Return the address of a URL, camera or pipe; None if it is none of these."""
    if isinstance(source, str) and _URL.match(source):
        return replace(stream_address(source, timeout=timeout), stream=stream)
    if is_standard_input(source) or is_pipe(Path(str(source))):
        return pipe_address(str(source), timeout=timeout, stream=stream)
    number = _camera_number(source)
    return None if number is None else camera_address(number, timeout=timeout)


def _video(source: str) -> Path:
    """Return the only file that a path or glob means."""
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
