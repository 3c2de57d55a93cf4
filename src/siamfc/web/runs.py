"""Runs: boxes that the tracker finds from one key frame on, in one direction.

A run depends on its key frame and the video alone, whatever else is drawn: so it is kept when other
key frames change, and is there again when a change is undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.frames import Frame, Image
from siamfc.tracking import Stepper, TrackerState
from siamfc.tracking.fusion import fuse
from siamfc.tracking.sweep import Found
from siamfc.tracking.targets import exemplar_crops

Box = tuple[float, float, float, float]

_KEPT_STATES = 64
"""States after an update of the exemplar that are kept of a run; then every other one of the older
half is dropped."""


class Origin(NamedTuple):
    """The key frame and the direction of a run."""

    frame: int
    box: Box
    backward: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkView:
    """Exemplar, search image and response of one target in one frame."""

    exemplar: Image
    """(127, 127, 3), from the key frame."""
    search: Image | None
    """(255, 255, 3), from this frame; None in the key frame."""
    response: FloatArray | None
    """(m, m) sigmoid of the response at the target's present size, or of a score for each cell."""
    area: Box | None
    """x, y, w, h of the part of the frame that the cells of the response stand for."""


class Run:
    """Boxes, scores and lost flags from the origin's frame on."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.count = 0
        self._rows = np.empty((16, 6))
        self._state: TrackerState | None = None
        self._place = 0
        self._updates = 0
        self._crop: Image | None = None
        self._updated: list[tuple[int, TrackerState]] = []

    @property
    def front(self) -> int:
        """Frame to be tracked next."""
        return self.origin.frame + (-self.count if self.origin.backward else self.count)

    @property
    def span(self) -> tuple[int, int]:
        """First frame that was tracked, and one more than the last."""
        if self.origin.backward:
            return self.front + 1, self.origin.frame + 1
        return self.origin.frame, self.front

    @property
    def is_at_end(self) -> bool:
        """True if its boxes were imported, so that it cannot be tracked further."""
        return self.count > 0 and self._state is None

    def rows(self, start: int, stop: int) -> FloatArray:
        """Return rows x, y, w, h, score, lost of frames start … stop − 1, which must be tracked."""
        frames = np.abs(np.arange(start, stop) - self.origin.frame)
        rows: FloatArray = self._rows[: self.count][frames]
        return rows

    def fill(self, boxes: FloatArray) -> None:
        """Use imported boxes (F, 4) instead of tracking."""
        self._rows = np.column_stack([boxes, np.ones(len(boxes)), np.zeros(len(boxes))])
        self.count = len(boxes)

    def _add(self, box: FloatArray | Box, score: float, lost: bool) -> None:
        if self.count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self.count] = (*box, score, lost)
        self.count += 1

    def _take(self, state: TrackerState, place: int, frame: int) -> None:
        if self._state is not None and state.updates[place] > self._updates:
            self._updated.append((frame, state.take([place])))
            if len(self._updated) > _KEPT_STATES:
                del self._updated[1 : _KEPT_STATES // 2 : 2]
        self._state, self._place, self._updates = state, place, int(state.updates[place])
        targets = state.targets
        self._add(targets.boxes[place], float(targets.score[place]), bool(targets.lost[place]))


def extend_runs(stepper: Stepper, frame: Frame, runs: Sequence[Run]) -> None:
    """Track runs, whose front this frame is, into it.

    Raises:
        InputError: a frame of another size than the one in which a run began.
    """
    fresh = [run for run in runs if run.count == 0]
    if fresh:
        _begin(stepper, frame, fresh)
    batches: dict[int, list[Run]] = {}
    for run in runs:
        if run not in fresh:
            batches.setdefault(id(run._state), []).append(run)
    for members in batches.values():
        state = members[0]._state
        if state is None:
            raise InputError(
                f"the imported boxes end before frame {frame.index + 1}: draw the target in this "
                "or a later frame to continue"
            )
        places = [run._place for run in members]
        if places != list(range(len(state.targets))):
            state = state.take(places)
        state = stepper.step(state, frame.pixels)
        for place, run in enumerate(members):
            run._take(state, place, frame.index)


def _begin(stepper: Stepper, frame: Frame, runs: list[Run]) -> None:
    state = stepper.begin(frame.pixels, [run.origin.box for run in runs])
    crops = exemplar_crops(state.targets, frame.pixels, state.fill, stepper.matcher.spec)
    for place, run in enumerate(runs):
        run._take(state, place, frame.index)
        run._rows[0] = (*run.origin.box, 1.0, False)
        run._crop = crops[place]
        run._updated = [(frame.index, state.take([place]))]


def view_run(stepper: Stepper, image: Image, frame: int, run: Run) -> NetworkView | None:
    """Recompute the network's view of a run in a frame; None where it was not tracked."""
    distance = abs(frame - run.origin.frame)
    if run._crop is None or distance >= run.count:
        return None
    if distance == 0:
        return NetworkView(exemplar=run._crop, search=None, response=None, area=None)
    before = [abs(at - run.origin.frame) < distance for at, _ in run._updated]
    state = run._updated[sum(before) - 1][1]
    previous = run._rows[distance - 1 : distance, :4]
    seen = stepper.view(replace(state, targets=state.targets.at(previous)), image)
    x, y, width, height = seen.area.tolist()
    return NetworkView(
        exemplar=run._crop, search=seen.search, response=seen.scores, area=(x, y, width, height)
    )


def fuse_rows(forward: FloatArray, backward: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Join the rows (F, 6) of two runs through the frames between two key frames.

    Returns:
        Rows (F, 6), and the IoU (F,) of the two runs' boxes.
    """
    progress = np.linspace(0, 1, len(forward) + 2)[1:-1]
    (boxes, scores, lost), agreements = fuse(_found(forward), _found(backward), progress)
    return np.column_stack([boxes, scores, lost]), agreements


def _found(rows: FloatArray) -> Found:
    return Found(rows[:, :4], rows[:, 4], rows[:, 5] > 0)
