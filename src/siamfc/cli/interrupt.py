"""Ctrl-C, SIGTERM and SIGHUP: requests to end, so that what is done is kept."""

import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

T = TypeVar("T")

_REQUESTS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What asks a process to end, but for Ctrl-C; Windows knows no SIGHUP."""


class Terminated(SystemExit):
    """A request to end, raised where the program is, so that `with` statements tidy up."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


class Requested(BaseException):
    """A request to end, raised where a frame is waited for."""


def raise_on_termination() -> None:
    """Turn requests to end into `Terminated`; what is ignored, as `nohup` asks for, stays so."""
    for number in _REQUESTS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def name_of(number: int) -> str:
    """What a message calls a request: Ctrl-C, SIGTERM, SIGHUP.

    >>> name_of(2), name_of(15)
    ('Ctrl-C', 'SIGTERM')
    """
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def end_at_once(number: int) -> NoReturn:
    """Raise what a request to end means where nothing is to be kept."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


class StopRequest:
    """While this context is open, a request to end only sets `number`; a second one ends at once.

    A loop that looks at `requested` between two frames ends with whole files, which an exception
    between any two instructions could not promise.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the signal that asked to end; None: nothing did."""
        self._is_waiting = False
        self._before: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether something asked to end."""
        return self.number is not None

    def next_of(self, iterator: Iterator[T]) -> T | None:
        """The next element; None if there is none, or if a request to end comes meanwhile.

        Raises:
            Requested: the request came in the last moment.
        """
        try:
            self._is_waiting = True
            return next(iterator, None)
        except Requested:
            return None
        finally:
            self._is_waiting = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested:
            end_at_once(number)
        self.number = number
        if self._is_waiting:
            raise Requested

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, *_REQUESTS):
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(number)
