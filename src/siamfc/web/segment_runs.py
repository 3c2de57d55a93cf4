"""The runs through the frames between key frames, and the rows that follow from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.tracking import FrameResult, Status
from siamfc.tracking.smoothing import smooth_results
from siamfc.web.drawing import Segment, Target, Targets
from siamfc.web.row_table import COLUMNS
from siamfc.web.runs import Origin, Run, fuse_rows

_CACHED_ROWS = 5_000_000
"""Most rows of runs; beyond, those that only an undone change needs are forgotten."""

_STATUSES = (Status.KEYFRAME, Status.TRACKED, Status.LOST, Status.INTERPOLATED)
_KEYFRAME, _TRACKED, _LOST, _INTERPOLATED = range(4)
"""Status as it is written in rows."""


class Piece(NamedTuple):
    """Frames of a run that are still to be tracked."""

    run: Run
    frames: range
    """In the order in which they are tracked."""
    is_closed: bool
    """True if it lies between two key frames."""


class SegmentRuns:
    """Runs by their origin. One that is asked for the first time is empty: nothing is tracked."""

    def __init__(self) -> None:
        self._runs: dict[Origin, Run] = {}

    def of(self, segment: Segment) -> list[Run]:
        """Return the runs through a segment: forwards, backwards or both, in this order."""
        return [self._run(origin) for origin in segment.origins]

    def fill(self, origin: Origin, boxes: FloatArray) -> None:
        """Use known boxes (F, 4) instead of tracking from an origin."""
        run = self._run(origin)
        if run.count < len(boxes):
            run.fill(boxes)

    def _run(self, origin: Origin) -> Run:
        run = self._runs.get(origin)
        if run is None:
            run = self._runs[origin] = Run(origin)
        return run

    def forget(self, targets: Targets) -> None:
        """Forget the runs that no target needs, if there are too many rows."""
        if sum(run.count for run in self._runs.values()) > _CACHED_ROWS:
            segments = [segment for target in targets for segment in target.segments()]
            needed = {origin for segment in segments for origin in segment.origins}
            self._runs = {origin: run for origin, run in self._runs.items() if origin in needed}

    def pieces(self, targets: Targets, first: int, end: int) -> list[Piece]:
        """Return the pieces that are still to be tracked in frames first … end − 1.

        A run cannot go on after imported boxes, or in a frame that a recording has deleted. Between
        two key frames the run of the other direction then does what is left; elsewhere the piece is
        still returned.
        """
        pieces = []
        for segment in (segment for target in targets for segment in target.segments()):
            for run in self.of(segment):
                if run.origin.backward:
                    frames = range(run.front, max(segment.backward_stop, first - 1), -1)
                elif segment.is_closed and (run.front < first or run.is_at_end):
                    continue
                else:
                    frames = range(run.front, min(segment.stop, end))
                if frames:
                    pieces.append(Piece(run, frames, segment.is_closed))
        return pieces

    def are_fused(self, segment: Segment) -> bool:
        """Return True if the runs of both directions are complete."""
        if len(segment.origins) < 2:
            return False
        forward, backward = self.of(segment)
        return forward.front >= segment.stop and backward.front <= segment.start

    def rows(self, segment: Segment, start: int, stop: int) -> FloatArray:
        """Return rows of frames start … stop − 1 of a segment as far as they are tracked."""
        rows = np.full((stop - start, COLUMNS), np.nan)
        for run in reversed(self.of(segment)):  # forwards counts until both are there
            low, high = max(start, run.span[0]), min(stop, run.span[1])
            if low < high:
                rows[low - start : high - start, :6] = run.rows(low, high)
        inner = (segment.start + 1, segment.stop)
        if inner[0] < inner[1] and self.are_fused(segment):
            fused = fuse_rows(*(run.rows(*inner) for run in self.of(segment)))
            low = max(start, inner[0])
            rows[low - start :] = np.column_stack(fused)[low - inner[0] : stop - inner[0]]
        known = np.isfinite(rows[:, 0])
        rows[known, 5] = np.where(rows[known, 5] > 0, _LOST, _TRACKED)
        if segment.forward is not None and start == segment.start:
            rows[0] = (*segment.forward.box, 1.0, _KEYFRAME, np.nan)
        return rows

    def rows_of(self, target: Target) -> FloatArray:
        """Return all rows of a target, frames 0 to the last tracked."""
        parts = []
        for segment in target.segments():
            end = max([segment.start + 1, *(run.span[1] for run in self.of(segment))])
            stop = min(end, segment.stop)
            parts.append((segment.start, stop, self.rows(segment, segment.start, stop)))
        rows = np.full((max(stop for _, stop, _ in parts), COLUMNS), np.nan)
        for start, stop, part in parts:
            rows[start:stop] = part
        return rows


def result_of(index: int, time: float, rows: FloatArray, names: tuple[str, ...]) -> FrameResult:
    """Return the result of a frame from its targets' rows (N, COLUMNS)."""
    kinds = [_TRACKED if np.isnan(kind) else int(kind) for kind in rows[:, 5]]
    lost = np.array([kind in (_LOST, _INTERPOLATED) for kind in kinds], dtype=np.bool_)
    statuses = tuple(_STATUSES[kind] for kind in kinds)
    return FrameResult(
        index, float(time), rows[:, :4], rows[:, 4], lost, statuses, rows[:, 6], names
    )


def smoothed(rows: FloatArray) -> FloatArray:
    """Return rows (F, COLUMNS) of a target with smooth boxes."""
    found = np.flatnonzero(np.isfinite(rows[:, 0]))
    smooth = rows.copy()
    for result in smooth_results(result_of(i, np.nan, rows[[i]], ("",)) for i in found.tolist()):
        smooth[result.index, :4] = result.boxes[0]
        smooth[result.index, 5] = _STATUSES.index(result.statuses[0])
    return smooth
