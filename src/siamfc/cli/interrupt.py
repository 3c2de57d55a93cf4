"""Ctrl-C as a request: the work in hand ends well, and what is done is kept."""

import signal
from types import FrameType
from typing import Any, Self


class StopRequest:
    """While this context is open, Ctrl-C only sets `requested`; a second one stops at once.

    A loop that looks at `requested` between two frames ends with whole files, which an exception
    between any two instructions could not promise.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
