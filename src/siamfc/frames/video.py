"""A video file as a source of frames."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path

import av

from siamfc.errors import InputError, SourceError
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.decoding import VideoAddress, VideoDecoder
from siamfc.frames.frame import Frame
from siamfc.frames.paths import require_file
from siamfc.frames.read_ahead import ReadAheadSource

_logger = logging.getLogger(__name__)


class VideoFile(ReadAheadSource):
    """The frames of a video file, with the times of the file: a variable rate is kept.

    The first frame is decoded at once, so that a file that is no video fails here. A damaged or
    truncated file gives the frames that can be decoded and a warning in the log.

    Args:
        path: The file.
        threads: Threads that decode. One is the default because the network needs the cores.
        read_ahead: Frames that are decoded ahead, at least 1.

    Raises:
        SourceError: No such file, or no video in it that can be decoded.
    """

    def __init__(self, path: str | Path, *, threads: int = 1, read_ahead: int = 4) -> None:
        super().__init__(read_ahead)
        path = Path(path)
        require_file(path)
        # Absolute, lest FFmpeg take a name with a colon for a protocol.
        self._address = VideoAddress(url=str(path.absolute()), name=str(path))
        self._threads = threads
        self.name = path.name
        with VideoDecoder(self._address, threads=threads) as decoder:
            self.frame_count = decoder.frame_count
            self.frame_rate = decoder.frame_rate
            height, width, _ = RgbConverter()(next(decoder.pictures())).shape
            self.size = (width, height)
            if not decoder.has_square_pixels:
                _logger.warning("%s: pixels are not square; they are used as stored", path)

    def __iter__(self) -> Iterator[Frame]:
        return self._read_ahead(self._frames())

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on.

        The place is found exactly: by the time stamps of the whole file, which is read once
        without decoding, the key frame before, and decoding from there.

        Raises:
            InputError: There is no frame of this index.
        """
        self._check_index(start)
        return self._read_ahead(self._frames_from(start))

    def __getitem__(self, index: int) -> Frame:
        self._check_index(index)
        frames = self._frames_from(index)
        try:
            return next(frames)
        finally:
            frames.close()

    def _check_index(self, index: int) -> None:
        count = len(self._time_stamps)
        if not 0 <= index < count:
            raise InputError(f"{self.name} has frames 0 to {count - 1}; {index} was asked for")

    @cached_property
    def _time_stamps(self) -> list[int]:
        with VideoDecoder(self._address, threads=self._threads) as decoder:
            times = decoder.presentation_times()
        if not times:
            raise SourceError(f"{self.name} has no time stamps: it can only be read from the start")
        return times

    def _frames(self) -> Generator[Frame]:
        with VideoDecoder(self._address, threads=self._threads) as decoder:
            yield from to_frames(decoder.pictures(), self.frame_rate)

    def _frames_from(self, start: int) -> Generator[Frame]:
        target, zero = self._time_stamps[start], self._time_stamps[0]
        convert = RgbConverter()
        index = start
        with VideoDecoder(self._address, threads=self._threads) as decoder:
            for picture in decoder.pictures_from(target):
                if picture.pts is None or picture.pts < target or picture.time_base is None:
                    continue
                time = float((picture.pts - zero) * picture.time_base)
                yield Frame(convert(picture), index, time)
                index += 1


def to_frames(pictures: Iterator[av.VideoFrame], frame_rate: float | None) -> Generator[Frame]:
    """Convert pictures from the first on; their times count from the first.

    A picture without a time stamp follows the one before at the mean rate; without a rate it has
    no time, NaN.
    """
    convert = RgbConverter()
    step = 1 / frame_rate if frame_rate else float("nan")
    zero: float | None = None
    time = -step
    for index, picture in enumerate(pictures):
        stamp = picture.time
        if stamp is None:
            time += step
        else:
            zero = stamp if zero is None else zero
            time = stamp - zero
        yield Frame(convert(picture), index, time)
