"""The picture shown of a video while it is tracked."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from siamfc.frames import Frame, Image
from siamfc.web.pictures import encode_shown

_FRACTION = 0.06
"""Largest fraction of the program's processor time that goes into encoding.
Answering comes on top: about half as much again."""
_STEP_SECONDS = 0.1
"""After which there is a new picture however little processor time was used meanwhile: a network
on a GPU takes next to none."""


class _Made(NamedTuple):
    frame: Frame
    jpeg: bytes
    cost: float
    """Processor seconds that the encoding took."""
    at: float
    """Time at which it was done, seconds by the clock."""
    processor: float
    """Processor seconds of the program at that time."""


class Preview:
    """The frame tracked last, as JPEG for everyone who watches.

    It is encoded when somebody asks for it, once for all who do. As an encoding takes about as long
    as a fast network's work on a frame, few frames are: what comes between two pictures is not
    shown. The fraction of the processor that pictures may take decides how few.

    Its methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._newest: Frame | None = None
        self._made: _Made | None = None
        self._lock = threading.Lock()
        """Held while a picture is made: who asks meanwhile takes the same."""

    @property
    def index(self) -> int | None:
        """Index of the frame tracked last, None while nothing is tracked."""
        newest = self._newest
        return None if newest is None else newest.index

    def put(self, frame: Frame) -> None:
        """Set the frame tracked last."""
        self._newest = frame

    def clear(self) -> None:
        """Forget all frames: tracking has ended or continues elsewhere."""
        with self._lock:
            self._newest = None
            self._made = None

    def image(self, index: int) -> Image | None:
        """Return a frame that is at hand: the one tracked last, or the one encoded last."""
        newest, made = self._newest, self._made
        frames = (newest, None if made is None else made.frame)
        return next((f.image for f in frames if f is not None and f.index == index), None)

    def has_picture(self, shown: int) -> bool:
        """Return True if there is, or may now be made, a picture of another frame than `shown`."""
        newest, made = self._newest, self._made
        if newest is None:
            return False
        if made is not None and made.frame.index != shown:
            return True
        return newest.index != shown and _is_due(made)

    def picture(self) -> tuple[int, bytes] | None:
        """Return the newest picture and its frame's index; None while nothing is tracked."""
        with self._lock:
            newest, made = self._newest, self._made
            if newest is None:
                return None
            if made is None or (made.frame.index != newest.index and _is_due(made)):
                self._made = made = _make(newest)
            return made.frame.index, made.jpeg


def _is_due(made: _Made | None) -> bool:
    if made is None:
        return True
    pause = made.cost / _FRACTION
    return (
        time.process_time() - made.processor >= pause
        or time.monotonic() - made.at >= max(pause, _STEP_SECONDS)
    )  # fmt: skip


def _make(frame: Frame) -> _Made:
    begun = time.thread_time()
    jpeg = encode_shown(frame.image)
    cost = time.thread_time() - begun
    return _Made(frame, jpeg, cost, time.monotonic(), time.process_time())
