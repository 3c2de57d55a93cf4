import gc
import threading
import time
from collections.abc import Generator

import numpy as np
import pytest

from siamfc.errors import InputError, SourceError
from siamfc.frames import Frame
from siamfc.frames.read_ahead import ReadAhead, ReadAheadSource

_IMAGE = np.zeros((1, 1, 3), np.uint8)


class Recorder:
    """Frames that record when they are made and closed."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.made = 0
        self.closed = threading.Event()
        self._count = count
        self._error = error

    def frames(self) -> Generator[Frame]:
        try:
            for index in range(self._count):
                self.made += 1
                yield Frame(_IMAGE, index, 0.0)
            if self._error is not None:
                raise self._error
        finally:
            self.closed.set()


def _wait_until(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_frames_come_in_order_and_end() -> None:
    reader = ReadAhead(Recorder(50).frames(), depth=3)
    assert [frame.index for frame in reader] == list(range(50))
    assert next(reader, None) is None, "it stays at its end"


def test_reading_stays_ahead_by_depth_and_no_more() -> None:
    recorder = Recorder(100)
    reader = ReadAhead(recorder.frames(), depth=4)
    _wait_until(lambda: recorder.made == 5)  # four wait in the buffer, one to get in
    time.sleep(0.05)
    assert recorder.made == 5
    next(reader)
    _wait_until(lambda: recorder.made == 6)
    reader.close()


def test_an_error_is_raised_after_the_frames_before_it() -> None:
    reader = ReadAhead(Recorder(3, SourceError("torn")).frames(), depth=10)
    assert [next(reader).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="torn"):
        next(reader)
    assert next(reader, None) is None, "once"


def test_closing_stops_at_once_and_closes_the_frames() -> None:
    recorder = Recorder(10**9)
    reader = ReadAhead(recorder.frames(), depth=2)
    next(reader)
    reader.close()
    assert recorder.closed.is_set()
    assert next(reader, None) is None
    reader.close()


def test_closing_wakes_a_reader_that_waits() -> None:
    release = threading.Event()

    def stalled() -> Generator[Frame]:
        release.wait(120)
        yield Frame(_IMAGE, 0, 0.0)

    reader = ReadAhead(stalled(), depth=1)
    got: list[Frame | None] = []
    waiting = threading.Thread(target=lambda: got.append(next(reader, None)))
    waiting.start()
    time.sleep(0.02)
    reader._buffer.stop()
    waiting.join(60)
    assert got == [None]
    release.set()


def test_a_garbage_collected_reader_ends_its_thread() -> None:
    recorder = Recorder(10**9)
    for frame in ReadAhead(recorder.frames(), depth=2):
        if frame.index == 3:
            break
    gc.collect()
    assert recorder.closed.wait(60)


def test_of_live_frames_the_latest_is_kept_and_the_first() -> None:
    recorder = Recorder(100)
    reader = ReadAhead(recorder.frames(), depth=3, drop=True)
    assert not recorder.closed.wait(0.05), "nothing is dropped before the reader begins"
    assert next(reader).index == 0
    assert recorder.closed.wait(60), "then the thread no longer waits for the reader"
    assert [frame.index for frame in reader] == [99]


def test_a_source_without_room_for_a_frame_is_refused() -> None:
    with pytest.raises(InputError, match=r"read_ahead: expected .* at least 1, got 0"):
        ReadAheadSource(0)


def test_closing_a_source_stops_all_its_readers() -> None:
    recorders = [Recorder(10**9), Recorder(10**9)]
    with ReadAheadSource(2) as source:
        readers = [source._read_ahead(recorder.frames()) for recorder in recorders]
        assert [next(reader).index for reader in readers] == [0, 0]
    assert all(recorder.closed.is_set() for recorder in recorders)
