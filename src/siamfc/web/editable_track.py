"""A track that can be edited: targets as drawn, their rows, and the frames still to be tracked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.frames import Frame, Image
from siamfc.tracking import FrameResult, Stepper
from siamfc.tracking.doubts import review
from siamfc.tracking.targets import checked_boxes
from siamfc.web.drawing import Drawing, Segment, Target, Targets
from siamfc.web.row_table import COLUMNS, RowTable
from siamfc.web.runs import Box, NetworkView, Origin, extend_runs, view_run
from siamfc.web.segment_runs import Piece, SegmentRuns, result_of, smoothed

Tracks = Sequence[tuple[str, Mapping[int, FloatArray]]]
"""Name and boxes (4,) by frame of each target, NaN where it is absent; "": it has no name."""


class Sweep(NamedTuple):
    """Frames to be read in order, forwards or backwards, and the targets to track in them."""

    start: int
    backward: bool
    targets: Targets
    pieces: list[Piece]


class EditableTrack:
    """Targets, and the rows tracked from them. Its methods may be called from any thread.

    Between two key frames of a target, it is tracked forwards from the first and backwards from
    the second, and the two are fused; before the first only if asked, backwards. What a change
    doesn't touch stays as it is.

    Args:
        stepper: the network and the tracker's settings.
        frame_size: (width, height) of the video.
        max_targets: maximum number of targets.

    Attributes:
        lock: held while anything here changes.
        version: raised with each change of the rows.
        drawing: the targets drawn so far; changed by `change` alone.
        is_smooth: boxes are smoothed once all is tracked.
    """

    def __init__(
        self,
        stepper: Stepper,
        *,
        frame_size: tuple[int, int],
        max_targets: int,
    ) -> None:
        self.lock = threading.RLock()
        self.version = 0
        self.drawing = Drawing(frame_size, max_targets)
        self.is_smooth = False
        self._stepper = stepper
        self._following = threading.Lock()
        """Held while the network is used; taken before `lock`."""
        self._frame_size = frame_size
        self._runs = SegmentRuns()
        self._tables: dict[int, RowTable] = {}
        self._times = np.full(256, np.nan)

    # --- Changes ----------------------------------------------------------------------------------

    @property
    def targets(self) -> Targets:
        """The targets drawn so far."""
        return self.drawing.targets

    def change(self, change: Callable[[Drawing], None]) -> None:
        """Change the drawing; remove rows that no longer follow from it, restore those that do."""
        with self.lock:
            before = {target.id: list(target.segments()) for target in self.targets}
            change(self.drawing)
            self.version += 1
            self._runs.forget(self.targets)
            kept = {target.id for target in self.targets}
            self._tables = {key: table for key, table in self._tables.items() if key in kept}
            for target in self.targets:
                if before.get(target.id) != list(target.segments()):
                    table = self._tables.setdefault(target.id, RowTable())
                    table.replace(self._runs.rows_of(target), self.version)

    def load(self, tracks: Tracks, frame_count: int) -> None:
        """Add targets whose boxes are known, in a video of so many frames.

        Each stretch of boxes begins with a key frame and ends with one that says that the target
        has left the picture, and is not tracked. If a target has a box in every n-th frame, as from
        `siamfc track --every`, those in between are interpolated linearly.

        Raises:
            InputError: too many targets, frames that the video doesn't have, or a box that cannot
                be tracked.
        """
        with self.lock:
            loaded = [(name, self._keyframes(boxes, frame_count)) for name, boxes in tracks]
            self.change(lambda drawing: drawing.add(loaded))

    # --- Tracking ---------------------------------------------------------------------------------

    def next_sweep(self, first: int, end: int) -> Sweep | None:
        """Return what to track next in frames first … end − 1; None if all is tracked.

        Gaps between key frames come first.
        """
        with self.lock:
            pieces = self._runs.pieces(self.targets, first, end)
            pieces = [piece for piece in pieces if piece.is_closed] or pieces
            ahead = [piece for piece in pieces if not piece.run.origin.backward]
            fronts = [piece.run.front for piece in ahead or pieces]
            if not fronts:
                return None
            start = min(fronts) if ahead else max(fronts)
            return Sweep(start, not ahead, self.targets, ahead or pieces)

    def advance(self, frame: Frame, sweep: Sweep) -> bool:
        """Track a frame of a sweep; return False if it needs none there, or is out of date."""
        runs = {
            piece.run.origin: piece.run
            for piece in sweep.pieces
            if piece.run.front == frame.index and frame.index in piece.frames
        }
        with self._following:
            if not runs or sweep.targets is not self.targets:
                return False
            extend_runs(self._stepper, frame, list(runs.values()))
        with self.lock:
            if frame.index >= len(self._times):
                more = np.full(max(frame.index + 1, len(self._times)), np.nan)
                self._times = np.concatenate([self._times, more])
            self._times[frame.index] = frame.time
            self.version += 1
            for target in self.targets:  # which may have changed meanwhile
                for segment in target.segments():
                    if not runs.keys().isdisjoint(segment.origins):
                        self._write_rows(target, segment, frame.index)
        return True

    def _write_rows(self, target: Target, segment: Segment, frame: int) -> None:
        """Write the row of a frame, or all of its segment's if they have just become final."""
        start, stop = frame, frame + 1
        if self._runs.are_fused(segment):
            start, stop = segment.start, segment.stop
        if start in segment:
            rows = self._runs.rows(segment, start, stop)
            self._tables[target.id].write(start, rows, self.version)

    def frames_left(self, first: int, end: int) -> int:
        """Return how many frames are to be read until all is tracked."""
        left = 0
        with self.lock:
            pieces = self._runs.pieces(self.targets, first, end)
        for way in (1, -1):
            reached = 0
            ahead = [p.frames[::way] for p in pieces if p.frames.step == way]
            for frames in sorted(ahead, key=lambda frames: frames.start):
                left += len(frames[max(0, reached - frames.start) :])
                reached = max(reached, frames.stop)
        return left

    def settle(self) -> None:
        """Bring all rows up to date, smoothed if `is_smooth`.

        If something changes meanwhile, nothing happens: tracking calls this again at its end.
        """
        with self.lock:
            before, is_smooth = self.version, self.is_smooth
            found = {target.id: self._runs.rows_of(target) for target in self.targets}
        if is_smooth:
            found = {number: smoothed(rows) for number, rows in found.items()}
        with self.lock:
            if before == self.version:
                self.version += 1
                for number, rows in found.items():
                    self._tables[number].replace(rows, self.version)

    # --- Reading ----------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Return the targets as the page gets them."""
        with self.lock:
            return {
                "targets": [
                    {"id": t.id, "name": t.name, "keyframes": list(t.keyframes.items()),
                     "backwards": t.backwards}
                    for t in self.targets
                ],
                "start": self.start,
                "end": self.end,
                "smooth": self.is_smooth,
                "undo": len(self.drawing.past),
                "redo": len(self.drawing.future),
            }  # fmt: skip

    @property
    def start(self) -> int:
        """Index of the first frame in which a target was drawn or tracked."""
        return min((self._tables[target.id].start for target in self.targets), default=0)

    @property
    def end(self) -> int:
        """Index after that of the last frame that was tracked."""
        return max((self._tables[target.id].end for target in self.targets), default=0)

    def patches(self, version: int, limit: int) -> tuple[int, list[tuple[int, int, FloatArray]]]:
        """Return the rows that changed since a version: the version reached, then each change.

        A change is a target's number, the frame of its first row, and rows (F, COLUMNS).
        """
        with self.lock:
            stamps = sorted({s for t in self._tables.values() for s in t.versions_after(version)})
            found: list[tuple[int, int, FloatArray]] = []
            for stamp in stamps:
                for number, table in self._tables.items():
                    found += [(number, start, rows) for start, rows in table.changed_at(stamp)]
                if sum(len(rows) for _, _, rows in found) > limit:
                    return stamp, found
            return self.version, found

    def results(self, first: int = 0, last: int | None = None) -> list[FrameResult]:
        """Return the results of frames first … last − 1, as far as they are drawn or tracked."""
        with self.lock:
            start, end, names = max(first, self.start), self.end, tuple(self.names)
            end = max(start, end if last is None else min(last, end))
            tables = [self._tables[target.id].slice(start, end) for target in self.targets]
            times = np.full(end, np.nan)
            times[: len(self._times)] = self._times[:end]
        rows = np.stack(tables, axis=1) if tables else np.empty((0, 0, COLUMNS))
        return [
            result_of(frame, times[frame], row, names)
            for frame, row in zip(range(start, end), rows, strict=True)
        ]

    def all_results(self) -> list[FrameResult]:
        """Return the results of all frames; InputError if nothing has been drawn."""
        results = self.results()
        if not results:
            raise InputError("there are no boxes yet: draw one first")
        return results

    def review(self) -> list[dict[str, Any]]:
        """Return the stretches to check, in order: target, first, last and worst frame, reason."""
        return [
            {
                "target": doubt.target - 1,
                "start": doubt.start,
                "end": doubt.end,
                "worst": doubt.worst,
                "reason": ", ".join(doubt.reasons),
            }
            for doubt in sorted(review(self.results()), key=lambda one: (one.worst, one.target))
        ]

    @property
    def names(self) -> list[str]:
        """Names of the targets; the place of one without a name."""
        return [target.name or f"Target {place + 1}" for place, target in enumerate(self.targets)]

    def view(self, image: Image, frame: int, target: int) -> NetworkView | None:
        """Return the network's view of a target; None if it wasn't followed in that frame."""
        with self.lock:
            if not 0 <= target < len(self.targets):
                return None
            segments = [each for each in self.targets[target].segments() if frame in each]
            runs = [run for segment in segments for run in self._runs.of(segment)]
        with self._following:
            views = (view_run(self._stepper, image, frame, run) for run in runs)
            return next((view for view in views if view is not None), None)

    # --- Within -----------------------------------------------------------------------------------

    def _keyframes(
        self, boxes: Mapping[int, FloatArray], frame_count: int
    ) -> dict[int, Box | None]:
        """Return key frames at the ends of stretches of boxes, and fill their runs."""
        known = sorted(frame for frame, box in boxes.items() if np.isfinite(box).all())
        if not known:
            raise InputError("expected boxes, got a target without any")
        if known[-1] >= frame_count:
            raise InputError(
                f"the boxes go to frame {known[-1] + 1}, the video to {frame_count}: "
                "they belong to another video"
            )
        keyframes: dict[int, Box | None] = {}
        steps = np.diff(known)
        usual_step = np.median(steps) if len(steps) else 1
        for stretch in np.split(np.array(known), np.flatnonzero(steps > usual_step) + 1):
            given = np.array([boxes[frame] for frame in stretch.tolist()])
            start, stop = int(stretch[0]), int(stretch[-1]) + 1
            index = np.arange(start, stop)
            found = np.stack([np.interp(index, stretch, side) for side in given.T], axis=1)
            checked_boxes(found, self._frame_size)
            x, y, w, h = found[0].tolist()
            keyframes[start] = (x, y, w, h)
            self._runs.fill(Origin(start, (x, y, w, h)), found)
            if stop < frame_count:
                keyframes[stop] = None
        return keyframes
