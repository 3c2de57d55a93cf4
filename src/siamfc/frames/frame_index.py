"""Index of a video's decodable frames, in order, with their time stamps and checksums.

The frames that a container lists are not always those that the decoder returns: a recording that
starts between key frames, damaged packets and restarted clocks all shift the numbers. Frames are
therefore numbered as they are decoded, and a frame reached by seeking is accepted only if its time
stamp and checksum match, and those of all frames since the key frame.
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
"""Every n-th row of a picture's first plane enters its checksum: two rows of each macroblock, at a
cost of 0.05 ms for 720 lines."""

_MARGINS = (0, 60, 600)
"""Distances in frames before the requested one at which key frames are tried, in turn. The nearest
can be too late: some containers seek in decoding order or by estimate."""

_KEPT_INDEXES = 16


class FrameRecord(NamedTuple):
    """Known properties of one frame."""

    stamp: int | None
    """Time stamp in the stream's time base."""
    seconds: float | None
    """Time stamp in seconds."""
    time: float
    """Seconds since the first frame."""
    is_key: bool
    checksum: int | None
    """None: from the container; the frame has not been decoded yet."""


class SourceClock:
    """Converts time stamps, which may go back, to times of frames, which never do.

    A frame without a time stamp follows the previous one at the mean rate; without a rate its time
    is NaN. Where the stamps jump back, as in concatenated recordings, the times continue at the
    mean rate.

    Args:
        frame_rate: Frames per second; None if unknown.
    """

    def __init__(self, frame_rate: float | None) -> None:
        self._step = 1 / frame_rate if frame_rate else math.nan
        self._last: float | None = None
        self._zero: float | None = None

    def time(self, stamp: float | None) -> float:
        """Return the next frame's seconds since the first one, given its time stamp in seconds."""
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
    """Frames of one video stream, as far as they have been decoded. Threads may share it.

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

    def last_time(self) -> float | None:
        """Return the time of the last frame; None as long as it is unknown."""
        return self._records[-1].time if self.is_complete else None

    def agrees(self, position: int, picture: av.VideoFrame) -> bool:
        """Return True if a picture is the frame at a position; the first unknown frame is added."""
        with self._lock:
            if position < len(self._records):
                return _is_same(self._records[position], picture)
            if position == len(self._records):
                self._append(picture)
                return True
            return False

    def note(self, position: int, picture: av.VideoFrame) -> None:
        """Record a frame that was decoded in order from the start.

        If the index has another frame at this position, that frame and all later ones are removed.
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
        """Add the frames that are still unknown from the container's list.

        Args:
            stamps: Stamps of all frames, ascending.
        """
        with self._lock:
            zero = stamps[0].seconds
            self._records += [
                FrameRecord(ticks, seconds, seconds - zero, is_key, None)
                for ticks, seconds, is_key in stamps[len(self._records) :]
            ]
            self.is_complete = True

    def entry_points(self, position: int) -> Iterator[int]:
        """Yield positions of key frames, nearest first, from which to decode up to a position.

        Yields nothing if time stamps repeat or go back, because seeking is unreliable then.
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
        """Return the position of the last key frame not after `position`; 0 if there is none."""
        for entry in range(min(position, len(self._records) - 1), 0, -1):
            if self._records[entry].is_key:
                return entry
        return 0

    def position_at(self, time: float) -> int:
        """Return the position of the first known frame that is not before a time in seconds."""
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
    """Return a checksum that distinguishes different pictures in practice."""
    plane = picture.planes[0]
    components = picture.format.components
    samples = len(components) if picture.format.is_rgb and len(picture.planes) == 1 else 1
    used = plane.width * samples * (-(-components[0].bits // 8))  # the rest of each row is padding
    rows = np.frombuffer(memoryview(cast(Any, plane)), np.uint8).reshape(-1, plane.line_size)
    return zlib.crc32(rows[::_CHECKED_ROWS, :used].tobytes())


class StreamIdentity(NamedTuple):
    """Identity of an index: a stream of a file, as long as the file is unchanged."""

    url: str
    """The file's path."""
    bytes: int
    modified_ns: int
    """Time of the last modification."""
    stream: int
    """Number of the stream."""
    threads: int
    """Number of decoding threads, which can affect how damaged packets are decoded."""
    frame_rate: float | None
    """Frames per second; None if unknown."""


@lru_cache(_KEPT_INDEXES)
def shared_index(identity: StreamIdentity) -> FrameIndex:
    """Return the index of a file's stream, shared by all readers."""
    return FrameIndex(identity.frame_rate)
