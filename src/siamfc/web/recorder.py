"""Recordings of a camera or stream, kept on disk so that their user can go back in them."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Generator
from pathlib import Path

from siamfc.errors import InputError, SiamFCError
from siamfc.frames import Frame, FrameSource, read_image
from siamfc.web.pictures import encode_jpeg

_QUALITY = 92
"""Quality of the JPEGs that a stream is kept as."""
_HEARTBEAT_SECONDS = 0.1
"""Wait of a reader for a frame before it yields None."""
_LAG = 8
"""Frames that the tracker may be behind before recording slows down for it."""
_CATCHING_UP = 2
"""Frames that the tracker does for each one recorded while it is behind."""
_PATIENCE_SECONDS = 1.0
"""Longest wait for the tracker: it may be doing another video."""


class Recording:
    """A clip that grows at its end and, beyond a number of bytes, loses its oldest frames.

    While it is tracked it records no faster than the tracker can follow, so that the tracker
    comes to the present and stays there. Written by one thread, read by any.

    Args:
        folder: folder for its files alone.
        name: its name.
        size: width and height of the frames.
        frame_rate: the rate that the source states, None when unknown.
        limit_bytes: maximum size of its files together.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        size: tuple[int, int],
        frame_rate: float | None = None,
        limit_bytes: int,
    ) -> None:
        self.name = name
        self.size = size
        self.frame_rate = frame_rate
        self.first_frame = 0
        self.is_live = True
        self.message = ""
        self.source: FrameSource | None = None
        """None: there is no file from which sound could be copied into videos."""
        self._folder = folder
        self._limit = limit_bytes
        self._bytes = 0
        self._times = array("d")
        self._reader: int | None = None
        self._is_claimed = False
        self._recorded: FrameSource | None = None
        self._changed = threading.Condition()

    @property
    def frame_count(self) -> int:
        """Number of frames so far, including deleted ones."""
        return len(self._times)

    def claim(self) -> bool:
        """Reserve the recording for one sender of frames; return False if it is taken or over."""
        with self._changed:
            is_free = self.is_live and not self._is_claimed
            self._is_claimed = True
            return is_free

    def record(self, source: FrameSource) -> None:
        """Record an open source in a thread of its own; the source is closed here."""
        self.claim()
        self._recorded = source
        threading.Thread(
            target=self._record, args=(source,), name="siamfc-record", daemon=True
        ).start()

    def append(self, jpeg: bytes, time: float) -> bool:
        """Add a frame; wait for a tracker that is behind. False once it has been closed.

        Args:
            jpeg: the frame, of the size stated.
            time: seconds since the first frame; made to rise if it doesn't.

        Raises:
            OSError: it cannot be written.
        """
        with self._changed:
            self._wait_for_tracker()
            if not self.is_live:
                return False
            index = len(self._times)
            self._path(index).write_bytes(jpeg)
            after = self._times[-1] + 0.001 if index else 0.0
            self._times.append(max(time, after))
            self._bytes += len(jpeg)
            while self._bytes > self._limit and self.first_frame < index:
                oldest = self._path(self.first_frame)
                self._bytes -= oldest.stat().st_size
                oldest.unlink()
                self.first_frame += 1
            self._changed.notify_all()
            return True

    def jpeg(self, index: int) -> bytes:
        """Return a frame as it was recorded.

        Raises:
            InputError: there is no such frame, or it has been deleted.
        """
        try:
            if not self.first_frame <= index < self.frame_count:
                raise FileNotFoundError
            return self._path(index).read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"{self.name} has frames {self.first_frame + 1} to {self.frame_count}; "
                f"frame {index + 1} was requested"
            ) from None

    def time(self, index: int) -> float:
        """Return the seconds from the first frame to one that `jpeg` has returned."""
        return self._times[index]

    def __getitem__(self, index: int) -> Frame:
        self.jpeg(index)
        return Frame(read_image(self._path(index)), index, self._times[index])

    def frames(self, start: int) -> Generator[Frame | None]:
        """Yield the frames from an index on; None each time that one has to wait.

        It is the tracker that reads so: recording goes by its pace.
        """
        index = start
        try:
            while True:
                with self._changed:
                    self._reader = index
                    self._changed.notify_all()
                    if index >= self.frame_count and self.is_live:
                        self._changed.wait(_HEARTBEAT_SECONDS)
                    has_frame, is_over = index < self.frame_count, not self.is_live
                if has_frame:
                    yield self[index]
                    index += 1
                elif is_over:
                    return
                else:
                    yield None
        finally:
            with self._changed:
                self._reader = None
                self._changed.notify_all()

    def frames_backward(self, start: int) -> Generator[Frame]:
        """Yield the frames from an index back to the first that is kept."""
        for index in range(start, self.first_frame - 1, -1):
            yield self[index]

    def close(self) -> None:
        """End the recording; what was recorded stays. May be called twice."""
        with self._changed:
            self.is_live = False
            self._changed.notify_all()
        if self._recorded is not None:
            self._recorded.close()

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:08d}.jpg"

    def _wait_for_tracker(self) -> None:
        if self._reader is None or self.frame_count - self._reader < _LAG:
            return
        goal = self._reader + _CATCHING_UP
        self._changed.wait_for(
            lambda: not self.is_live or self._reader is None or self._reader >= goal,
            _PATIENCE_SECONDS,
        )

    def _record(self, source: FrameSource) -> None:
        try:
            for frame in source:
                height, width, _ = frame.image.shape
                if (width, height) != self.size:
                    self.message = f"the size changed to {width}×{height}: connect again"
                    break
                if not self.append(encode_jpeg(frame.image, quality=_QUALITY), frame.time):
                    break
        except (SiamFCError, OSError) as error:
            self.message = f"the recording ended: {error}"
        finally:
            self.close()
