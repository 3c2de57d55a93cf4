"""One video on the page: its boxes, how far it has been tracked, and what is to be done next."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from siamfc.errors import InputError, SiamFCError
from siamfc.frames import Frame
from siamfc.network import Matcher
from siamfc.tracking import FrameResult, TrackerSettings
from siamfc.web.clips import Clip
from siamfc.web.following import Box, Following, NetworkView
from siamfc.web.history import FloatArray, History

State = Literal["open", "waiting", "running", "paused", "done", "failed"]
"""`open`: never started; `waiting`: its turn will come."""

_RATE_FRAMES = 60
"""Frames over which frames/s are measured."""


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
        matcher: Matcher,
        settings: TrackerSettings,
        *,
        max_targets: int,
        submit: Callable[[Job], None],
    ) -> None:
        self.id = secrets.token_urlsafe(9)
        self.clip = clip
        self.state: State = "open"
        self.message = ""
        self.epoch = 0
        """Raised each time that rows are taken back."""
        self.latest: Frame | None = None
        """The frame tracked last, while it is running."""
        self.history = History()
        self._following = Following(matcher, settings)
        self._keyframes: dict[int, dict[int, Box]] = {}
        self._max_targets = max_targets
        self._submit = submit
        self._steps: int | None = None
        self._closed = False
        self._ticks: deque[float] = deque(maxlen=_RATE_FRAMES)
        self._lock = threading.RLock()
        self._working = threading.Lock()
        """Held while a frame is computed; taken before `_lock`."""
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
        self._following.check(box, self.clip.size)
        with self._lock:
            count = self.targets
            if not 0 <= target <= min(count, self._max_targets - 1):
                raise InputError(
                    f"expected a target from 1 to {min(count + 1, self._max_targets)}, "
                    f"got {target + 1}"
                )
            self._set_keyframes(frame, {**self._keyframes.get(frame, {}), target: box})
            self.history.set_targets(target + 1)

    def erase(self, frame: int, target: int) -> None:
        """Take back a box that was drawn in a frame, and what was tracked from there on.

        A target's only box takes the target with it, as `remove` does.

        Raises:
            InputError: none was drawn there.
        """
        with self._lock:
            boxes = dict(self._keyframes.get(frame, {}))
            if boxes.pop(target, None) is None:
                raise InputError(f"no box of target {target + 1} was drawn in frame {frame}")
            if any(target in drawn for at, drawn in self._keyframes.items() if at != frame):
                self._set_keyframes(frame, boxes)
                return
        self.remove(target)

    def remove(self, target: int) -> None:
        """Forget a target; those after it move up by one.

        Raises:
            InputError: there is no such target.
        """
        with self._working, self._lock:
            if not 0 <= target < self.targets:
                raise InputError(f"there is no target {target + 1}")
            self._following.remove(target)
            self.history.remove(target)
            renumbered = {
                frame: {t - (t > target): box for t, box in boxes.items() if t != target}
                for frame, boxes in self._keyframes.items()
            }
            self._keyframes = {frame: boxes for frame, boxes in renumbered.items() if boxes}
            self._take_back(self.history.end)

    def start(self, steps: int | None = None) -> None:
        """Track on, to the end or for a number of frames, when its turn comes.

        Raises:
            InputError: no box has been drawn.
        """
        with self._lock:
            if not self._keyframes:
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
    def targets(self) -> int:
        """Count of targets that were drawn."""
        return 1 + max((t for boxes in self._keyframes.values() for t in boxes), default=-1)

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    @property
    def rate(self) -> float:
        """Frames per second of late, 0 when it isn't running."""
        ticks = list(self._ticks)
        if self.state != "running" or len(ticks) < 2 or ticks[-1] <= ticks[0]:
            return 0.0
        return (len(ticks) - 1) / (ticks[-1] - ticks[0])

    def summary(self) -> dict[str, Any]:
        """All that a page says of the job, but for its rows."""
        with self._lock:
            clip, rate = self.clip, self.rate
            left = (clip.frame_count - self.history.end) / rate if rate else None
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
                "epoch": self.epoch,
                "start": self.history.start,
                "end": self.history.end,
                "targets": self.targets,
                "keyframes": [
                    [frame, target, *box]
                    for frame, boxes in sorted(self._keyframes.items())
                    for target, box in sorted(boxes.items())
                ],
                "rate": rate,
                "secondsLeft": None if clip.is_live else left,
            }

    def rows(self, epoch: int, start: int, limit: int) -> tuple[int, Any]:
        """Rows that a page doesn't have yet.

        Args:
            epoch: of the rows that it has.
            start: the frame after them.
            limit: of rows at once.

        Returns:
            The first row's frame and the rows (F, N, 5) float32.
        """
        with self._lock:
            first = start if epoch == self.epoch else self.history.start
            first = min(max(first, self.history.start), self.history.end)
            return first, self.history.table(first, min(first + limit, self.history.end))

    def results(self) -> list[FrameResult]:
        """What has been tracked so far, frame by frame."""
        with self._lock:
            return self.history.results()

    def boxes_in(self, frame: int) -> tuple[FloatArray, FloatArray]:
        """Boxes (N, 4) and scores (N,) in a frame; where it wasn't tracked, the boxes drawn."""
        with self._lock:
            boxes, scores = self.history.row(frame)
            for target, box in self._keyframes.get(frame, {}).items():
                boxes[target], scores[target] = box, 1.0
            return boxes, scores

    def view(self, frame: int, target: int) -> NetworkView | None:
        """What the network saw of a target; None if it wasn't followed in that frame."""
        image = self.clip[frame].image
        with self._working, self._lock:
            if not (0 <= target < self.targets and self.history.start <= frame < self.history.end):
                return None
            previous = self.history.row(frame - 1)[0]
            return self._following.view(image, frame, target, previous, self._keyframes)

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
            self._end("failed", error.strerror or str(error))
        finally:
            self.latest = None

    def fail(self, message: str) -> None:
        """Say that something went wrong while it ran."""
        self._end("failed", message)

    def _run_once(self) -> bool:
        """Track from where the rows end; True if rows were taken back meanwhile."""
        with self._lock:
            epoch = self.epoch
            if not self._keyframes:
                self._end("open", "")
                return False
            if not len(self.history):
                self.history.begin(min(self._keyframes))
            position = self.history.end
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
        if self.epoch == epoch:
            self._end("done", "")
        return self.epoch != epoch

    def _add(self, frame: Frame, epoch: int) -> bool:
        """Track into a frame; False if rows were taken back meanwhile, or it was paused."""
        with self._lock:
            if epoch != self.epoch:
                return False
            previous, keyframes = self.history.row(frame.index - 1)[0], self._keyframes
        with self._working:
            if epoch != self.epoch:
                return False
            boxes, scores = self._following.row(frame.image, frame.index, previous, keyframes)
        with self._lock:
            if epoch != self.epoch or self.state != "running":
                return False
            self.history.append(boxes, scores, frame.time)
            self.latest = frame
            self._ticks.append(time.perf_counter())
            if self._steps is not None:
                self._steps -= 1
        return True

    def _end(self, state: State, message: str) -> None:
        with self._lock:
            if self.state == "running":
                self.state = state
                self.message = message
                self._steps = None

    def _set_keyframes(self, frame: int, boxes: dict[int, Box]) -> None:
        rest = {at: drawn for at, drawn in self._keyframes.items() if at != frame}
        self._keyframes = {**rest, frame: boxes} if boxes else rest
        self._take_back(frame)

    def _take_back(self, frame: int) -> None:
        first = min(self._keyframes, default=0)
        if first != self.history.start or not self._keyframes:
            self.history.begin(first)
        else:
            self.history.cut(frame)
        self.epoch += 1
        if self.state in ("done", "failed"):
            self.state = "paused"
            self.message = ""
