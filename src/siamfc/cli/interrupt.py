"""Requests to stop (Ctrl-C, SIGTERM and SIGHUP), handled so that finished work is kept."""

import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

T = TypeVar("T")

_REQUESTS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a process to stop, besides Ctrl-C; Windows has no SIGHUP."""


class Terminated(SystemExit):
    """A request to stop, raised in the running code so that `with` statements clean up."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


class StopRequested(BaseException):
    """A request to stop, raised while waiting for a frame."""


def raise_on_termination() -> None:
    """Turn requests to stop into `Terminated`; ignored signals, as under `nohup`, stay ignored."""
    for number in _REQUESTS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def signal_name(number: int) -> str:
    """Return a signal's name in messages: Ctrl-C, SIGTERM, SIGHUP.

    >>> signal_name(2), signal_name(15)
    ('Ctrl-C', 'SIGTERM')
    """
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def end_at_once(number: int) -> NoReturn:
    """Raise the exception of a request to stop where there is nothing to keep."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


class StopRequest:
    """Context in which a request to stop only sets `number`; a second one stops at once.

    A loop that checks `requested` between two frames leaves complete files, which an exception
    between any two instructions could not guarantee.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """Number of the signal that requested a stop; None: no request."""
        self._is_waiting = False
        self._before: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """True once a stop is requested."""
        return self.number is not None

    def next_from(self, iterator: Iterator[T]) -> T | None:
        """Return the next element; None at the end, or if a stop is requested meanwhile.

        Raises:
            StopRequested: the request came at the last moment.
        """
        try:
            self._is_waiting = True
            return next(iterator, None)
        except StopRequested:
            return None
        finally:
            self._is_waiting = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested:
            end_at_once(number)
        self.number = number
        if self._is_waiting:
            raise StopRequested

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
