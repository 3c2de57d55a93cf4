"""Targets as they were drawn: key frames, and the stretches of frames between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.web.runs import Box, Origin


class Segment(NamedTuple):
    """Frames start … stop − 1 of a target, tracked from the key frames at their ends."""

    start: int
    stop: int | None
    """None: to the end of the video."""
    forward: Origin | None
    """The key frame `start`; None where the target is tracked backwards alone."""
    backward: Origin | None
    """The key frame `stop`; None if there is none, or the target is not there."""

    @property
    def origins(self) -> list[Origin]:
        """The key frames that it is tracked from."""
        return [origin for origin in (self.forward, self.backward) if origin is not None]

    @property
    def is_closed(self) -> bool:
        """It lies between two key frames."""
        return self.stop is not None and self.forward is not None

    @property
    def backward_stop(self) -> int:
        """The frame at which tracking backwards ends, itself not tracked."""
        return self.start if self.forward is not None else self.start - 1

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and (
            self.start <= frame and (self.stop is None or frame < self.stop)
        )


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target: its name and its key frames."""

    id: int
    """Never given to another target of the video."""
    name: str = ""
    keyframes: Mapping[int, Box | None]
    """By frame, ascending. None: the target has left the picture."""
    backwards: bool = False
    """Track it from its first key frame back to the start of the video, too."""

    def segments(self) -> Iterator[Segment]:
        """From each key frame in which the target is there to the next; before the first if asked.

        Stretches in which the target has left the picture are no segments.
        """
        frames = list(self.keyframes)
        first = self.keyframes[frames[0]]
        if self.backwards and frames[0] > 0 and first is not None:
            yield Segment(0, frames[0], None, Origin(frames[0], first, True))
        for start, stop in zip(frames, [*frames[1:], None], strict=True):
            box = self.keyframes[start]
            after = None if stop is None else self.keyframes[stop]
            if box is not None:
                backward = None if stop is None or after is None else Origin(stop, after, True)
                yield Segment(start, stop, Origin(start, box), backward)

    def draw(self, frame: int, box: Box | None) -> Target:
        """Return the target with a key frame added or changed."""
        return replace(self, keyframes=dict(sorted({**self.keyframes, frame: box}.items())))

    def erase(self, frame: int) -> Target:
        """Return the target without a key frame."""
        rest = {at: box for at, box in self.keyframes.items() if at != frame}
        return replace(self, keyframes=rest)


def stretches(boxes: Mapping[int, FloatArray], frame_count: int) -> list[tuple[int, FloatArray]]:
    """Split boxes (4,) by frame into stretches without a gap: first frame and boxes (F, 4) of each.

    Raises:
        InputError: no box, or one beyond the video's frames.
    """
    known = sorted(frame for frame, box in boxes.items() if np.isfinite(box).all())
    if not known:
        raise InputError("expected boxes, got a target without any")
    if known[-1] >= frame_count:
        raise InputError(
            f"the boxes go to frame {known[-1] + 1}, the video to {frame_count}: "
            "they belong to another video"
        )
    parts = np.split(np.array(known), np.flatnonzero(np.diff(known) > 1) + 1)
    return [(int(part[0]), np.array([boxes[int(frame)] for frame in part])) for part in parts]
