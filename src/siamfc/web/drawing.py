"""Targets as they were drawn: key frames, the frames between them, and undo and redo."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from siamfc.errors import InputError
from siamfc.tracking.targets import checked_boxes
from siamfc.web.runs import Box, Origin

OPEN = sys.maxsize
"""Stop of a segment that no key frame ends."""

_UNDO_STEPS = 200
_NUDGE_SECONDS = 1.5
"""Changes of one box that follow each other so soon are undone together."""


class Segment(NamedTuple):
    """Frames start … stop − 1 of a target, tracked from the key frames at their ends."""

    start: int
    stop: int
    """`OPEN`: to the end of the video."""
    forward: Origin | None
    """The key frame `start`; None where the target is tracked backwards alone."""
    backward: Origin | None
    """The key frame `stop`; None if there is none, or the target is not there."""

    @property
    def origins(self) -> list[Origin]:
        """Key frames from which it is tracked."""
        return [origin for origin in (self.forward, self.backward) if origin is not None]

    @property
    def is_closed(self) -> bool:
        """True if it lies between two key frames."""
        return self.stop != OPEN and self.forward is not None

    @property
    def backward_stop(self) -> int:
        """Frame before which tracking backwards stops; it is not tracked."""
        return self.start if self.forward is not None else self.start - 1

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.start <= frame < self.stop


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target: its name and its key frames."""

    id: int
    """Unique in the video, also after the target is removed."""
    name: str = ""
    keyframes: Mapping[int, Box | None]
    """By frame, ascending. None: the target has left the picture."""
    backwards: bool = False
    """Track it from its first key frame back to the start of the video, too."""

    def segments(self) -> Iterator[Segment]:
        """Yield a segment from each key frame with a box to the next; before the first if asked.

        Stretches in which the target has left the picture are no segments.
        """
        frames = list(self.keyframes)
        first = self.keyframes[frames[0]]
        if self.backwards and frames[0] > 0 and first is not None:
            yield Segment(0, frames[0], None, Origin(frames[0], first, True))
        for start, stop in zip(frames, [*frames[1:], OPEN], strict=True):
            box, after = self.keyframes[start], self.keyframes.get(stop)
            if box is not None:
                backward = None if after is None else Origin(stop, after, True)
                yield Segment(start, stop, Origin(start, box), backward)

    def draw(self, frame: int, box: Box | None) -> Target:
        """Return the target with a key frame added or changed."""
        return replace(self, keyframes=dict(sorted({**self.keyframes, frame: box}.items())))

    def erase(self, frame: int) -> Target:
        """Return the target without a key frame."""
        rest = {at: box for at, box in self.keyframes.items() if at != frame}
        return replace(self, keyframes=rest)


Targets = tuple[Target, ...]


class Drawing:
    """The targets of one video, as they were drawn; used by one thread at a time.

    A target is named by its place among them. Each method raises InputError if there is no such
    target.

    Args:
        frame_size: (width, height) of the video.
        max_targets: maximum number of targets.
    """

    def __init__(self, frame_size: tuple[int, int], max_targets: int) -> None:
        self.targets: Targets = ()
        self.past: list[Targets] = []
        """State before each change that can be undone."""
        self.future: list[Targets] = []
        """State after each change that can be redone."""
        self._frame_size = frame_size
        self._max_targets = max_targets
        self._ids = 0
        self._nudged: tuple[int, int, float] = (-1, -1, 0.0)

    def draw(self, frame: int, target: int, box: Box | None) -> None:
        """Add or change a key frame: a target's box in a frame, or that it has left the picture.

        Args:
            frame: index.
            target: place among the targets; one more than there are adds one.
            box: x, y, w, h in frame pixels; None: it is not in the picture from this frame on.

        Raises:
            InputError: a box that cannot be tracked.
        """
        if box is not None:
            checked_boxes(box, self._frame_size)
        most = min(len(self.targets) + (box is not None), self._max_targets)
        if not 0 <= target < most:
            raise InputError(f"expected a target from 1 to {most}, got {target + 1}")
        if target == len(self.targets):
            self.add([("", {frame: box})])
            return
        changed = self.targets[target].draw(frame, box)
        before = (drawn for at, drawn in changed.keyframes.items() if at < frame)
        if box is None and all(drawn is None for drawn in before):
            raise InputError("a target can only leave the picture after it was drawn")
        now = time.monotonic()
        is_nudge = self._nudged[:2] == (frame, target) and now < self._nudged[2]
        self._put(target, changed)
        if is_nudge:
            self.past.pop()
        self._nudged = (frame, target, now + _NUDGE_SECONDS)

    def add(self, tracks: Sequence[tuple[str, Mapping[int, Box | None]]]) -> None:
        """Add targets of a name and key frames each; InputError if there would be too many."""
        if len(self.targets) + len(tracks) > self._max_targets:
            raise InputError(f"at most {self._max_targets} targets are taken in one video")
        added = [
            Target(id=self._ids + number, name=name, keyframes=keyframes)
            for number, (name, keyframes) in enumerate(tracks, 1)
        ]
        self._ids += len(added)
        self._set((*self.targets, *added))

    def erase(self, frame: int, target: int) -> None:
        """Delete a key frame; with its last box the target goes. InputError if there is none."""
        kept = self._find(frame, target).erase(frame)
        if any(box is not None for box in kept.keyframes.values()):
            self._put(target, kept)
        else:
            self.remove(target)

    def move(self, frame: int, target: int, to: int) -> None:
        """Move a key frame to another frame, in place of one there.

        Raises:
            InputError: there is none in `frame`, or the target would be left without a box.
        """
        found = self._find(frame, target)
        moved = found.erase(frame).draw(to, found.keyframes[frame])
        if all(box is None for box in moved.keyframes.values()):
            raise InputError("a target needs a box: remove it instead")
        self._put(target, moved)

    def rename(self, target: int, name: str) -> None:
        """Give a target a name."""
        self._put(target, replace(self._target(target), name=name))

    def reach_back(self, target: int, backwards: bool) -> None:
        """Track a target from its first key frame back to the start of the video, or not."""
        self._put(target, replace(self._target(target), backwards=backwards))

    def remove(self, target: int) -> None:
        """Remove a target; those after it move up by one."""
        gone = self._target(target)
        self._set(tuple(each for each in self.targets if each is not gone))

    def undo(self) -> None:
        """Undo the last change, if there is one."""
        self._travel(self.past, self.future)

    def redo(self) -> None:
        """Redo the change that was undone last, if there is one."""
        self._travel(self.future, self.past)

    def _target(self, target: int) -> Target:
        if not 0 <= target < len(self.targets):
            raise InputError(f"there is no target {target + 1}")
        return self.targets[target]

    def _find(self, frame: int, target: int) -> Target:
        found = self._target(target)
        if frame not in found.keyframes:
            raise InputError(f"target {target + 1} has no key frame in frame {frame + 1}")
        return found

    def _put(self, place: int, target: Target) -> None:
        self._set((*self.targets[:place], target, *self.targets[place + 1 :]))

    def _set(self, targets: Targets) -> None:
        self.past = [*self.past[-_UNDO_STEPS:], self.targets]
        self.future = []
        self.targets = targets
        self._nudged = (-1, -1, 0.0)

    def _travel(self, back: list[Targets], forth: list[Targets]) -> None:
        if back:
            forth.append(self.targets)
            self.targets = back.pop()
            self._nudged = (-1, -1, 0.0)
