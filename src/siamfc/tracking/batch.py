"""Batches of videos: each video is tracked and saved on its own; finished ones are skipped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from siamfc.errors import OutputError, SiamFCError
from siamfc.files import write_file
from siamfc.frames.paths import exists
from siamfc.network.loader import read_metadata
from siamfc.tracking.both_ways import WHOLE, FrameRange
from siamfc.tracking.defaults import Settings
from siamfc.tracking.exports import export_paths
from siamfc.tracking.key_frames import GivenBoxes, as_key_frames
from siamfc.tracking.results import FrameResult
from siamfc.tracking.tracks import Track
from siamfc.workers import Workers

if TYPE_CHECKING:
    from siamfc.network.matcher import Network

_RECORD = "batch.json"
"""File beside the results that records what they were made with."""


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """Options shared by all videos of a batch."""

    weights: str = "default"
    device: str = "auto"
    threads: int | None = None
    settings: Settings | None = None
    """None: the network's defaults."""
    frame_range: FrameRange = WHOLE
    smooth: bool = False
    labels: tuple[str, ...] = ()
    """Classes of the targets, as for `Track.save`."""


@dataclass(frozen=True, kw_only=True)
class BatchTask:
    """One video: its source, its boxes and the files to write."""

    source: str
    boxes: GivenBoxes
    results: Path | None = None
    """File for the boxes."""
    format: str | None = None
    """Format of the boxes; None: implied by the file's suffix."""
    video: Path | None = None
    """File for the video with the boxes drawn in."""
    options: BatchOptions = field(default_factory=BatchOptions)

    @property
    def files(self) -> list[Path]:
        """Paths of all output files; each file appears only when it is complete."""
        paths = [self.video] if self.video else []
        if self.results is not None:
            targets = len(as_key_frames(self.boxes, self.options.frame_range.start))
            paths += export_paths(self.results, targets, self.format)
        return paths

    @property
    def is_done(self) -> bool:
        """True if all output files exist."""
        return all(path.exists() for path in self.files)


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """Outcome of one video."""

    source: str
    state: str
    """`done`, `done before` or `failed`."""
    frames: int = 0
    seconds: float = 0.0
    lost: int = 0
    """Number of frames in which at least one target is lost."""
    reason: str = ""
    """Error message if it failed."""


def track_batch(
    tasks: Sequence[BatchTask], *, workers: Workers | None = None, overwrite: bool = False
) -> Iterator[BatchOutcome]:
    """Track videos and yield the outcome of each as soon as it is finished.

    A video whose files exist is skipped unless `overwrite`; if they were made from other boxes, it
    fails. A failed video does not stop the others.

    Raises:
        OutputError: a file to write is its own source or the record; or the folder holds results
            made with other weights, settings or options, and `overwrite` is off.
    """
    if not tasks:
        return
    for task in tasks:
        _check_files(task)
    record = _Record.open(tasks, overwrite=overwrite)
    todo, earlier = [], []
    for task in tasks:
        if overwrite or not task.is_done:
            todo.append(task)
        elif record.boxes.get(task.source) == _described(task):
            earlier.append(BatchOutcome(source=task.source, state="done before"))
        else:
            reason = "its files were made from other boxes: delete them, or add --overwrite"
            earlier.append(BatchOutcome(source=task.source, state="failed", reason=reason))
    replaced = record.begin(todo)
    yield from earlier
    run = map if workers is None else workers.map_unordered
    for outcome in run(_track, todo):
        if outcome.source in replaced and outcome.state == "done":
            record.add(replaced[outcome.source])
        yield outcome


def _check_files(task: BatchTask) -> None:
    """Check that no file to write is the task's source or the batch's record."""
    video, source = task.video, Path(task.source)
    if video is not None and exists(video) and exists(source) and video.samefile(source):
        raise OutputError(f"{video} is the source itself: name another folder")
    if task.results is not None and task.results.name == _RECORD:
        raise OutputError(
            f"{task.results} is the name of the batch's record: rename {source}, or choose another "
            "format"
        )


def _track(task: BatchTask) -> BatchOutcome:
    """Track one video and write its files; runs in any process."""
    options, started = task.options, time.perf_counter()

    def load() -> Network:
        return _load(options.weights, options.device, options.threads)

    track = Track(
        task.source,
        task.boxes,
        load,
        options.settings,
        frame_range=options.frame_range,
        smooth=options.smooth,
    )
    try:
        for path in (task.video, task.results):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        # Save the video first: it uses each frame while it is tracked.
        if task.video is not None:
            track.save(task.video, overwrite=True)
        if task.results is not None:
            track.save(task.results, format=task.format, labels=options.labels, overwrite=True)
        results = list(track)
    except (SiamFCError, OSError) as error:
        track.close()
        return BatchOutcome(source=task.source, state="failed", reason=str(error))
    return BatchOutcome(
        source=task.source,
        state="done",
        frames=len(results),
        seconds=time.perf_counter() - started,
        lost=sum(_is_lost(result) for result in results),
    )


@lru_cache(maxsize=1)
def _load(weights: str, device: str, threads: int | None) -> Network:
    """Return the network, loaded once per process."""
    from siamfc.network import load_matcher

    return load_matcher(weights, device=device, threads=threads)


def _is_lost(result: FrameResult) -> bool:
    return result.lost_flags is not None and bool(result.lost_flags.any())


# --- The record -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Record:
    """Record, beside the results, of what they were made with."""

    path: Path
    options: Mapping[str, Any]
    boxes: dict[str, Any]
    """Boxes that the results of each source were made from."""

    @classmethod
    def open(cls, tasks: Sequence[BatchTask], *, overwrite: bool) -> Self:
        """Read the record of the earlier results; it is empty without any, or to overwrite them.

        Raises:
            OutputError: they were made with other options, and `overwrite` is off.
        """
        options = asdict(tasks[0].options)
        options = {k: v for k, v in options.items() if k not in ("device", "threads")}
        options["weights"] = read_metadata(tasks[0].options.weights).digest
        first = tasks[0].results or tasks[0].video
        path = Path(first or "").parent / _RECORD
        if overwrite or not path.exists():
            return cls(path, options, {})
        before = _read_record(path)
        if before["options"] != json.loads(json.dumps(options)):
            raise OutputError(
                f"{path.parent}: expected results of the same weights, settings and options; "
                f"{_RECORD} differs: choose another folder, or add --overwrite"
            )
        return cls(path, options, dict(before["boxes"]))

    def begin(self, tasks: Iterable[BatchTask]) -> Mapping[str, BatchTask]:
        """Record videos that have no files of other boxes; return the others by source.

        Those are to be added when they are done: until all of a video's files are replaced, they do
        not count as made from the new boxes.
        """
        replaced = {}
        for task in tasks:
            described = _described(task)
            if self.boxes.get(task.source) == described or not any(map(Path.exists, task.files)):
                self.boxes[task.source] = described
            else:
                self.boxes.pop(task.source, None)
                replaced[task.source] = task
        self._write()
        return replaced

    def add(self, task: BatchTask) -> None:
        """Record that all files of a video are made from the task's boxes."""
        self.boxes[task.source] = _described(task)
        self._write()

    def _write(self) -> None:
        content = json.dumps({"options": self.options, "boxes": self.boxes}, indent=1)
        write_file(self.path, content.encode() + b"\n", overwrite=True)


def _read_record(path: Path) -> Mapping[str, Any]:
    try:
        record: Mapping[str, Any] = json.loads(path.read_bytes())
        if not isinstance(record["options"], dict) or not isinstance(record["boxes"], dict):
            raise TypeError("options and boxes")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path}: expected the record of a batch; {error}") from None
    return record


def _described(task: BatchTask) -> Any:
    """Return a task's boxes in the form of the record."""
    key_frames = as_key_frames(task.boxes, task.options.frame_range.start)
    targets = [{str(k): box.tolist() for k, box in one.items()} for one in key_frames.boxes]
    return [list(key_frames.names), targets]
