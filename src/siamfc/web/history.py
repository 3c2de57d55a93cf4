"""Where the targets of one video are, frame by frame, as far as it has been tracked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray
from siamfc.tracking import FrameResult


class History:
    """Rows of boxes and scores for frames `start` to `end` − 1; grows, and is cut, at its end.

    A target that has not been drawn yet is a row of NaN. Memory is 40 bytes a frame and target.
    """

    def __init__(self) -> None:
        self.start = 0
        self._count = 0
        self._boxes: FloatArray = np.empty((256, 0, 4))
        self._scores: FloatArray = np.empty((256, 0))
        self._times: FloatArray = np.empty(256)

    def __len__(self) -> int:
        return self._count

    @property
    def end(self) -> int:
        """One more than the index of the last frame tracked."""
        return self.start + self._count

    @property
    def targets(self) -> int:
        """Count of targets."""
        return int(self._boxes.shape[1])

    def begin(self, start: int) -> None:
        """Forget all rows; the next one will be of frame `start`."""
        self.start = start
        self._count = 0

    def set_targets(self, count: int) -> None:
        """Make room for more targets, absent so far."""
        extra = count - self.targets
        if extra > 0:
            self._boxes = np.pad(self._boxes, ((0, 0), (0, extra), (0, 0)), constant_values=np.nan)
            self._scores = np.pad(self._scores, ((0, 0), (0, extra)), constant_values=np.nan)

    def remove(self, target: int) -> None:
        """Forget a target; those after it move up by one."""
        if target < self.targets:
            self._boxes = np.delete(self._boxes, target, axis=1)
            self._scores = np.delete(self._scores, target, axis=1)

    def append(self, boxes: FloatArray, scores: FloatArray, time: float) -> None:
        """Add the row of frame `end`: boxes (N, 4), scores (N,)."""
        if self._count == len(self._times):
            room = max(256, len(self._times))
            self._boxes = np.pad(self._boxes, ((0, room), (0, 0), (0, 0)))
            self._scores = np.pad(self._scores, ((0, room), (0, 0)))
            self._times = np.pad(self._times, (0, room))
        self._boxes[self._count] = boxes
        self._scores[self._count] = scores
        self._times[self._count] = time
        self._count += 1

    def cut(self, end: int) -> None:
        """Forget frame `end` and all after it."""
        self._count = min(self._count, max(0, end - self.start))

    def row(self, frame: int) -> tuple[FloatArray, FloatArray]:
        """Boxes (N, 4) and scores (N,) in a frame; all NaN if it has not been tracked."""
        if not self.start <= frame < self.end:
            return np.full((self.targets, 4), np.nan), np.full(self.targets, np.nan)
        return self._boxes[frame - self.start].copy(), self._scores[frame - self.start].copy()

    def table(self, start: int, end: int) -> NDArray[np.float32]:
        """Rows of frames start … end − 1, x, y, w, h and score of each target: (F, N, 5)."""
        rows = slice(start - self.start, end - self.start)
        joined = np.concatenate([self._boxes[rows], self._scores[rows, :, None]], axis=2)
        return joined.astype(np.float32)

    def copy(self) -> History:
        """The rows as they are now."""
        other = History()
        rows = slice(0, self._count)
        other.start, other._count = self.start, self._count
        other._boxes, other._scores, other._times = (
            table[rows].copy() for table in (self._boxes, self._scores, self._times)
        )
        return other

    def results(self) -> list[FrameResult]:
        """Return the rows as the tracker's own results."""
        return [
            FrameResult(
                self.start + row,
                float(self._times[row]),
                self._boxes[row].copy(),
                self._scores[row].copy(),
            )
            for row in range(self._count)
        ]
