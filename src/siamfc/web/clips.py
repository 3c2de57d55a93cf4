"""Clips: frames that can be read in order from any place, and singly."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from siamfc.errors import SourceError
from siamfc.frames import Frame, ImageFiles, VideoFile
from siamfc.frames.paged_image import PagedImage, is_paged_format
from siamfc.web.limits import Limits
from siamfc.web.probe import check_images, check_video
from siamfc.web.recorder import Recording

FileSource = VideoFile | ImageFiles | PagedImage


class ServedFiles:
    """Files as they were when they were opened.

    One that was replaced since, by a link out of the served folder for example, is not read any
    more. Errors speak of names, never of paths.

    Args:
        names: the names that their user gave them, by path.
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
        """Put names in place of paths in the errors of a block."""
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

    def __getitem__(self, index: int) -> Frame:
        for path in self.paths[max(0, index) : index + 1]:
            self._files.check(path)
        return super().__getitem__(index)


class FileClip:
    """A video file, image files or the pictures of one file.

    Args:
        source: the frames.
        name: the name that its user gave it.
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
        if start >= self.frame_count:
            return
        with self._files.named():
            self._check()
            yield from self.source.frames(start)

    def frames_backward(self, start: int) -> Generator[Frame]:
        """Yield the frames from an index back to the first."""
        with self._files.named():
            self._check()
            yield from self.source.reversed(0, start + 1)

    def __getitem__(self, index: int) -> Frame:
        with self._files.named():
            self._check()
            return self.source[index]

    def close(self) -> None:
        """Close the file; may be called twice."""
        self.source.close()

    def _check(self) -> None:
        if not isinstance(self.source, ImageFiles):
            self._files.check(self.source.path)


Clip = FileClip | Recording
"""A video on the page: frames 0 to `frame_count` − 1; more may come while it `is_live`."""


def open_video(path: Path, name: str, limits: Limits) -> FileClip:
    """Open a video file whose name is not to be trusted, or not to be shown.

    Raises:
        SourceError: no video, or one beyond the limits; the message speaks of `name`.
    """
    check_video(path, name, limits)
    files = ServedFiles({path: name})
    with files.named():
        source = (
            PagedImage(path) if is_paged_format(path) else VideoFile(path, max_pixels=limits.pixels)
        )
        return FileClip(source, name, files)


def open_images(paths: Sequence[Path], names: Sequence[str], name: str, limits: Limits) -> FileClip:
    """Open image files likewise, in the order given.

    Raises:
        SourceError: one of them is no image, or too large.
    """
    check_images(paths, names, limits)
    files = ServedFiles(dict(zip(paths, names, strict=True)))
    with files.named():
        return FileClip(ServedImages(paths, name, files), name, files)


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_dev, status.st_ino


def frames_between(clip: Clip, start: int, stop: int) -> Generator[Frame]:
    """Frames start … stop − 1 of a clip, as far as they can be decoded."""
    if isinstance(clip, Recording):  # whose `frames` is for the tracker
        yield from (clip[index] for index in range(start, stop))
        return
    with closing(clip.frames(start)) as frames:
        for frame in frames:
            if frame is None or frame.index >= stop:
                return
            yield frame
