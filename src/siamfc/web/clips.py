"""What the page tracks in: frames that can be read in order from any place, and singly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from siamfc.errors import SourceError
from siamfc.frames import Frame, ImageFiles, VideoFile
from siamfc.web.limits import Limits
from siamfc.web.probe import check_images, check_video


class Clip(Protocol):
    """Frames 0 to `frame_count` − 1; more may come while it `is_live`."""

    @property
    def name(self) -> str:
        """What its user calls it."""
        ...

    @property
    def kind(self) -> str:
        """`video`, `images`, `camera` or `stream`."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    @property
    def first_frame(self) -> int:
        """Index of the first frame that can still be read."""
        ...

    @property
    def frame_count(self) -> int:
        """One more than the index of the last frame."""
        ...

    @property
    def frame_rate(self) -> float | None:
        """Frames per second, None when unknown."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether more frames may come."""
        ...

    @property
    def message(self) -> str:
        """Why no more frames come, where that is not as it should be."""
        ...

    def frames(self, start: int) -> Iterator[Frame | None]:
        """Yield the frames from an index on; None each time that a live one keeps one waiting."""
        ...

    def __getitem__(self, index: int) -> Frame: ...

    def close(self) -> None:
        """Let go of all; may be called twice."""
        ...


class FileClip:
    """A video file or image files.

    Args:
        source: the frames.
        name: what its user calls it.
    """

    is_live = False
    first_frame = 0

    def __init__(self, source: VideoFile | ImageFiles, name: str) -> None:
        self._source = source
        self.name = name
        self.frame_rate = source.frame_rate
        self.size: tuple[int, int] = source.size
        if isinstance(source, VideoFile):
            self.kind = "video"
            self.frame_count = source.count_frames()
        else:
            self.kind = "images"
            self.frame_count = len(source.paths)

    @property
    def message(self) -> str:
        """See `Clip`."""
        fault = self._source.fault if isinstance(self._source, VideoFile) else ""
        return f"{self.name} {fault}" if fault else ""

    def frames(self, start: int) -> Iterator[Frame | None]:
        """See `Clip`."""
        if start >= self.frame_count:
            return iter(())
        return iter(self._source) if start == 0 else self._source.frames(start)

    def __getitem__(self, index: int) -> Frame:
        return self._source[index]

    def close(self) -> None:
        """See `Clip`."""
        self._source.close()


def open_video(path: Path, name: str, limits: Limits) -> FileClip:
    """Open a video file whose name is not to be trusted, or not to be shown.

    Raises:
        SourceError: no video, or one beyond the limits; the message speaks of `name`.
    """
    check_video(path, name, limits)
    try:
        return FileClip(VideoFile(path), name)
    except SourceError as error:
        raise SourceError(str(error).replace(str(path), name).replace(path.name, name)) from None


def open_images(paths: Sequence[Path], names: Sequence[str], name: str, limits: Limits) -> FileClip:
    """Open image files likewise, in the order given.

    Raises:
        SourceError: one of them is no image, or too large.
    """
    check_images(paths, names, limits)
    return FileClip(ImageFiles(paths, name=name), name)
