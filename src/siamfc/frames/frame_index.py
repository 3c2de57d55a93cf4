"""The frames of a video that can be decoded, in order, with their time stamps and checksums.

The frames that a container lists are not always those that the decoder returns: a recording that
starts between key frames, damaged packets and clocks that restart all shift the numbers. So frames
are numbered as they are decoded, and a frame reached by a seek is accepted only if its time stamp
and checksum match, and those of all frames since the key frame.
"""

from __future__ import annotations

import math
import threading
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import av
import numpy as np

from siamfc.frames.decoder import Stamp

_CHECKED_ROWS = 8
"""One in so many rows of a picture's first plane goes into its checksum: each row of macroblocks
twice, at a twentieth of a millisecond for 720 lines."""

_MARGINS = (0, 60, 600)
"""Frames before the one sought from which to look for a key frame, one after the other. The
nearest can be too late: some containers seek by the order of decoding or by guess."""

_KEPT_INDEXES = 16


class FrameRecord(NamedTuple):
    """What is known of one frame."""

    stamp: int | None
    """In the stream's time base."""
    seconds: float | None
    """The same in seconds."""
    time: float
    """Seconds since the first frame."""
    is_key: bool
    checksum: int | None
    """None: taken from the container; the frame has not been decoded yet."""


class SourceClock:
    """Times of frames that never go back, from time stamps that may.

    A frame without a time stamp follows the one before at the mean rate; without a rate it has no
    time, NaN. Where the stamps jump back, as in concatenated recordings, the times continue at
    the mean rate.

    Args:
        frame_rate: Frames per second; None if unknown.
    """

    def __init__(self, frame_rate: float | None) -> None:
        self._step = 1 / frame_rate if frame_rate else math.nan
        self._last: float | None = None
        self._zero: float | None = None

    def time(self, stamp: float | None) -> float:
        """Seconds from the first frame to the next one, whose time stamp in seconds is given."""
        last = self._last
        following = 0.0 if last is None else last + self._step
        if stamp is None:
            time = following if self._step > 0 else math.nan
        else:
            if self._zero is None:
                self._zero = stamp if math.isnan(following) else stamp - following
            time = stamp - self._zero
            if last is not None and time < last:
                time = last if math.isnan(following) else following
                self._zero = stamp - time
        if not math.isnan(time):
            self._last = time
        return time


class FrameIndex:
    """The frames of one video stream as far as they have been decoded. Threads may share it.

    Args:
        frame_rate: Frames per second; None if unknown.
    """

    def __init__(self, frame_rate: float | None) -> None:
        self._frame_rate = frame_rate
        self._records: list[FrameRecord] = []
        self._clock = SourceClock(frame_rate)
        self._lock = threading.Lock()
        self._rises = True
        self.is_complete = False

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, position: int) -> FrameRecord:
        return self._records[position]

    def agrees(self, position: int, picture: av.VideoFrame) -> bool:
        """Whether a picture is the frame of this position; one after the last known is added."""
        with self._lock:
            if position < len(self._records):
                return _is_same(self._records[position], picture)
            if position == len(self._records):
                self._append(picture)
                return True
            return False

    def note(self, position: int, picture: av.VideoFrame) -> None:
        """Record a frame that was decoded in order from the start.

        If the index has another frame at this position, it is replaced, and those after it dropped.
        """
        with self._lock:
            if position < len(self._records):
                known = self._records[position]
                if _is_same(known, picture):
                    if known.checksum is None:
                        self._records[position] = known._replace(checksum=checksum(picture))
                    return
                self._cut(position)
            if position == len(self._records):
                self._append(picture)

    def finish(self, count: int) -> None:
        """Record that the video has `count` frames."""
        with self._lock:
            self.is_complete = self.is_complete or count == len(self._records)

    def trust(self, stamps: Sequence[Stamp]) -> None:
        """Take the frames that are not known yet from the container.

        Args:
            stamps: Of all frames, ascending.
        """
        with self._lock:
            zero = stamps[0].seconds
            self._records += [
                FrameRecord(ticks, seconds, seconds - zero, is_key, None)
                for ticks, seconds, is_key in stamps[len(self._records) :]
            ]
            self.is_complete = True

    def entry_points(self, position: int) -> Iterator[int]:
        """Positions of key frames, nearest first, from which to decode up to a position.

        None where time stamps repeat or go back: these lead to no certain place.
        """
        if not self._rises or not self._records:
            return
        tried = set()
        for margin in _MARGINS:
            entry = self.key_before(min(position, len(self._records) - 1) - margin)
            if entry > 0 and entry not in tried:
                tried.add(entry)
                yield entry

    def key_before(self, position: int) -> int:
        """The position of the last key frame that is not after a position; 0 if none is."""
        for entry in range(min(position, len(self._records) - 1), 0, -1):
            if self._records[entry].is_key:
                return entry
        return 0

    def position_at(self, time: float) -> int:
        """The position of the first known frame that is not before a time in seconds."""
        return bisect_left(self._records, time, key=lambda record: record.time)

    def _append(self, picture: av.VideoFrame) -> None:
        stamp = picture.pts
        if self._rises and self._records:
            last = self._records[-1].stamp
            self._rises = stamp is not None and last is not None and stamp > last
        elif not self._records:
            self._rises = stamp is not None
        seconds = picture.time
        time = self._clock.time(seconds)
        self._records.append(
            FrameRecord(stamp, seconds, time, picture.key_frame, checksum(picture))
        )

    def _cut(self, position: int) -> None:
        del self._records[position:]
        self.is_complete = False
        self._clock = SourceClock(self._frame_rate)
        for record in self._records:
            self._clock.time(record.seconds)


def _is_same(known: FrameRecord, picture: av.VideoFrame) -> bool:
    return picture.pts == known.stamp and known.checksum in (None, checksum(picture))


def checksum(picture: av.VideoFrame) -> int:
    """A number that differs between any two different pictures, for all that matters here."""
    plane = picture.planes[0]
    components = picture.format.components
    samples = len(components) if picture.format.is_rgb and len(picture.planes) == 1 else 1
    used = plane.width * samples * (-(-components[0].bits // 8))  # the rest of a row is padding
    rows = np.frombuffer(memoryview(cast(Any, plane)), np.uint8).reshape(-1, plane.line_size)
    return zlib.crc32(rows[::_CHECKED_ROWS, :used].tobytes())


class StreamIdentity(NamedTuple):
    """What an index belongs to: a stream of a file as long as that stays as it is."""

    url: str
    """The file's path."""
    bytes: int
    modified_ns: int
    """When it was written last."""
    stream: int
    """Number of the stream."""
    threads: int
    """That decode: what damaged packets come to can depend on it."""
    frame_rate: float | None
    """Frames per second; None if unknown."""


@lru_cache(_KEPT_INDEXES)
def shared_index(identity: StreamIdentity) -> FrameIndex:
    """The index of a file's stream, one for all who read it."""
    return FrameIndex(identity.frame_rate)
