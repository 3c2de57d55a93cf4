"""What can be taken away from a job: boxes, a still, videos."""

from __future__ import annotations

import logging
import re
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from siamfc.annotations import ANNOTATION_FORMATS
from siamfc.errors import InputError, OutputError, SiamFCError
from siamfc.frames import Frame, Image, draw_boxes, open_writer
from siamfc.tracking import FrameResult, Status
from siamfc.tracking.exports import EXPORT_FORMATS, VideoInfo, export_results
from siamfc.web.clips import frames_between
from siamfc.web.job import Job
from siamfc.web.pictures import encode_png
from siamfc.web.private import free_name

_logger = logging.getLogger(__name__)

_REST_SECONDS = 0.1
"""How long a video waits after each frame while something is tracked, at least: encoding goes on
meanwhile in threads of its own."""
_REST = 3.0
"""The same as a multiple of the time that the frame took."""

_TITLES = {
    "csv": "CSV: a row for each frame and target, with all that is known",
    "jsonl": "JSON Lines: an object for each frame, with all that is known",
} | {name: one.title for name, one in ANNOTATION_FORMATS.items()}


def box_formats() -> dict[str, str]:
    """What boxes can be written as, with a title each."""
    return {name: _TITLES[name] for name in EXPORT_FORMATS}


def boxes_file(job: Job, kind: str, folder: Path) -> tuple[bytes, str]:
    """Return the boxes as a file's content and name; several files come as a zip.

    Raises:
        InputError: an unknown format, or nothing has been tracked.
        OutputError: the disk is full.
    """
    if kind not in EXPORT_FORMATS:
        raise InputError(f"boxes come as {', '.join(EXPORT_FORMATS)}; got {kind!r}")
    results, clip = _results(job), job.clip
    own = kind not in ANNOTATION_FORMATS
    stem = safe_stem(clip.name) + ("" if own else f"-{kind}")
    video = VideoInfo(
        name=clip.name.rpartition("/")[2],
        size=clip.size,
        frame_rate=clip.frame_rate,
        frame_count=clip.frame_count,
    )
    try:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            suffix = f".{kind}" if own else ANNOTATION_FORMATS[kind].suffix
            path = Path(temporary) / f"{stem}{suffix}"
            paths = export_results(path, results, format=kind, video=video)
            if len(paths) == 1 and paths[0].is_file():
                return paths[0].read_bytes(), paths[0].name
            return _archive(paths, temporary).read_bytes(), f"{stem}.zip"
    except (OutputError, OSError) as error:
        reason = str(error).rpartition(": ")[2]
        raise OutputError(f"the boxes cannot be written: {reason}") from None


def _results(job: Job) -> list[FrameResult]:
    results = job.track.results()
    if not results:
        raise InputError("there are no boxes yet: draw one first")
    return results


def _archive(paths: Sequence[Path], folder: str) -> Path:
    archive = Path(folder) / "boxes.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            for one in [path] if path.is_file() else sorted(path.rglob("*")):
                file.write(one, one.relative_to(folder))
    return archive


def draw_rows(image: Image, result: FrameResult) -> Image:
    """Draw boxes with names and scores on a picture."""
    lost = [status == Status.LOST for status in result.statuses]
    labels = [
        f"{name} · {'lost' if is_lost else format(score, '.2f')}"
        for name, score, is_lost in zip(result.names, result.scores, lost, strict=True)
    ]
    return draw_boxes(image, result.boxes, lost=lost, labels=labels)


def still(job: Job, index: int) -> tuple[bytes, str]:
    """Return a frame with its boxes, as a PNG file's content and name.

    Raises:
        InputError: no such frame.
        SourceError: it cannot be decoded.
    """
    image = job.clip[index].image
    for result in job.track.results(index, index + 1):
        image = draw_rows(image, result)
    return encode_png(image), f"{safe_stem(job.clip.name)}-{index + 1}.png"


class VideoExport:
    """A video made of one job, written in a thread of its own.

    While something is tracked it is written slowly, as the tracker needs the processor for what
    somebody watches.

    Args:
        folder: where it is written.
        is_tracking: whether something is tracked just now.
    """

    def __init__(self, folder: Path, *, is_tracking: Callable[[], bool]) -> None:
        self._folder = folder
        self._is_tracking = is_tracking
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._made_of: Any = None
        self.state: Literal["none", "making", "ready", "failed"] = "none"
        self.message = ""
        self.kind = ""
        self.done = 0
        self.total = 0
        self.path: Path | None = None

    def make(self, job: Job, kind: str = "boxes") -> None:
        """Begin to write a video of what has been tracked so far, unless it is there.

        Raises:
            InputError: nothing has been tracked, or an unknown kind.
        """
        if kind not in VIDEOS:
            raise InputError(f"videos come as {', '.join(VIDEOS)}; got {kind!r}")
        made_of = (kind, job.track.version)
        if self.state == "making" or (self.state == "ready" and self._made_of == made_of):
            return
        results = _results(job)
        self.discard()
        self._stop.clear()
        self._made_of, self.kind = made_of, kind
        self.state, self.message, self.done, self.total = "making", "", 0, len(results)
        self._thread = threading.Thread(
            target=self._write, args=(job, results), name="siamfc-video", daemon=True
        )
        self._thread.start()

    def discard(self) -> None:
        """Stop, and remove what has been written; may be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path = None
        self.state = "none"

    def summary(self) -> dict[str, Any]:
        """What a page says of it."""
        names = ("state", "kind", "message", "done", "total")
        return {name: getattr(self, name) for name in names}

    def _write(self, job: Job, results: list[FrameResult]) -> None:
        path = free_name(self._folder, ".mp4")
        try:
            self._draw(job, results, path)
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

    def _draw(self, job: Job, results: list[FrameResult], path: Path) -> None:
        edit = VIDEOS[self.kind](job, results)
        start = max(results[0].index, job.clip.first_frame)
        frames = frames_between(job.clip, start, results[-1].index + 1)
        with open_writer(path, frame_rate=job.clip.frame_rate) as writer:
            for frame in self._paced(frames):
                image = edit(frame.image, results[frame.index - results[0].index])
                writer.write(image, frame.time)
                self.done += 1

    def _paced(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames, as fast as tracking allows, until the video is given up."""
        begun = time.monotonic()
        for frame in frames:
            yield frame
            rest = max(_REST_SECONDS, _REST * (time.monotonic() - begun))
            if self._stop.wait(rest if self._is_tracking() else 0):
                raise OutputError("the video was given up")
            begun = time.monotonic()


Edit = Callable[[Image, FrameResult], Image]

VIDEOS: dict[str, Callable[[Job, list[FrameResult]], Edit]] = {
    "boxes": lambda _job, _results: draw_rows,
}
"""Kinds of videos: what makes of a job a function that edits its frames."""


def safe_stem(name: str) -> str:
    """A file name without an ending that means nothing to any system.

    >>> safe_stem("../../etc/My video.mp4")
    'My-video'
    """
    stem = Path(name.replace("\\", "/")).name.rpartition(".")[0] or Path(name).name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "siamfc"
