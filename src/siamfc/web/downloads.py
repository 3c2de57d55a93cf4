"""What can be taken away from a job: boxes, a still, the film."""

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

from siamfc.errors import InputError, OutputError, SiamFCError
from siamfc.frames import Frame, draw_boxes, open_writer
from siamfc.tracking import write_results
from siamfc.web.clips import Clip
from siamfc.web.history import History
from siamfc.web.job import Job
from siamfc.web.pictures import encode_png
from siamfc.web.private import free_name
from siamfc.web.recorder import Recording

_logger = logging.getLogger(__name__)

_REST_SECONDS = 0.1
"""How long a film waits after each frame while something is tracked, at least: encoding goes on
meanwhile in threads of its own."""
_REST = 3.0
"""The same as a multiple of the time that the frame took."""

FORMATS = ("txt", "csv", "jsonl")
"""Of boxes."""


def boxes_file(job: Job, suffix: str, folder: Path) -> tuple[bytes, str]:
    """Return the boxes as a file's content and name; several targets' txt files as a zip.

    Rows are those of the frames that were tracked, from the first in which a box was drawn.

    Raises:
        InputError: an unknown format, or nothing has been tracked.
        OutputError: the disk is full.
    """
    if suffix not in FORMATS:
        raise InputError(f"boxes come as {', '.join(FORMATS)}; got {suffix!r}")
    results = _tracked(job)[1].results()
    try:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            target = Path(temporary) / f"{safe_stem(job.clip.name)}.{suffix}"
            paths = write_results(target, results)
            path = paths[0] if len(paths) == 1 else _archive(paths, target)
            return path.read_bytes(), path.name
    except (OutputError, OSError) as error:
        reason = str(error).rpartition(": ")[2]
        raise OutputError(f"the boxes cannot be written: {reason}") from None


def _tracked(job: Job) -> tuple[int, History]:
    epoch, rows = job.trail.tracked()
    if not len(rows):
        raise InputError("nothing has been tracked yet: draw a box and press start")
    return epoch, rows


def _archive(paths: Sequence[Path], target: Path) -> Path:
    archive = target.with_name(f"{target.stem}-{target.suffix[1:]}.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            file.write(path, path.name)
    return archive


def still(job: Job, index: int) -> tuple[bytes, str]:
    """Return a frame with its boxes, as a PNG file's content and name.

    Raises:
        InputError: no such frame.
        SourceError: it cannot be decoded.
    """
    frame = job.clip[index]
    boxes, scores = job.trail.boxes_in(index)
    image = draw_boxes(frame.image, boxes, scores=scores) if len(boxes) else frame.image
    return encode_png(image), f"{safe_stem(job.clip.name)}-{index}.png"


class Film:
    """The film of one job, written in a thread of its own.

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
        self.state: Literal["none", "making", "ready", "failed"] = "none"
        self.message = ""
        self.done = 0
        self.total = 0
        self.epoch = -1
        self.end = -1
        self.path: Path | None = None

    def make(self, job: Job) -> None:
        """Begin to write the film of what has been tracked so far, unless it is there.

        Raises:
            InputError: nothing has been tracked.
        """
        if self.state == "making" or self._is_fresh(job):
            return
        epoch, rows = _tracked(job)
        self.discard()
        self._stop.clear()
        self.epoch, self.end = epoch, rows.end
        self.state, self.message, self.done, self.total = "making", "", 0, len(rows)
        self._thread = threading.Thread(
            target=self._write, args=(job, rows), name="siamfc-film", daemon=True
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
        return {
            "state": self.state, "message": self.message, "done": self.done, "total": self.total
        }  # fmt: skip

    def _is_fresh(self, job: Job) -> bool:
        return self.state == "ready" and (self.epoch, self.end) == (
            job.trail.epoch,
            job.trail.history.end,
        )

    def _write(self, job: Job, rows: History) -> None:
        path = free_name(self._folder, ".mp4")
        try:
            self._draw(job, rows, path)
        except (SiamFCError, OSError) as error:
            self.message = str(error).replace(str(path), "the film")
            self.state = "failed"
        except Exception:
            _logger.exception("the film could not be written")
            self.message = "an unexpected error; the server's log has it"
            self.state = "failed"
        else:
            self.path = path
            self.state = "ready"

    def _draw(self, job: Job, rows: History, path: Path) -> None:
        start = max(rows.start, job.clip.first_frame)
        with open_writer(path, frame_rate=job.clip.frame_rate) as writer:
            for frame in self._paced(_frames(job.clip, start, rows.end)):
                boxes, scores = rows.row(frame.index)
                writer.write(draw_boxes(frame.image, boxes, scores=scores), frame.time)
                self.done += 1

    def _paced(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames, as fast as tracking allows, until the film is given up."""
        begun = time.monotonic()
        for frame in frames:
            yield frame
            rest = max(_REST_SECONDS, _REST * (time.monotonic() - begun))
            if self._stop.wait(rest if self._is_tracking() else 0):
                raise OutputError("the film was given up")
            begun = time.monotonic()


def _frames(clip: Clip, start: int, end: int) -> Iterator[Frame]:
    """Frames start … end − 1, which are all there."""
    if isinstance(clip, Recording):  # whose `frames` is for the tracker
        yield from (clip[index] for index in range(start, end))
        return
    for frame in clip.frames(start):
        if frame is None or frame.index >= end:
            return
        yield frame


def safe_stem(name: str) -> str:
    """A file name without an ending that means nothing to any system.

    >>> safe_stem("../../etc/My video.mp4")
    'My-video'
    """
    stem = Path(name.replace("\\", "/")).name.rpartition(".")[0] or Path(name).name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "siamfc"
