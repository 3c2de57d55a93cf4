"""Export of a job as a video: with boxes, redacted, or following a target."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from siamfc.checks import shown
from siamfc.edits import (
    CoverSettings,
    RedactSettings,
    ReframeSettings,
    frame_ranges,
    plan_cover,
    plan_reframe,
    plan_stabilise,
    redact_frame,
)
from siamfc.errors import InputError, OutputError, SiamFCError
from siamfc.frames import Frame, Image, open_writer
from siamfc.tracking import FrameResult
from siamfc.tracking.exports import to_annotation
from siamfc.web.clips import Clip, frames_between, video_info
from siamfc.web.editable_track import EditableTrack
from siamfc.web.private import free_name

_logger = logging.getLogger(__name__)

_REST_SECONDS = 0.1
"""Least wait of a video after each frame while something is tracked: encoding goes on
meanwhile in threads of its own."""
_REST = 3.0
"""The same as a multiple of the time that the frame took."""

_ASPECTS = {"9:16": 9 / 16, "4:5": 4 / 5, "1:1": 1.0, "16:9": 16 / 9}


class Plan(NamedTuple):
    """Frames of a video to be written."""

    edit: Callable[[Image, int], Image]
    """Returns an edited frame, given a frame and its index."""
    frames: range
    """Indices of the frames written."""
    note: str = ""
    """Remark for the user."""


class VideoExport:
    """A video made of one job, written in a thread of its own.

    While something is tracked it is written slowly, as the tracker needs the processor for what
    somebody watches.

    Args:
        folder: the video is written there.
        is_tracking: returns True while something is tracked.
    """

    def __init__(self, folder: Path, *, is_tracking: Callable[[], bool]) -> None:
        self._folder = folder
        self._is_tracking = is_tracking
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lock = threading.RLock()  # two requests may come at once
        self._made_of: Any = None
        self.state: Literal["none", "making", "ready", "failed"] = "none"
        self.message = ""
        self.kind = ""
        self.done = 0
        self.total = 0
        self.path: Path | None = None

    def make(
        self,
        clip: Clip,
        track: EditableTrack,
        kind: str = "boxes",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin to write a video of the track so far, unless it is written already.

        Raises:
            InputError: nothing has been tracked, or an unknown kind or option.
        """
        if kind not in VIDEOS:
            raise InputError(f"videos come as {', '.join(VIDEOS)}; got {kind!r}")
        with self._lock:
            made_of = (kind, options, track.version)
            if self.state == "making" or (self.state == "ready" and self._made_of == made_of):
                return
            plan = VIDEOS[kind](clip, track.all_results(), options or {})
            self.discard()
            self._stop.clear()
            self._made_of, self.kind = made_of, kind
            self.state, self.message = "making", plan.note
            self.done, self.total = 0, len(plan.frames)
            self._thread = threading.Thread(
                target=self._write, args=(clip, plan), name="siamfc-video", daemon=True
            )
            self._thread.start()

    def discard(self) -> None:
        """Stop, and remove the video; may be called twice."""
        with self._lock:
            self._stop.set()
            if self._thread is not None:
                self._thread.join(timeout=30)
            if self.path is not None:
                self.path.unlink(missing_ok=True)
            self.path = None
            self.state = "none"

    def summary(self) -> dict[str, Any]:
        """Return its state as the page gets it."""
        names = ("state", "kind", "message", "done", "total")
        return {name: getattr(self, name) for name in names}

    def _write(self, clip: Clip, plan: Plan) -> None:
        path = free_name(self._folder, ".mp4")
        frames = frames_between(clip, plan.frames.start, plan.frames.stop)
        try:
            with open_writer(path, like=clip.source, frame_rate=clip.frame_rate) as writer:
                for frame in self._paced(frames):
                    writer.write(plan.edit(frame.image, frame.index), frame.time)
                    self.done += 1
        except (SiamFCError, OSError) as error:
            self.message = str(error).replace(str(path), "the video")
            self.state = "failed"
        except Exception:
            _logger.exception("the video could not be written")
            self.message = "an unexpected error; the server's log has it"
            self.state = "failed"
        else:
            self.path = path
            self.state = "ready"

    def _paced(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the frames as fast as tracking allows, until the video is cancelled."""
        begun = time.monotonic()
        for frame in frames:
            yield frame
            rest = max(_REST_SECONDS, _REST * (time.monotonic() - begun))
            if self._stop.wait(rest if self._is_tracking() else 0):
                raise OutputError("the video was cancelled")
            begun = time.monotonic()


def _plan_boxes(_clip: Clip, results: list[FrameResult], _options: Mapping[str, Any]) -> Plan:
    """Plan the tracked frames with boxes, names and scores."""
    start, last = results[0].index, results[-1].index
    return Plan(lambda image, index: results[index - start].draw(image), range(start, last + 1))


def _plan_blurred(clip: Clip, results: list[FrameResult], options: Mapping[str, Any]) -> Plan:
    """Plan the whole video with the targets hidden, or everything else."""
    outside = options.get("hide") == "background"
    settings = RedactSettings(
        style=options.get("style", "blur"), shape=options.get("shape", "ellipse"), outside=outside
    )
    cover_settings = CoverSettings(
        margin=0.0 if outside else _fraction(options, "margin", 0.35),
        when_lost=options.get("when_lost", "grow"),
    )
    annotation = to_annotation(results, video=video_info(clip))
    cover = plan_cover(annotation, clip.frame_count, cover_settings)
    bridged = [f"{first + 1}–{last + 1}" for first, last in frame_ranges(cover.bridged)]
    note = f"The place of a target is a guess in frames {', '.join(bridged)}: look at these."
    return Plan(
        lambda image, index: redact_frame(image, cover, index, settings),
        _all_frames(clip),
        note if bridged else "",
    )


def _plan_vertical(clip: Clip, results: list[FrameResult], options: Mapping[str, Any]) -> Plan:
    """Plan a cut of another aspect ratio that follows the targets."""
    aspect = options.get("aspect", "9:16")
    if not isinstance(aspect, str) or aspect not in _ASPECTS:
        raise InputError(f"aspect: expected one of {', '.join(_ASPECTS)}, got {aspect!r}")
    zoom = _fraction(options, "zoom", 0.5) if options.get("zoom", "") != "" else None
    annotation = to_annotation(results, video=video_info(clip))
    settings = ReframeSettings(aspect=_ASPECTS[aspect], zoom=zoom)
    rate = clip.frame_rate or 25.0
    windows = plan_reframe(
        annotation,
        clip.frame_count,
        clip.size,
        rate,
        settings,
        pixel_aspect=float(getattr(clip.source, "pixel_aspect", 1)),
    )
    return Plan(windows.cut, _all_frames(clip))


def _plan_stabilised(clip: Clip, results: list[FrameResult], _options: Mapping[str, Any]) -> Plan:
    """Plan a video that holds the targets still in the middle."""
    annotation = to_annotation(results, video=video_info(clip))
    return Plan(plan_stabilise(annotation, clip.frame_count, clip.size).cut, _all_frames(clip))


def _all_frames(clip: Clip) -> range:
    return range(clip.first_frame, clip.frame_count)


def _fraction(options: Mapping[str, Any], name: str, default: float) -> float:
    try:
        return float(options.get(name, default))
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name}: expected a number, got {shown(options[name])}") from None


VIDEOS: dict[str, Callable[[Clip, list[FrameResult], Mapping[str, Any]], Plan]] = {
    "boxes": _plan_boxes,
    "blurred": _plan_blurred,
    "vertical": _plan_vertical,
    "stabilised": _plan_stabilised,
}
"""Kinds of videos that can be made of a job."""
