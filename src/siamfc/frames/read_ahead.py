"""Reading ahead in a thread: the next frames are decoded while the current one is tracked."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Self

from siamfc.checks import check_whole
from siamfc.errors import InputError, SourceError
from siamfc.frames.frame import Frame

_JOIN_SECONDS = 1.0
"""Seconds that closing waits for the thread. File readers stop within a frame; a thread that hangs
in a stalled stream ends at the stream's timeout."""


class ReadAhead(Iterator[Frame]):
    """Iterates over `frames` in a thread that stays at most `depth` frames ahead.

    An exception in the thread is raised here, after the preceding frames. The thread ends with the
    last frame, on `close`, or when this object is garbage-collected; it then closes `frames`, so
    that files are released by the thread that reads them.

    Args:
        frames: A generator; only the thread may use it from now on.
        depth: Number of frames in the buffer, at least 1.
        drop: For live sources: keep the latest frame alone, so that the reader gets the current
            one; but drop none before the reader has taken the first frame, for which the box was
            given. Otherwise the thread waits.
    """

    def __init__(self, frames: Generator[Frame], *, depth: int, drop: bool = False) -> None:
        self._buffer = _Buffer(depth, drop)
        # If the thread held this object, it could never be garbage-collected.
        self._thread = threading.Thread(
            target=_fill, args=(frames, self._buffer), name="siamfc-read-ahead", daemon=True
        )
        self._thread.start()

    def __next__(self) -> Frame:
        return self._buffer.get()

    def close(self) -> None:
        """Stop the thread; frames not yet read are lost. May be called twice, from any thread."""
        self._buffer.stop()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def __del__(self) -> None:
        buffer = getattr(self, "_buffer", None)  # absent when the constructor failed
        if buffer is not None:
            buffer.stop()


class ReadAheadSource:
    """Base class of sources that decode in a thread; keeps track of their readers.

    Args:
        depth: Number of frames that a reader decodes ahead.

    Raises:
        InputError: `depth` is less than 1.
    """

    def __init__(self, depth: int) -> None:
        check_whole("read_ahead", depth, 1)  # with 0 the two threads would wait for each other
        self._depth = depth
        self._readers: weakref.WeakSet[ReadAhead] = weakref.WeakSet()

    def _read_ahead(self, frames: Generator[Frame], *, drop: bool = False) -> ReadAhead:
        reader = ReadAhead(frames, depth=self._depth, drop=drop)
        self._readers.add(reader)
        return reader

    def close(self) -> None:
        """Stop every reader of this source; may be called twice."""
        for reader in list(self._readers):
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class IndexedReadAheadSource(ReadAheadSource, ABC):
    """Base class of sources that decode in a thread, from any position and backwards."""

    name: str

    @abstractmethod
    def _count(self) -> int:
        """Return the number of frames."""

    @abstractmethod
    def _frames_from(self, start: int) -> Generator[Frame]:
        """Decode the frames from an index on."""

    @abstractmethod
    def _frames_back(self, start: int, stop: int) -> Generator[Frame]:
        """Decode the frames before `stop` backwards, down to `start`."""

    def __iter__(self) -> Iterator[Frame]:
        return self._read_ahead(self._frames_from(0))

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on.

        Raises:
            InputError: There is no frame with this index.
        """
        self._check_index(start)
        return self._read_ahead(self._frames_from(start))

    def reversed(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Yield the frames before `stop` backwards, the last one first, down to `start`.

        Raises:
            InputError: There are no such frames.
        """
        stop = self._count() if stop is None else stop
        self._check_index(start)
        self._check_index(stop - 1)
        return self._read_ahead(self._frames_back(start, stop))

    def __getitem__(self, index: int) -> Frame:
        self._check_index(index)
        with closing(self._frames_from(index)) as frames:
            frame = next(frames, None)
        if frame is None:
            raise SourceError(f"{self.name}: frame {index} cannot be decoded")
        return frame

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self._count():
            raise InputError(f"{self.name} has frames 0 to {self._count() - 1}; got {index}")


class _Buffer:
    """A bounded queue between two threads that either side can end at once."""

    def __init__(self, depth: int, drop: bool) -> None:
        self._frames: deque[Frame] = deque()
        self._depth = depth
        self._drop = drop
        self._changed = threading.Condition()
        self._started = False
        self._ended = False
        self._error: BaseException | None = None

    def put(self, frame: Frame) -> bool:
        """Append a frame, waiting for space; return False once the reader has stopped."""
        with self._changed:
            if self._drop and self._started:
                self._frames.clear()
            self._changed.wait_for(lambda: self._ended or len(self._frames) < self._depth)
            if self._ended:
                return False
            self._frames.append(frame)
            self._changed.notify_all()
            return True

    def get(self) -> Frame:
        """Remove and return the oldest frame, waiting for it.

        Raises:
            StopIteration: After the last frame, or once stopped.
            BaseException: The other thread's exception, once.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._frames)
            if self._frames:
                self._started = True
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def end(self, error: BaseException | None = None) -> None:
        """Signal that no further frame will come, and why."""
        with self._changed:
            self._error = None if self._ended else error
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Signal that no further frame is needed."""
        with self._changed:
            self._frames.clear()
            self._error = None
            self._ended = True
            self._changed.notify_all()


def _fill(frames: Generator[Frame], buffer: _Buffer) -> None:
    error: BaseException | None = None
    try:
        for frame in frames:
            if not buffer.put(frame):
                break
        frames.close()
    except BaseException as raised:  # handed to the reader, whatever it is
        error = raised
    buffer.end(error)
