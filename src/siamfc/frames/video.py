"""A video file as a source of frames."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

import av

from siamfc.errors import InputError, SourceError
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.decoder import VideoAddress, VideoDecoder
from siamfc.frames.frame import Frame
from siamfc.frames.paths import require_file
from siamfc.frames.read_ahead import ReadAheadSource

_logger = logging.getLogger(__name__)

_SEEK_MARGINS = (0, 60, 600)
"""Frames before the one sought from which to look for a key frame, one after the other. The
nearest can be too late: some containers seek by the order of decoding or by guess, and pictures
that lead over from the group before are lost."""


class VideoFile(ReadAheadSource):
    """The frames of a video file, with the times of the file: a variable rate is kept.

    The first frame is decoded at once, so that a file that is no video fails here. A damaged or
    truncated file gives the frames that can be decoded and a warning in the log.

    Args:
        path: The file.
        threads: Threads that decode. One is the default because the network needs the cores.
        read_ahead: Frames that are decoded ahead, at least 1.
        max_pixels: Of one picture; a larger one is not decoded. None: no limit.

    Raises:
        SourceError: No such file, or no video in it that can be decoded.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int = 1,
        read_ahead: int = 4,
        max_pixels: int | None = None,
    ) -> None:
        super().__init__(read_ahead)
        self.path = path = Path(path)
        require_file(path)
        # Absolute, lest FFmpeg take a name with a colon for a protocol.
        self._address = VideoAddress(
            url=str(path.absolute()), name=str(path), max_pixels=max_pixels
        )
        self._threads = threads
        self.name = path.name
        self.fault = ""
        """What was found wrong when it was read to its end; empty: nothing so far."""
        with VideoDecoder(self._address, threads=threads) as decoder:
            self.frame_count = decoder.frame_count
            self.frame_rate = decoder.frame_rate
            first = next(decoder.pictures())
            self._zero = first.time
            height, width, _ = RgbConverter()(first).shape
            self.size = (width, height)
            if not decoder.has_square_pixels:
                _logger.warning("%s: pixels are not square; they are used as stored", path)

    def __iter__(self) -> Iterator[Frame]:
        return self._read_ahead(self._frames())

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on.

        The place is found exactly, by its time stamp: the whole file is read once without
        decoding to know them all, then the video is decoded from a key frame before. Where that
        does not lead to the very frame, the video is decoded from its start.

        Raises:
            InputError: There is no frame of this index.
        """
        self._check_index(start)
        return self._read_ahead(self._frames_from(start))

    def count_frames(self) -> int:
        """Count the frames exactly: reads the whole file once, without decoding.

        Raises:
            SourceError: There are no time stamps to count.
        """
        return len(self._time_stamps)

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
            yield from to_frames(self._to_end(decoder, decoder.pictures()), self.frame_rate)

    def _frames_from(self, start: int) -> Generator[Frame]:
        pictures = self._pictures_from(start)
        yield from to_frames(pictures, self.frame_rate, start=start, zero=self._zero)

    def _pictures_from(self, start: int) -> Generator[av.VideoFrame]:
        target = self._time_stamps[start]
        for margin in _SEEK_MARGINS:
            origin = self._time_stamps[max(0, start - margin)]
            with VideoDecoder(self._address, threads=self._threads) as decoder:
                pictures = decoder.pictures_from(origin)
                picture = _first_not_before(target, pictures)
                if picture is not None and picture.pts == target:
                    yield picture
                    yield from self._to_end(decoder, pictures)
                    return
        with VideoDecoder(self._address, threads=self._threads) as decoder:
            yield from self._to_end(decoder, islice(decoder.pictures(), start, None))

    def _to_end(
        self, decoder: VideoDecoder, pictures: Iterator[av.VideoFrame]
    ) -> Generator[av.VideoFrame]:
        yield from pictures
        self.fault = self.fault or decoder.fault


def _first_not_before(time_stamp: int, pictures: Iterator[av.VideoFrame]) -> av.VideoFrame | None:
    try:
        return next((p for p in pictures if p.pts is not None and p.pts >= time_stamp), None)
    except SourceError:  # no way there, or nothing to decode from there on
        return None


def to_frames(
    pictures: Iterator[av.VideoFrame],
    frame_rate: float | None,
    *,
    start: int = 0,
    zero: float | None = None,
) -> Generator[Frame]:
    """Convert pictures.

    A picture without a time stamp follows the one before at the mean rate; without a rate it has
    no time, NaN.

    Args:
        pictures: In order.
        frame_rate: Frames per second, None if unknown.
        start: Index of the first.
        zero: The time stamp in seconds that counts as 0; None: that of the first picture.
    """
    convert = RgbConverter()
    step = 1 / frame_rate if frame_rate else math.nan
    time = (start - 1) * step
    for index, picture in enumerate(pictures, start):
        stamp = picture.time
        if stamp is None:
            time += step
        else:
            zero = stamp if zero is None else zero
            time = stamp - zero
        yield Frame(convert(picture), index, time)
