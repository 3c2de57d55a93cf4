"""The loop over a video's frames that `track`, `compare` and `demo` share."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from siamfc.cli.console import print_error
from siamfc.cli.interrupt import Requested, StopRequest, end_at_once, name_of
from siamfc.cli.progress import Progress
from siamfc.cli.sinks import Sink
from siamfc.errors import SiamFCError
from siamfc.frames import Frame
from siamfc.system import frames_per_second
from siamfc.tracking import FrameResult

OnFrame = Callable[[], None]
"""Called for each frame."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a loop came to."""

    first: FrameResult
    last: FrameResult
    count: int
    """Frames."""
    seconds: float
    """From asking for the first frame to having handed on the last."""
    signal: int | None
    """Number of the signal that ended it early; None: it came to the end."""

    failure: SiamFCError | None = None
    """The source's, that ended it early; None: there was none."""

    @property
    def stopped(self) -> bool:
        """Whether it ended before the source did."""
        return self.signal is not None or self.failure is not None

    @property
    def rate(self) -> float:
        """Frames per second of the whole loop, with reading, drawing and writing."""
        return frames_per_second(self.count, self.seconds)


def run_loop(
    follow: Callable[[OnFrame], Iterable[tuple[Frame, FrameResult]]],
    sinks: Sequence[Sink],
    *,
    total: int | None,
) -> Outcome:
    """Hand each frame and its result to every sink, with progress on standard error.

    Ctrl-C, SIGTERM and SIGHUP end the loop after the current frame. A second one, or one before
    the first result, ends at once.

    Args:
        follow: tracks; it is given what to call for each frame that it goes through before the
            first result.
        sinks: each takes a frame and its result.
        total: all frames that are gone through; None: unknown.

    A source that fails after its first result ends it too: what was tracked is kept.

    Raises:
        SiamFCError: there is no first result, or a sink fails.
    """
    first = last = failure = None
    count = 0
    with StopRequest() as stop, Progress("track", total) as progress:
        start = time.perf_counter()

        def on_frame() -> None:
            progress.advance()
            if stop.number is not None:
                end_at_once(stop.number)

        pairs = iter(follow(on_frame))
        while not stop.requested:
            try:
                # The first is waited for: without it there is nothing to keep.
                pair = next(pairs, None) if first is None else stop.next_of(pairs)
            except Requested:
                break
            except SiamFCError as error:
                if first is None:
                    raise
                failure = error
                break
            if pair is None:
                break
            frame, result = pair
            first, last = first or result, result
            count += 1
            for sink in sinks:
                sink(frame, result)
            progress.advance()
        seconds = time.perf_counter() - start
    if first is None or last is None:
        raise ValueError("expected at least one frame")
    return Outcome(
        first=first, last=last, count=count, seconds=seconds, signal=stop.number, failure=failure
    )


def exit_status(outcome: Outcome) -> int:
    """The verb's exit status; prints what ended the loop early, if something did."""
    kept = f"after {outcome.count} frames; what was tracked is kept"
    if outcome.failure is not None:
        print_error(f"{outcome.failure} ({kept})")
        return 1
    if outcome.signal is None:
        return 0
    print_error(f"stopped by {name_of(outcome.signal)} {kept}")
    return 128 + outcome.signal
