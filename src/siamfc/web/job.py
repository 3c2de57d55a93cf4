"""One video on the page: its trail, how far it has been tracked, and what is to be done next."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from siamfc.errors import InputError, SiamFCError
from siamfc.frames import Frame
from siamfc.network import Network
from siamfc.tracking import Settings
from siamfc.web.clips import Clip
from siamfc.web.editable_track import EditableTrack
from siamfc.web.preview import Preview
from siamfc.web.tracking import Box, NetworkView

State = Literal["open", "waiting", "running", "paused", "done", "failed"]
"""`open`: never started; `waiting`: its turn will come."""

_RATE_SECONDS = 2.0
"""Over which frames/s are measured; with fewer than `_RATE_FRAMES` in it, over these."""
_RATE_FRAMES = 10


class Job:
    """A clip and the track in it. Its methods may be called from any thread.

    Args:
        clip: what to track in; it is closed here.
        matcher: a network ready to track with.
        settings: of the tracker.
        max_targets: that may be drawn.
        submit: asks for this job to be run by the worker.
    """

    def __init__(
        self,
        clip: Clip,
        matcher: Network,
        settings: Settings,
        *,
        max_targets: int,
        submit: Callable[[Job], None],
    ) -> None:
        self.id = secrets.token_urlsafe(9)
        self.clip = clip
        self.trail = EditableTrack(matcher, settings, frame_size=clip.size, max_targets=max_targets)
        self.state: State = "open"
        self.message = ""
        self.preview = Preview()
        """Of the frame tracked last, while it is running."""
        self._submit = submit
        self._steps: int | None = None
        self._closed = False
        self._ticks: deque[float] = deque()
        self._lock = self.trail.lock
        self._on_close: list[Callable[[], None]] = []

    # --- What its user asks for -------------------------------------------------------------------

    def draw(self, frame: int, target: int, box: Box) -> None:
        """Say where a target is in a frame; what was tracked from there on is taken back.

        Args:
            frame: index.
            target: 0-based; one more than there are adds a target.
            box: x, y, w, h in frame pixels.

        Raises:
            InputError: no such frame or target, or a box that cannot be tracked.
        """
        if not self.clip.first_frame <= frame < self.clip.frame_count:
            raise InputError(
                f"expected a frame from {self.clip.first_frame} to {self.clip.frame_count - 1}, "
                f"got {frame}"
            )
        self.trail.draw(frame, target, box)
        self._reopen()

    def erase(self, frame: int, target: int) -> None:
        """Take back a box that was drawn in a frame, and what was tracked from there on.

        A target's only box takes the target with it, as `remove` does.

        Raises:
            InputError: none was drawn there.
        """
        self.trail.erase(frame, target)
        self._reopen()

    def remove(self, target: int) -> None:
        """Forget a target; those after it move up by one.

        Raises:
            InputError: there is no such target.
        """
        self.trail.remove(target)
        self._reopen()

    def start(self, steps: int | None = None) -> None:
        """Track on, to the end or for a number of frames, when its turn comes.

        Raises:
            InputError: no box has been drawn.
        """
        with self._lock:
            if not self.trail.targets:
                raise InputError("draw a box first")
            self._steps = steps
            self.message = ""
            if self.state in ("waiting", "running"):
                return
            self.state = "waiting"
        self._submit(self)

    def pause(self) -> None:
        """Stop at once; the frame in hand will be tracked again."""
        with self._lock:
            if self.state in ("waiting", "running"):
                self.state = "paused"

    def close(self) -> None:
        """Stop for good and let go of the clip; may be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self.state = "paused"
        self.clip.close()
        for action in self._on_close:
            action()

    def on_close(self, action: Callable[[], None]) -> None:
        """Have something done when the job is closed."""
        self._on_close.append(action)

    # --- What there is to see ---------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    @property
    def rate(self) -> float:
        """Frames per second of late, 0 when it isn't running."""
        with self._lock:
            ticks = self._ticks
            if self.state != "running" or len(ticks) < 2 or ticks[-1] <= ticks[0]:
                return 0.0
            return (len(ticks) - 1) / (ticks[-1] - ticks[0])

    def summary(self) -> dict[str, Any]:
        """All that a page says of the job, but for its rows."""
        with self._lock:
            clip, trail, rate = self.clip, self.trail, self.rate
            left = (clip.frame_count - trail.history.end) / rate if rate else None
            return {
                "id": self.id,
                "name": clip.name,
                "kind": clip.kind,
                "size": clip.size,
                "firstFrame": clip.first_frame,
                "frameCount": clip.frame_count,
                "frameRate": clip.frame_rate,
                "live": clip.is_live,
                "state": self.state,
                "message": self.message or clip.message,
                "epoch": trail.epoch,
                "start": trail.history.start,
                "end": trail.history.end,
                "targets": trail.targets,
                "keyframes": trail.keyframes,
                "rate": rate,
                "secondsLeft": None if clip.is_live else left,
            }

    def view(self, frame: int, target: int) -> NetworkView | None:
        """What the network saw of a target; None if it wasn't followed in that frame."""
        image = self.preview.image(frame)
        return self.trail.view(self.clip[frame].image if image is None else image, frame, target)

    # --- The work ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Track until the end, a pause or an error; the worker's thread calls this."""
        with self._lock:
            if self.state != "waiting" or self._closed:
                return
            self.state = "running"
            self._ticks.clear()
        try:
            while self._run_once():
                pass
        except SiamFCError as error:
            self._end("failed", str(error))
        except OSError as error:
            self._end("failed", error.strerror or "a file cannot be read")
        finally:
            self.preview.clear()

    def fail(self, message: str) -> None:
        """Say that something went wrong while it ran."""
        self._end("failed", message)

    def _run_once(self) -> bool:
        """Track from where the rows end; True if rows were taken back meanwhile."""
        begun = self.trail.begin()
        if begun is None:
            self._end("open", "")
            return False
        epoch, position = begun
        self.preview.clear()
        frames = iter(self.clip.frames(position))
        try:
            for frame in frames:
                if self.state != "running":
                    return False
                if frame is not None and not self._add(frame, epoch):
                    return self.state == "running"
                if self._steps is not None and self._steps <= 0:
                    self._end("paused", "")
                    return False
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()
        if self.trail.epoch == epoch:
            self._end("done", "")
        return self.trail.epoch != epoch

    def _add(self, frame: Frame, epoch: int) -> bool:
        """Track into a frame; False if rows were taken back meanwhile, or it was paused."""
        row = self.trail.find(frame, epoch)
        with self._lock:
            if row is None or epoch != self.trail.epoch or self.state != "running":
                return False
            self.trail.history.append(*row, frame.time)
            self.preview.put(frame)
            self._tick()
            if self._steps is not None:
                self._steps -= 1
        return True

    def _tick(self) -> None:
        now, ticks = time.perf_counter(), self._ticks
        ticks.append(now)
        while len(ticks) > _RATE_FRAMES and ticks[0] < now - _RATE_SECONDS:
            ticks.popleft()

    def _end(self, state: State, message: str) -> None:
        with self._lock:
            if self.state == "running":
                self.state = state
                self.message = message
                self._steps = None

    def _reopen(self) -> None:
        """What was tracked to its end isn't any more."""
        with self._lock:
            if self.state in ("done", "failed"):
                self.state = "paused"
                self.message = ""
