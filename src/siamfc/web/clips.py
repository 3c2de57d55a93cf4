"""Clips: frames that can be read in order from any place, and singly."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import av

from siamfc.errors import SourceError
from siamfc.frames import Frame, ImageFiles, VideoFile
from siamfc.frames.container import FOREIGN_TAGS
from siamfc.frames.images import open_image
from siamfc.frames.paged_image import PagedImage, is_paged_format
from siamfc.tracking.exports import VideoInfo
from siamfc.web.limits import Limits
from siamfc.web.recorder import Recording

FileSource = VideoFile | ImageFiles | PagedImage

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf,gif,ivf,mxf,nut,rm,dv,"
    "yuv4mpegpipe,apng,mjpeg,m4v,h264,hevc,obu,av1,mpegvideo,wtv,png_pipe,jpeg_pipe,webp_pipe,"
    "bmp_pipe,tiff_pipe"
)
"""FFmpeg's names of formats that are whole in themselves: none refers to other files."""


class ServedFiles:
    """Files as they were when they were opened.

    A file that was replaced since, for example by a link out of the served folder, is no longer
    read. Errors contain names, never paths.

    Args:
        names: name of each file, by path.
    """

    def __init__(self, names: Mapping[Path, str]) -> None:
        self._names = names
        self._identities = {path: _identity(path) for path in names}

    def check(self, path: Path) -> None:
        """Raise SourceError if the file is not the one that was opened."""
        if _identity(path) != self._identities[path]:
            raise SourceError(f"{self._names[path]} was replaced: close it and open it again")

    @contextmanager
    def named(self) -> Iterator[None]:
        """Replace paths by names in the errors of a block."""
        try:
            yield
        except SourceError as error:
            text = str(error)
            path = next((path for path in self._names if str(path) in text), None)
            if path is None:
                raise
            raise SourceError(text.replace(str(path), self._names[path])) from None


class ServedImages(ImageFiles):
    """Image files that are checked before each is read."""

    def __init__(self, paths: Sequence[Path], name: str, files: ServedFiles) -> None:
        self._files = files
        super().__init__(paths, name=name)

    def _frame(self, index: int) -> Frame:
        self._files.check(self.paths[index])
        return super()._frame(index)


class FileClip:
    """A video file, image files or the pictures of one file.

    Args:
        source: the frames.
        name: its name.
        files: the files that it is read from.
    """

    is_live = False
    first_frame = 0

    def __init__(self, source: FileSource, name: str, files: ServedFiles) -> None:
        self.source = source
        self._files = files
        self.name = name
        self.frame_rate = source.frame_rate
        self.size: tuple[int, int] = source.size
        with files.named():
            self.frame_count = source.count_frames()

    @property
    def message(self) -> str:
        """The fault of the file; empty if it has none."""
        fault = "" if isinstance(self.source, ImageFiles) else self.source.fault
        return f"{self.name} {fault}" if fault else ""

    def frames(self, start: int) -> Generator[Frame | None]:
        """Yield the frames from an index on."""
        if start < self.frame_count:
            with self._checked() as source:
                yield from source.frames(start)

    def frames_backward(self, start: int) -> Generator[Frame]:
        """Yield the frames from an index back to the first."""
        with self._checked() as source:
            yield from source.reversed(0, start + 1)

    def __getitem__(self, index: int) -> Frame:
        with self._checked() as source:
            return source[index]

    def close(self) -> None:
        """Close the file; may be called twice."""
        self.source.close()

    @contextmanager
    def _checked(self) -> Iterator[FileSource]:
        with self._files.named():
            if not isinstance(self.source, ImageFiles):
                self._files.check(self.source.path)
            yield self.source


Clip = FileClip | Recording
"""A video on the page: frames 0 to `frame_count` − 1; more may come while it `is_live`."""


def video_info(clip: Clip) -> VideoInfo:
    """Return the facts about a clip that formats contain."""
    return VideoInfo(
        name=clip.name.rpartition("/")[2],
        size=clip.size,
        frame_rate=clip.frame_rate,
        frame_count=clip.frame_count,
    )


def frames_between(clip: Clip, start: int, stop: int) -> Generator[Frame]:
    """Yield frames start … stop − 1 of a clip, as far as they can be decoded."""
    if isinstance(clip, Recording):  # whose `frames` is for the tracker
        yield from (clip[index] for index in range(start, stop))
        return
    with closing(clip.frames(start)) as frames:
        for frame in frames:
            if frame is None or frame.index >= stop:
                return
            yield frame


def open_video(path: Path, name: str, limits: Limits) -> FileClip:
    """Open a video file that is not trusted and whose path is not shown.

    Formats that refer to other files or addresses (playlists, lists of parts) are not tried.

    Raises:
        SourceError: no video, or one beyond the limits; the message contains `name`.
    """
    _check_video(path, name, limits)
    files = ServedFiles({path: name})
    with files.named():
        source = (
            PagedImage(path)
            if is_paged_format(path)
            else VideoFile(path, max_pixels=limits.pixels, lazy=True)
        )
        return FileClip(source, name, files)


def open_images(paths: Sequence[Path], names: Sequence[str], name: str, limits: Limits) -> FileClip:
    """Open image files that are not trusted, in the given order.

    Raises:
        SourceError: one of them is no image, or too large.
    """
    for path, shown in zip(paths, names, strict=True):
        try:
            with open_image(path) as image:
                size = image.size
        except SourceError:
            raise _unknown_format(shown, "an image") from None
        _check_size(shown, size, limits)
    files = ServedFiles(dict(zip(paths, names, strict=True)))
    with files.named():
        return FileClip(ServedImages(paths, name, files), name, files)


def _check_video(path: Path, name: str, limits: Limits) -> None:
    """Check a file by its header: no frame of it is decoded."""
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path.absolute()), options=options, **FOREIGN_TAGS) as container:
            streams = container.streams.video
            if not streams:
                raise SourceError(f"{name} contains no video")
            context = streams[0].codec_context
            size = (0, 0) if context is None else (context.width, context.height)
            seconds = (container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError):
        raise _unknown_format(name, "a video") from None
    _check_size(name, size, limits)
    if seconds > limits.seconds:
        raise SourceError(
            f"{name} lasts {seconds / 3600:.1f} hours; the limit is {limits.seconds / 3600:g}"
        )


def _check_size(name: str, size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.pixels:
        raise SourceError(
            f"{name} has frames of {width}×{height}; at most {limits.pixels / 1e6:.0f} million "
            "pixels are taken"
        )


def _unknown_format(name: str, kind: str) -> SourceError:
    return SourceError(f"{name} is not {kind} of a known format, or it is damaged")


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_dev, status.st_ino
