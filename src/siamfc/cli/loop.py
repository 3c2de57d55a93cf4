"""The loop over a video's frames that `track`, `compare` and `demo` share, with its outcome."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from siamfc.cli.console import counted, print_error
from siamfc.cli.interrupt import StopRequest, StopRequested, end_at_once, signal_name
from siamfc.cli.progress import Progress
from siamfc.cli.sinks import Sink
from siamfc.errors import SiamFCError
from siamfc.frames import Frame
from siamfc.system import frames_per_second
from siamfc.tracking import FrameResult, Status, time_code

OnFrame = Callable[[], None]
"""Called for each frame."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of a loop."""

    first: FrameResult
    last: FrameResult
    count: int
    """Number of frames."""
    seconds: float
    """Time from requesting the first frame to having passed on the last."""
    signal: int | None
    """Number of the signal that stopped the loop early; None: no signal."""

    failure: SiamFCError | None = None
    """Error of the source that stopped the loop early; None: no error."""

    @property
    def stopped(self) -> bool:
        """True if the loop ended before the source."""
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
    """Pass each frame and its result to every sink, with progress on standard error.

    Ctrl-C, SIGTERM and SIGHUP stop the loop after the current frame; a second one, or one before
    the first result, stops at once. A source that fails after its first result stops it too, and
    what was tracked is kept.

    Args:
        follow: tracks; called with a callback for each frame that it processes before the first
            result.
        sinks: each takes a frame and its result.
        total: number of frames to process; None: unknown.

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
                # Wait for the first result: without it there is nothing to keep.
                pair = next(pairs, None) if first is None else stop.next_from(pairs)
            except StopRequested:
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
    """Return the verb's exit status, and print the reason if the loop ended early."""
    kept = f"after {counted(outcome.count, 'frame')}; what was tracked is kept"
    if outcome.failure is not None:
        print_error(f"{outcome.failure} ({kept})")
        return 1
    if outcome.signal is None:
        return 0
    print_error(f"stopped by {signal_name(outcome.signal)} {kept}")
    return 128 + outcome.signal


_AT_ONCE = 10
"""Frames after the first box within which a loss suggests a wrong box."""


class LostCounter:
    """Number of frames in which a target is lost, and the first of them."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.name = ""
        self.frames = self.lost = 0
        self.first_given: int | None = None
        self.first_lost: FrameResult | None = None

    def add(self, _frame: object, result: FrameResult) -> None:
        """Count a frame."""
        self.frames += 1
        self.name = result.names[self.row] if result.names else f"object {self.row + 1}"
        if self.first_given is None and result.statuses[self.row] is Status.KEYFRAME:
            self.first_given = result.index
        if result.lost_flags is not None and result.lost_flags[self.row]:
            self.lost += 1
            self.first_lost = self.first_lost or result

    @property
    def is_lost_at_once(self) -> bool:
        """True if the target is lost within a few frames of its first box."""
        if self.first_lost is None or self.first_given is None:
            return False
        return 0 < self.first_lost.index - self.first_given <= _AT_ONCE

    @property
    def text(self) -> str:
        """Summary, such as `lost in 12 of 200 frames, first in frame 59`."""
        text = f"lost in {self.lost} of {counted(self.frames, 'frame')}"
        if self.first_lost is None:
            return text
        at = time_code(self.first_lost.time)
        return f"{text}, first in frame {self.first_lost.index}{at and f' ({at})'}"

    @property
    def hint(self) -> str:
        """Advice for a target that is lost at once."""
        return (
            f"hint: {self.name} was lost soon after its box: check that the box is X,Y,W,H in "
            "pixels, with width and height and not the second corner, and fits the object closely"
        )
