"""Progress of a verb: amount finished, rate and remaining time."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self, TextIO

from siamfc.system import frames_per_second

INTERVAL_SECONDS = 5.0
"""Time between two lines if standard error is not a terminal."""


class Progress:
    """A counter on standard error with rate and remaining time.

    A bar on a terminal; elsewhere a plain line every `INTERVAL_SECONDS`. Use as a context manager.
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        *,
        unit: str = "frames",
    ) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._stream: TextIO = sys.stderr
        self._start = self._printed = time.perf_counter()
        self._done = 0
        self._bar = _Bar(label, total, unit) if self._stream.isatty() else None

    def advance(self, count: int = 1) -> None:
        """Add `count` finished units."""
        self._done += count
        now = time.perf_counter()
        if self._bar is not None:
            self._bar.update(self._done)
        elif now - self._printed >= INTERVAL_SECONDS:
            self._printed = now
            print(self._line(now - self._start), file=self._stream)

    def _line(self, elapsed: float) -> str:
        done = f"{self._done}" if self._total is None else f"{self._done}/{self._total}"
        line = f"{self._label}: {done} {self._unit}"
        rate = frames_per_second(self._done, elapsed)
        if math.isnan(rate):  # the first unit is not finished yet
            return line
        line += f", {rate:.1f}/s"
        if self._total is not None:
            line += f", {max(0, self._total - self._done) / rate:.0f} s left"
        return line

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.open()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


@contextmanager
def resumed_progress(label: str, total: int, *, unit: str) -> Iterator[Callable[[int], None]]:
    """Yield a callback that counts the progress of work that may have started in an earlier run.

    Its first call is given the count finished before, each later call a further count.
    """
    with ExitStack() as stack:
        progress: Progress | None = None

        def advance(count: int) -> None:
            nonlocal progress
            if progress is not None:
                progress.advance(count)
                return
            if 0 < count < total:
                print(f"resumes after {count} of {total} {unit}", file=sys.stderr)
            progress = stack.enter_context(Progress(label, total - count, unit=unit))

        yield advance


class _Bar:
    """A live line on a terminal, removed at the end."""

    def __init__(self, label: str, total: int | None, unit: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(f"{{task.completed}}{'/{task.total}' if total else ''} {unit}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(label, total=total, rate="")
        self._start = time.perf_counter()

    def open(self) -> None:
        self._bar.start()

    def update(self, done: int) -> None:
        rate = frames_per_second(done, time.perf_counter() - self._start)
        text = "" if math.isnan(rate) else f"{rate:.1f}/s"
        self._bar.update(self._task, completed=done, rate=text)

    def close(self) -> None:
        self._bar.stop()
