"""One video on the page: its clip, its track and the state of tracking."""

from __future__ import annotations

import logging
import secrets
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

from siamfc.errors import InputError, SiamFCError, SourceError
from siamfc.frames import Frame
from siamfc.tracking import KeyFrames, Stepper
from siamfc.web.clips import Clip
from siamfc.web.drawing import Drawing
from siamfc.web.editable_track import EditableTrack, Tracks
from siamfc.web.preview import Preview
from siamfc.web.recorder import Recording
from siamfc.web.runs import NetworkView
from siamfc.web.video_export import VideoExport

_logger = logging.getLogger(__name__)

State = Literal["open", "waiting", "running", "paused", "done", "failed"]
"""`open`: never started; `waiting`: its turn will come."""

_RATE_FRAMES = 30
"""Frames over which frames/s are measured."""


class Job:
    """A clip and the track in it. Its methods may be called from any thread.

    Args:
        clip: the video to track in; it is closed here.
        stepper: the network and the tracker's settings.
        folder: private folder for its files; it is removed here.
        key: identifies a video that is opened again.
        max_targets: maximum number of targets.
        submit: queues a function for the one thread that tracks.
        is_tracking: returns True while any job is tracked.
    """

    def __init__(
        self,
        clip: Clip,
        stepper: Stepper,
        *,
        folder: Path,
        key: str = "",
        max_targets: int,
        submit: Callable[[Callable[[], None]], object],
        is_tracking: Callable[[], bool],
    ) -> None:
        self.id = secrets.token_urlsafe(9)
        self.clip = clip
        self.folder = folder
        self.key = key
        self.track = EditableTrack(stepper, frame_size=clip.size, max_targets=max_targets)
        self.video = VideoExport(folder, is_tracking=is_tracking)
        self.state: State = "open"
        self.message = ""
        self.preview = Preview()
        """Pictures of the frames tracked last, while it is running."""
        self._submit = submit
        self._readable = sys.maxsize
        self._closed = False
        self._ticks: deque[float] = deque(maxlen=_RATE_FRAMES)
        """Times at which the last frames had been tracked."""
        self._lock = self.track.lock

    # --- Changes ----------------------------------------------------------------------------------

    def change(self, change: Callable[[Drawing], None], frame: int | None = None) -> None:
        """Change the track, in a frame if it is about one.

        Raises:
            InputError: there is no such frame, or whatever the change raises.
        """
        if frame is not None and not self.clip.first_frame <= frame < self.clip.frame_count:
            raise InputError(
                f"expected a frame from {self.clip.first_frame + 1} to {self.clip.frame_count}, "
                f"got {frame + 1}"
            )
        self._edit(lambda: self.track.change(change))

    def load(self, tracks: Tracks) -> None:
        """Add targets whose boxes are known.

        Raises:
            InputError: boxes that are not of this video.
        """
        self._edit(lambda: self.track.load(tracks, self.clip.frame_count))

    def _edit(self, edit: Callable[[], None]) -> None:
        with self._lock:
            edit()
            if self.state in ("done", "failed", "paused"):
                is_done = bool(self.track.targets) and not self.track.frames_left(*self._span)
                self.state = "done" if is_done else "paused"
                self.message = ""
        if self.state == "done" and self.track.is_smooth:
            self.track.settle()

    def smooth(self, is_smooth: bool) -> None:
        """Smooth the boxes, or restore the tracked ones; while tracking, at its end."""
        self.track.is_smooth = is_smooth
        self.track.settle()

    def draw(self, boxes: KeyFrames) -> None:
        """Draw the boxes of new targets.

        Raises:
            InputError: a frame that the clip doesn't have, or a box that cannot be tracked.
        """
        first = len(self.track.targets)
        for target, drawn in enumerate(boxes.boxes, first):
            for frame, box in drawn.items():
                x, y, w, h = box.tolist()
                draw = partial(Drawing.draw, frame=frame, target=target, box=(x, y, w, h))
                self.change(draw, frame)
        for target, name in enumerate(boxes.names, first):
            self.change(partial(Drawing.rename, target=target, name=name))

    def start(self) -> None:
        """Track all that is still to be tracked, when its turn comes.

        Raises:
            InputError: no box has been drawn.
        """
        with self._lock:
            if not self.track.targets:
                raise InputError("draw a box first")
            self.message = ""
            if self.state in ("waiting", "running"):
                return
            self.state = "waiting"
        self._submit(self.run)

    def pause(self) -> None:
        """Stop at once; the current frame will be tracked again."""
        with self._lock:
            if self.state in ("waiting", "running"):
                self.state = "paused"

    def finish(self) -> None:
        """End a recording; what was recorded stays."""
        if self.clip.is_live:
            self.clip.close()

    def close(self) -> None:
        """Stop for good, close the clip and remove all files; may be called twice."""
        with self._lock:
            self._closed = True
            self.state = "paused"
        self.clip.close()
        self.video.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- Reading ----------------------------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Recent frames per second; 0 unless it is running."""
        with self._lock:
            ticks = self._ticks
            if self.state != "running" or len(ticks) < 2 or ticks[-1] <= ticks[0]:
                return 0.0
            return (len(ticks) - 1) / (ticks[-1] - ticks[0])

    def summary(self) -> dict[str, Any]:
        """Return the job as the page gets it, except for its rows."""
        with self._lock:
            clip, rate = self.clip, self.rate
            left = self.track.frames_left(*self._span)
            return {
                "id": self.id,
                "name": clip.name,
                "size": clip.size,
                "firstFrame": clip.first_frame,
                "frameCount": clip.frame_count,
                "frameRate": clip.frame_rate,
                "live": clip.is_live,
                "state": self.state,
                "message": self.message or clip.message,
                "framesLeft": left,
                "rate": rate,
                "secondsLeft": None if clip.is_live or not rate else left / rate,
                "video": self.video.summary(),
                **self.track.summary(),
            }

    def has_picture(self, shown: int) -> bool:
        """Return True if there is a picture newer than the frame `shown`, −1 for none."""
        if isinstance(self.clip, Recording):
            return self._newest_recorded(self.clip) not in (None, shown)
        return self.preview.has_picture(shown)

    def picture(self) -> tuple[int, bytes] | None:
        """Return the index of the frame tracked, or else recorded, last, and its JPEG."""
        if not isinstance(self.clip, Recording):
            return self.preview.picture()
        index = self._newest_recorded(self.clip)
        return None if index is None else (index, self.clip.jpeg(index))

    def _newest_recorded(self, recording: Recording) -> int | None:
        if self.preview.index is not None:
            return self.preview.index
        return recording.frame_count - 1 if recording.is_live and recording.frame_count else None

    def view(self, frame: int, target: int) -> NetworkView | None:
        """Return the network's view of a target; None if it wasn't followed in that frame."""
        image = self.preview.image(frame)
        return self.track.view(self.clip[frame].image if image is None else image, frame, target)

    # --- Tracking ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Track until the end, a pause or an error."""
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
        except Exception:  # a fault of ours must not end all other jobs
            _logger.exception("tracking failed")
            self._end("failed", "an unexpected error; the server's log has it")
        finally:
            self.preview.clear()

    def _run_once(self) -> bool:
        """Track one sweep of frames; return True if there may be more."""
        first, end = self._span
        sweep = self.track.next_sweep(first, sys.maxsize if self.clip.is_live else end)
        if sweep is None:
            if self.track.is_smooth:
                self.track.settle()
            self._end("done" if self.track.targets else "open", "")
            return False
        if sweep.start < first:
            raise InputError(
                f"tracking cannot go on in frame {sweep.start + 1}, which has been deleted: draw "
                f"the target in a frame from {first + 1} on"
            )
        self.preview.clear()
        clip = self.clip
        tracked = False
        frames: Generator[Frame | None] = (
            clip.frames_backward(sweep.start) if sweep.backward else clip.frames(sweep.start)
        )
        with closing(frames):
            for frame in frames:
                if self.state != "running":
                    return False
                if frame is None:
                    continue
                if not self.track.advance(frame, sweep):
                    return True
                tracked = True
                with self._lock:
                    self.preview.put(frame)
                    self._ticks.append(time.perf_counter())
        if not tracked and not clip.is_live:
            if sweep.backward:
                raise SourceError(f"{clip.name} cannot be read backwards")
            self._readable = sweep.start  # fewer frames can be decoded than were counted
        return True

    @property
    def _span(self) -> tuple[int, int]:
        """First frame that can be read, and one more than the last."""
        return self.clip.first_frame, min(self.clip.frame_count, self._readable)

    def _end(self, state: State, message: str) -> None:
        with self._lock:
            if self.state == "running":
                self.state = state
                self.message = message
