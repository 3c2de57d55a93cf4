"""What was drawn in one video, where the targets are found, and what is still to be tracked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.frames import Frame, Image
from siamfc.network import Network
from siamfc.tracking import FrameResult, Settings, Status
from siamfc.tracking.doubts import review
from siamfc.tracking.targets import checked_boxes
from siamfc.web.row_table import COLUMNS, RowTable
from siamfc.web.runs import Box, Follower, NetworkView, Origin, Run, fuse_rows

_UNDO_STEPS = 200
_NUDGE_SECONDS = 1.5
"""Changes of one box that follow each other so soon are undone together."""
_CACHED_ROWS = 5_000_000
"""Of runs that only an undone change needs; beyond, those are forgotten."""


_STATUSES = (Status.KEYFRAME, Status.TRACKED, Status.LOST, Status.INTERPOLATED)
_KEYFRAME, _TRACKED, _LOST, _INTERPOLATED = range(4)
"""How rows write a status."""


class Segment(NamedTuple):
    """Frames start … stop − 1 of a target, from one key frame to before the next."""

    start: int
    stop: int | None
    """None: to the end of the video."""
    box: Box
    next_box: Box | None
    """Of the key frame `stop`, if there is one and the target is there."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target: its name, and where it was drawn."""

    id: int
    """Never given to another target of the video."""
    name: str
    keyframes: Mapping[int, Box | None]
    """By frame, ascending. None: the target has left the picture."""

    def segments(self) -> Iterator[Segment]:
        """From each key frame in which the target is there to the next."""
        frames = list(self.keyframes)
        for frame, following in zip(frames, [*frames[1:], None], strict=True):
            box = self.keyframes[frame]
            if box is not None:
                after = None if following is None else self.keyframes[following]
                yield Segment(frame, following, box, after)

    def draw(self, frame: int, box: Box | None) -> Target:
        """The target with a key frame added or changed."""
        return replace(self, keyframes=dict(sorted({**self.keyframes, frame: box}.items())))

    def erase(self, frame: int) -> Target:
        """The target without a key frame."""
        rest = {at: box for at, box in self.keyframes.items() if at != frame}
        return replace(self, keyframes=rest)


class Piece(NamedTuple):
    """What is still to be tracked of a run."""

    run: Run
    stop: int | None
    """The frame before which it ends; None: the end of the video."""
    is_closed: bool
    """Whether it lies between two key frames."""

    def needs(self, frame: int) -> bool:
        """Whether a frame is the next to be tracked."""
        if self.run.front != frame or self.stop is None:
            return self.run.front == frame
        return frame > self.stop if self.run.origin.backward else frame < self.stop


class Sweep(NamedTuple):
    """Frames to be read in order, forwards or backwards, and the edits that it knows of."""

    start: int
    backward: bool
    epoch: int
    pieces: list[Piece]


class EditableTrack:
    """Targets, and the rows tracked from them. Its methods may be called from any thread.

    Between two key frames of a target, it is tracked forwards from the first and backwards from
    the second, and the two are fused. What a change doesn't touch stays as it is.

    Args:
        matcher: a network ready to track with.
        settings: of the tracker.
        frame_size: (width, height) of the video.
        max_targets: that may be drawn.

    Attributes:
        lock: held while anything here changes.
        epoch: raised with each change of the targets.
        version: raised with each change of the rows.
        targets: as drawn so far.
    """

    def __init__(
        self,
        matcher: Network,
        settings: Settings,
        *,
        frame_size: tuple[int, int],
        max_targets: int,
    ) -> None:
        self.lock = threading.RLock()
        self.epoch = 0
        self.version = 0
        self.targets: tuple[Target, ...] = ()
        self._follower = Follower(matcher, settings)
        self._following = threading.Lock()
        """Held while the network is used; taken before `lock`."""
        self._frame_size = frame_size
        self._max_targets = max_targets
        self._ids = 0
        self._undo: list[tuple[Target, ...]] = []
        self._redo: list[tuple[Target, ...]] = []
        self._nudged: tuple[int, int, float] = (-1, -1, 0.0)
        self._runs: dict[Origin, Run] = {}
        self._tables: dict[int, RowTable] = {}
        self._times = np.full(256, np.nan)

    # --- Changes ----------------------------------------------------------------------------------

    def draw(self, frame: int, target: int, box: Box | None) -> None:
        """Say where a target is in a frame, or that it has left the picture; a key frame.

        Args:
            frame: index.
            target: place among the targets; one more than there are adds one.
            box: x, y, w, h in frame pixels; None: it is not in the picture from this frame on.

        Raises:
            InputError: no such target, or a box that cannot be tracked.
        """
        if box is not None:
            checked_boxes(box, self._frame_size)
        with self.lock:
            most = min(len(self.targets) + (box is not None), self._max_targets)
            if not 0 <= target < most:
                raise InputError(f"expected a target from 1 to {most}, got {target + 1}")
            if target == len(self.targets):
                self._ids += 1
                new = Target(id=self._ids, name="", keyframes={frame: box})
                self._change((*self.targets, new))
                return
            changed = self.targets[target].draw(frame, box)
            if box is None and not any(at < frame for at in changed.keyframes):
                raise InputError("a target can only leave the picture after it was drawn")
            now = time.monotonic()
            is_nudge = self._nudged[:2] == (frame, target) and now < self._nudged[2]
            self._change(_put(self.targets, target, changed), is_nudge=is_nudge)
            self._nudged = (frame, target, now + _NUDGE_SECONDS)

    def erase(self, frame: int, target: int) -> None:
        """Delete a key frame; with its last box the target goes.

        Raises:
            InputError: there is none.
        """
        with self.lock:
            kept = self._find(frame, target).erase(frame)
            if any(box is not None for box in kept.keyframes.values()):
                self._change(_put(self.targets, target, kept))
            else:
                self.remove(target)

    def move(self, frame: int, target: int, to: int) -> None:
        """Take a key frame to another frame, replacing the one there if any.

        Raises:
            InputError: there is none.
        """
        with self.lock:
            found = self._find(frame, target)
            moved = found.erase(frame).draw(to, found.keyframes[frame])
            self._change(_put(self.targets, target, moved))

    def rename(self, target: int, name: str) -> None:
        """Give a target a name; InputError if there is no such target."""
        with self.lock:
            renamed = replace(self._target(target), name=name)
            self._change(_put(self.targets, target, renamed))

    def remove(self, target: int) -> None:
        """Remove a target; those after it move up by one. InputError if there is no such target."""
        with self.lock:
            self._target(target)
            self._change(self.targets[:target] + self.targets[target + 1 :])

    def load(
        self, tracks: Sequence[tuple[str, Mapping[int, FloatArray]]], frame_count: int
    ) -> None:
        """Add targets whose boxes are known.

        Each stretch of boxes begins with a key frame and ends with one that says that the target
        has left the picture, and is not tracked.

        Args:
            tracks: name of each, and boxes (4,) by frame.
            frame_count: of the video.

        Raises:
            InputError: too many targets, frames that the video doesn't have, or a box that cannot
                be tracked.
        """
        with self.lock:
            if len(self.targets) + len(tracks) > self._max_targets:
                raise InputError(f"at most {self._max_targets} targets are taken in one video")
            added = []
            for name, boxes in tracks:
                self._ids += 1
                added.append(
                    Target(id=self._ids, name=name, keyframes=self._stretches(boxes, frame_count))
                )
            self._change((*self.targets, *added))

    def undo(self) -> None:
        """Take the last change back; nothing if there is none."""
        self._travel(self._undo, self._redo)

    def redo(self) -> None:
        """Make the change again that was taken back last; nothing if there is none."""
        self._travel(self._redo, self._undo)

    # --- Tracking ---------------------------------------------------------------------------------

    def next_sweep(self, frame_count: int, *, is_live: bool = False) -> Sweep | None:
        """What to track next; None if all is tracked. Gaps between key frames come first."""
        with self.lock:
            pieces = self._pieces(frame_count, is_live=is_live)
            if not pieces:
                return None
            pieces = [piece for piece in pieces if piece.is_closed] or pieces
            ahead = [piece for piece in pieces if not piece.run.origin.backward]
            if ahead:
                return Sweep(min(p.run.front for p in ahead), False, self.epoch, ahead)
            return Sweep(max(p.run.front for p in pieces), True, self.epoch, pieces)

    def advance(self, frame: Frame, sweep: Sweep) -> bool:
        """Track into a frame of a sweep; False if it asks for nothing there, or is out of date."""
        pieces = [piece for piece in sweep.pieces if piece.needs(frame.index)]
        runs = list({id(piece.run): piece.run for piece in pieces}.values())
        with self._following:
            if not runs or sweep.epoch != self.epoch:
                return False
            self._follower.extend(frame, runs)
        with self.lock:
            if frame.index >= len(self._times):
                more = np.full(max(frame.index + 1, len(self._times)), np.nan)
                self._times = np.concatenate([self._times, more])
            self._times[frame.index] = frame.time
            self.version += 1
            for target in self.targets:
                for segment in target.segments():
                    if _covers(segment, frame.index, runs):
                        self._write(target, segment, frame.index)
        return True

    def frames_left(self, frame_count: int) -> int:
        """How many frames are to be read until all is tracked."""
        with self.lock:
            left = 0
            for backward in (False, True):
                end = -1
                spans = [
                    sorted((piece.run.front, piece.stop or 0))
                    for piece in self._pieces(frame_count)
                    if piece.run.origin.backward is backward
                ]
                for start, stop in sorted(spans):
                    left += max(0, stop - max(start, end))
                    end = max(end, stop)
            return left

    # --- What there is to see ---------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """What a page says of the targets."""
        with self.lock:
            return {
                "targets": [
                    {"id": t.id, "name": t.name, "keyframes": list(t.keyframes.items())}
                    for t in self.targets
                ],
                "start": self.start,
                "end": self.end,
                "undo": len(self._undo),
                "redo": len(self._redo),
            }  # fmt: skip

    @property
    def start(self) -> int:
        """Index of the first frame in which a target was drawn."""
        return min((min(target.keyframes) for target in self.targets), default=0)

    @property
    def end(self) -> int:
        """One more than the index of the last frame that was tracked."""
        return max((self._tables[target.id].end for target in self.targets), default=0)

    def patches(self, version: int, limit: int) -> tuple[int, list[tuple[int, int, FloatArray]]]:
        """Rows that changed since a version: the version that they lead to, then each change.

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
        """Rows of frames first … last − 1, if they lie between the first drawn and last tracked."""
        with self.lock:
            start, end, names = max(first, self.start), self.end, tuple(self.names)
            end = max(start, end if last is None else min(last, end))
            tables = [self._tables[target.id].slice(start, end) for target in self.targets]
            times = np.full(end, np.nan)
            times[: len(self._times)] = self._times[:end]
        rows = np.stack(tables, axis=1) if tables else np.empty((0, 0, COLUMNS))
        return [
            FrameResult(
                frame,
                float(times[frame]),
                row[:, :4],
                row[:, 4],
                row[:, 5] == _LOST,
                tuple(_STATUSES[_TRACKED if np.isnan(kind) else int(kind)] for kind in row[:, 5]),
                row[:, 6],
                names,
            )
            for frame, row in zip(range(start, end), rows, strict=True)
        ]

    def review(self) -> list[dict[str, Any]]:
        """Stretches that deserve a look, in order: target, first, last and worst frame, reason."""
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
        """What the targets are called."""
        return [target.name or f"Target {place + 1}" for place, target in enumerate(self.targets)]

    def view(self, image: Image, frame: int, target: int) -> NetworkView | None:
        """What the network saw of a target; None if it wasn't followed in that frame."""
        with self.lock:
            if not 0 <= target < len(self.targets):
                return None
            runs = [
                self._run(Origin(segment.start, segment.box))
                for segment in self.targets[target].segments()
                if segment.start <= frame and (segment.stop is None or frame < segment.stop)
            ]
        with self._following:
            return self._follower.view(image, frame, runs[0]) if runs else None

    # --- Within -----------------------------------------------------------------------------------

    def _target(self, target: int) -> Target:
        if not 0 <= target < len(self.targets):
            raise InputError(f"there is no target {target + 1}")
        return self.targets[target]

    def _find(self, frame: int, target: int) -> Target:
        found = self._target(target)
        if frame not in found.keyframes:
            raise InputError(f"target {target + 1} has no key frame in frame {frame + 1}")
        return found

    def _change(self, targets: tuple[Target, ...], *, is_nudge: bool = False) -> None:
        if not is_nudge:
            self._undo = [*self._undo[-_UNDO_STEPS:], self.targets]
        self._redo = []
        self._set(targets)

    def _travel(self, back: list[tuple[Target, ...]], forth: list[tuple[Target, ...]]) -> None:
        with self.lock:
            if back:
                forth.append(self.targets)
                self._set(back.pop())

    def _set(self, targets: tuple[Target, ...]) -> None:
        before = {target.id: target.keyframes for target in self.targets}
        self.targets = targets
        self.epoch += 1
        self.version += 1
        self._nudged = (-1, -1, 0.0)
        self._forget_runs()
        kept = {target.id for target in targets}
        self._tables = {number: table for number, table in self._tables.items() if number in kept}
        for target in targets:
            if before.get(target.id) != target.keyframes:
                self._tables.setdefault(target.id, RowTable()).replace(
                    self._materialise(target), self.version
                )

    def _forget_runs(self) -> None:
        if sum(run.count for run in self._runs.values()) > _CACHED_ROWS:
            needed = {
                origin for target in self.targets for segment in target.segments()
                for origin in _origins(segment)
            }  # fmt: skip
            self._runs = {origin: run for origin, run in self._runs.items() if origin in needed}

    def _run(self, origin: Origin) -> Run:
        return self._runs.setdefault(origin, Run(origin))

    def _pieces(self, frame_count: int, *, is_live: bool = False) -> list[Piece]:
        pieces = []
        for target in self.targets:
            for segment in target.segments():
                run, stop = self._run(Origin(segment.start, segment.box)), segment.stop
                is_open = stop is None
                end = frame_count if stop is None else min(stop, frame_count)
                if run.front < end or (is_open and is_live):
                    pieces.append(Piece(run, None if is_open and is_live else end, not is_open))
                if segment.next_box is not None and stop is not None:
                    back = self._run(Origin(stop, segment.next_box, backward=True))
                    if back.front > segment.start:
                        pieces.append(Piece(back, segment.start, True))
        return pieces

    def _materialise(self, target: Target) -> FloatArray:
        segments = list(target.segments())
        ends = [segment.start + 1 for segment in segments]
        for segment in segments:
            front = self._run(Origin(segment.start, segment.box)).front
            ends.append(front if segment.stop is None else min(front, segment.stop))
        rows = np.full((max(ends), COLUMNS), np.nan)
        for segment in segments:
            start, found = self._segment_rows(segment)
            rows[start : start + len(found)] = found
        return rows

    def _segment_rows(self, segment: Segment, first: int | None = None) -> tuple[int, FloatArray]:
        """Rows of a segment as far as it is tracked, from a frame on."""
        run = self._run(Origin(segment.start, segment.box))
        start = segment.start if first is None else first
        stop = run.front if segment.stop is None else min(run.front, segment.stop)
        stop = max(stop, segment.start + 1)
        rows = np.full((stop - start, COLUMNS), np.nan)
        if run.count:
            rows[:, :6] = run.rows(start, stop)
            rows[:, 5] = np.where(rows[:, 5] > 0, _LOST, _TRACKED)
        if segment.next_box is not None and segment.stop is not None and stop == segment.stop:
            back = self._run(Origin(segment.stop, segment.next_box, backward=True))
            inner = slice(segment.start + 1 - start, None)
            if first is None and back.front <= segment.start and stop > segment.start + 1:
                forward = run.rows(segment.start + 1, stop)
                joined, rows[inner, 6] = fuse_rows(forward, back.rows(segment.start + 1, stop))
                rows[inner, :5] = joined[:, :5]
                rows[inner, 5] = np.where(joined[:, 5] > 0, _LOST, _TRACKED)
        if start == segment.start:
            rows[0] = (*segment.box, 1.0, _KEYFRAME, np.nan)
        return start, rows

    def _write(self, target: Target, segment: Segment, frame: int) -> None:
        """Bring a target's table up to date after a frame of a segment was tracked."""
        stop = segment.stop
        if stop is not None and segment.next_box is not None:
            forward = self._run(Origin(segment.start, segment.box))
            back = self._run(Origin(stop, segment.next_box, backward=True))
            if forward.front >= stop and back.front <= segment.start:
                self._tables[target.id].write(*self._segment_rows(segment), self.version)
                return
        if frame < self._run(Origin(segment.start, segment.box)).front:
            start, rows = self._segment_rows(segment, frame)
            self._tables[target.id].write(start, rows[:1], self.version)

    def _stretches(
        self, boxes: Mapping[int, FloatArray], frame_count: int
    ) -> dict[int, Box | None]:
        keyframes: dict[int, Box | None] = {}
        known = sorted(frame for frame, box in boxes.items() if np.isfinite(box).all())
        if not known:
            raise InputError("expected boxes, got a target without any")
        if known[-1] >= frame_count:
            raise InputError(
                f"the boxes go to frame {known[-1] + 1}, the video to {frame_count}: "
                "they belong to another video"
            )
        checked_boxes(np.array([boxes[frame] for frame in known]), self._frame_size)
        breaks = np.flatnonzero(np.diff(known) > 1) + 1
        for stretch in np.split(np.array(known), breaks):
            start, stop = int(stretch[0]), int(stretch[-1]) + 1
            rows = np.array([[*boxes[int(frame)], 1.0, 0.0] for frame in stretch])
            x, y, w, h = rows[0, :4].tolist()
            run = self._run(Origin(start, (x, y, w, h)))
            if run.count < len(rows):
                run.fill(rows)
            keyframes[start] = (x, y, w, h)
            if stop < frame_count:
                keyframes[stop] = None
        return keyframes


def _put(targets: Sequence[Target], place: int, target: Target) -> tuple[Target, ...]:
    return (*targets[:place], target, *targets[place + 1 :])


def _origins(segment: Segment) -> Iterator[Origin]:
    yield Origin(segment.start, segment.box)
    if segment.next_box is not None and segment.stop is not None:
        yield Origin(segment.stop, segment.next_box, backward=True)


def _covers(segment: Segment, frame: int, runs: Sequence[Run]) -> bool:
    if frame < segment.start or (segment.stop is not None and frame > segment.stop):
        return False
    return any(run.origin in set(_origins(segment)) for run in runs)
