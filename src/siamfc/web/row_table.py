"""The rows of one target, and when each block of them changed last."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from siamfc.array_types import FloatArray

COLUMNS = 7
"""x, y, w, h, score, status, agreement; NaN where the target has no box."""
_BLOCK = 64
"""Frames whose changes are sent together."""


class RowTable:
    """Rows for frames `start` to `end` − 1. Memory is 56 bytes a frame, those before included."""

    def __init__(self) -> None:
        self.start = self.end = 0
        self._rows = np.full((4 * _BLOCK, COLUMNS), np.nan)
        self._versions = np.full(4, -1)

    def slice(self, start: int, stop: int) -> FloatArray:
        """Return the rows of frames start … stop − 1."""
        rows = np.full((stop - start, COLUMNS), np.nan)
        known = self._rows[max(0, start) : min(stop, self.end)]
        rows[: len(known)] = known
        return rows

    def write(self, start: int, rows: FloatArray, version: int) -> None:
        """Write rows from a frame on; unchanged ones keep their version."""
        stop = start + len(rows)
        while stop > len(self._rows):
            self._rows = np.concatenate([self._rows, np.full_like(self._rows, np.nan)])
            self._versions = np.concatenate([self._versions, np.full_like(self._versions, -1)])
        places = self._rows[start:stop]
        same = ((places == rows) | (np.isnan(places) & np.isnan(rows))).all(axis=1)
        changed = np.flatnonzero(~same) + start
        self._rows[start:stop] = rows
        self._versions[np.unique(changed // _BLOCK)] = version
        self.start, self.end = min(self.start, start), max(self.end, stop)

    def replace(self, rows: FloatArray, version: int) -> None:
        """Replace all rows by new ones from frame 0 on."""
        missing = max(0, self.end - len(rows))
        self.write(0, np.concatenate([rows, np.full((missing, COLUMNS), np.nan)]), version)
        self.start = int(np.isfinite(rows[:, 0]).argmax())
        self.end = len(rows)

    def versions_after(self, version: int) -> list[int]:
        """Return the versions after `version` at which anything changed."""
        found: list[int] = np.unique(self._versions[self._versions > version]).tolist()
        return found

    def changed_at(self, version: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield first frame and rows of each block that changed last at a version."""
        for block in np.flatnonzero(self._versions == version).tolist():
            yield block * _BLOCK, self._rows[block * _BLOCK : (block + 1) * _BLOCK]
