"""Boxes given by the user: each target's boxes in one or several frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import FloatArray
from siamfc.boxes import as_box
from siamfc.checks import check_line
from siamfc.errors import InputError

TargetBoxes = ArrayLike | Mapping[int, ArrayLike]
"""Box x, y, w, h of one target in the first frame, or its boxes by 0-based frame."""
GivenBoxes = TargetBoxes | Sequence[TargetBoxes] | Mapping[str, TargetBoxes]
"""Boxes of one target, of several, or of several by name."""


@dataclass(frozen=True, eq=False)
class KeyFrames:
    """Boxes of N targets in the frames in which the user gave them.

    Attributes:
        boxes: Boxes (4,) of each target by frame, in ascending order; at least one.
        names: Names of the targets; empty if they have none.
    """

    boxes: tuple[Mapping[int, FloatArray], ...]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    @cached_property
    def frames(self) -> tuple[Sequence[int], ...]:
        """Frames in which each target's box is given, ascending."""
        return tuple(tuple(target) for target in self.boxes)

    @cached_property
    def last(self) -> int:
        """Last frame in which a box is given."""
        return max(frames[-1] for frames in self.frames)

    @cached_property
    def latest_first(self) -> int:
        """First frame by which every target has a box."""
        return max(frames[0] for frames in self.frames)

    @cached_property
    def by_frame(self) -> Mapping[int, Mapping[int, FloatArray]]:
        """Boxes by frame and target."""
        frames = sorted({frame for target in self.boxes for frame in target})
        return {
            frame: {row: target[frame] for row, target in enumerate(self.boxes) if frame in target}
            for frame in frames
        }

    def begins_at(self, start: int) -> bool:
        """Return True if every target's only box is in the frame `start`."""
        return all(frames == (start,) for frames in self.frames)

    def moved_to(self, start: int) -> KeyFrames:
        """Move the targets' only boxes to another frame."""
        boxes = tuple({start: next(iter(target.values()))} for target in self.boxes)
        return KeyFrames(boxes, self.names)


def as_key_frames(given: GivenBoxes, start: int = 0) -> KeyFrames:
    """Convert boxes in any form that `siamfc.track` accepts.

    Args:
        given: a box (4,), boxes (N, 4), a mapping from frames to boxes for one target, a sequence
            of those, or a mapping from names to any of those.
        start: frame of boxes that are given without one.

    Raises:
        InputError: no box, a box that is not four finite numbers, or frames that are not whole
            numbers from `start` on; a name that is not one line of text.

    >>> as_key_frames([120, 80, 60, 40]).by_frame
    {0: {0: array([120.,  80.,  60.,  40.])}}
    >>> as_key_frames({"cat": {12: (1, 2, 3, 4)}, "dog": (5, 6, 7, 8)}).names
    ('cat', 'dog')
    """
    if isinstance(given, Mapping) and given and all(isinstance(key, str) for key in given):
        names, targets = tuple(str(key) for key in given), list(given.values())
        for name in names:
            check_line("name", name)
    else:
        names, targets = (), _targets(given)
    boxes = []
    for place, target in enumerate(targets):
        title = names[place] if names else f"box {place + 1} of {len(targets)}"
        boxes.append(_boxes_of(target, start, f"{title}: " if len(targets) > 1 else ""))
    return KeyFrames(tuple(boxes), names)


def one_given(box: TargetBoxes | None, boxes: GivenBoxes | None) -> GivenBoxes:
    """Return the one of `box`, checked, and `boxes` that is given.

    Raises:
        InputError: neither, or both; or `box` is not one box.
    """
    if boxes is not None and box is None:
        return boxes
    if box is None or boxes is not None:
        found = "neither" if boxes is None else "both"
        raise InputError(f"expected box=(x, y, w, h) or boxes=[(x, y, w, h), …], got {found}")
    return box if isinstance(box, Mapping) else as_box(box)


def _targets(given: Any) -> list[Any]:
    """Return one target or several as a list; anything that is no box is left for `as_box`."""
    if isinstance(given, str | Mapping) or not np.iterable(given):
        return [given]
    rows = list(given)
    if not rows:
        raise InputError("expected at least one box x, y, w, h, got none")
    several = any(isinstance(row, Mapping) or np.iterable(row) for row in rows)
    return rows if several else [rows]


def _boxes_of(target: Any, start: int, title: str) -> Mapping[int, FloatArray]:
    if not isinstance(target, Mapping):
        target = {start: target}
    if not target:
        raise InputError(f"{title}expected at least one box, got none")
    boxes = {}
    for frame, box in target.items():
        if not isinstance(frame, Integral) or isinstance(frame, bool):
            raise InputError(f"{title}expected the number of a frame, got {frame!r}")
        if frame < start:
            raise InputError(f"{title}expected boxes from frame {start} on, got one in {frame}")
        try:
            boxes[int(frame)] = as_box(box)
        except InputError as error:
            where = f"frame {frame}: " if len(target) > 1 else ""
            raise InputError(f"{title}{where}{error}") from None
    return dict(sorted(boxes.items()))
