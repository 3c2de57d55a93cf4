"""One sweep over frames, forwards or backwards: each target is tracked from its key frames on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.errors import InputError, SourceError
from siamfc.tracking.key_frames import KeyFrames
from siamfc.tracking.state import TrackerState
from siamfc.tracking.step import Stepper, require_size

if TYPE_CHECKING:
    from siamfc.frames import Frame


class Found(NamedTuple):
    """Boxes that one direction finds for N targets; a leading axis stands for several frames."""

    boxes: FloatArray
    """(N, 4); NaN for a target before its first key frame."""
    scores: FloatArray
    """(N,); NaN likewise."""
    lost: BoolArray
    """(N,)"""

    @classmethod
    def nothing(cls, *shape: int) -> Self:
        """Return a value for targets that have not been found yet."""
        return cls(np.full((*shape, 4), np.nan), np.full(shape, np.nan), np.zeros(shape, np.bool_))

    def take(self, rows: int | list[int]) -> Self:
        """Return copies of some rows, or the frame at an index."""
        return type(self)(self.boxes[rows], self.scores[rows], self.lost[rows])

    def fill(self, rows: int | list[int], found: Self) -> None:
        """Overwrite some of the rows, in place."""
        self.boxes[rows], self.scores[rows], self.lost[rows] = found

    @classmethod
    def of(cls, state: TrackerState) -> Self:
        """Return the targets' boxes in a state."""
        return cls(state.targets.boxes, state.targets.score, state.targets.lost)


class _Group(NamedTuple):
    """Targets begun in the same frame, which go through the network in one batch."""

    rows: list[int]
    state: TrackerState

    def without(self, given: Mapping[int, FloatArray]) -> _Group:
        if not any(row in given for row in self.rows):
            return self
        places = [place for place, row in enumerate(self.rows) if row not in given]
        return _Group([self.rows[place] for place in places], self.state.take(places))


def sweep(
    frames: Iterable[Frame], key_frames: KeyFrames, stepper: Stepper
) -> Iterator[tuple[Frame, Found]]:
    """Track each target from its first key frame in this order; restart it at each further one.

    Raises:
        InputError: a box that cannot be tracked.
        SourceError: frames that change size.
    """
    groups: list[_Group] = []
    size: tuple[int, int] | None = None
    for frame in frames:
        if size is not None:
            _require_size(frame, size)
        given = key_frames.by_frame.get(frame.index, {})
        found = Found.nothing(len(key_frames))
        groups = [left for group in groups if (left := group.without(given)).rows]
        for place, (rows, state) in enumerate(groups):
            groups[place] = _Group(rows, stepper.step(state, frame.pixels))
            found.fill(rows, Found.of(groups[place].state))
        if given:
            state = stepper.begin(frame.pixels, list(given.values()))
            groups.append(_Group(list(given), state))
            found.fill(list(given), Found.of(state))
            size = state.targets.frame_size
        yield frame, found


def _require_size(frame: Frame, size: tuple[int, int]) -> None:
    try:
        require_size(frame.pixels, size)
    except InputError as error:
        raise SourceError(f"frame {frame.index}: {error}") from None
