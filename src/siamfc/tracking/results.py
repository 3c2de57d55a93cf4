"""Results: the targets' boxes in one frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from siamfc.boxes import is_absent, to_corners
from siamfc.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from siamfc.frames import Image

ColorName = str | tuple[int, int, int]
"""A colour: (r, g, b), a name or `#rrggbb`."""

COLUMNS = (
    *("frame", "time", "target", "x", "y", "w", "h", "score"),
    *("lost", "status", "agreement", "name"),
)
"""Columns of a .csv file and of a row of `FrameResult.to_rows`."""


class Status(StrEnum):
    """Origin of a box."""

    KEYFRAME = "keyframe"
    """Given by the user."""
    TRACKED = "tracked"
    """Found by the tracker."""
    INTERPOLATED = "interpolated"
    """Interpolated over a stretch in which the tracker lost the target."""
    LOST = "lost"
    """Guessed by the tracker after it lost the target."""


@dataclass(frozen=True, eq=False)
class FrameResult:
    """Boxes of N targets in one frame.

    For a single target, `box`, `score`, `lost` and `status` give the same values without an array.

    Attributes:
        index: Number of the frame in its source, 0-based.
        time: Seconds since the source's first frame; NaN if it has no clock.
        boxes: (N, 4) x, y, w, h in frame pixels; NaN where a target has no box.
        scores: (N,) in [0, 1]; 1 where the user gave the box.
        lost_flags: (N,) True where the score shows that the tracker lost the target; None if
            unknown.
        statuses: Origin of each target's box; empty if unknown.
        agreements: (N,) IoU of the boxes found by tracking forwards and backwards; NaN where only
            one direction was tracked; None if no target was tracked in both.
        names: Names of the targets; empty if they have none.
    """

    index: int
    time: float
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    lost_flags: NDArray[np.bool_] | None = None
    statuses: tuple[Status, ...] = ()
    agreements: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()

    @property
    def box(self) -> NDArray[np.float64]:
        """Box (4,) x, y, w, h of the only target.

        Raises:
            InputError: there are several targets.
        """
        box: NDArray[np.float64] = self.boxes[self._only("box", "boxes")]
        return box

    @property
    def score(self) -> float:
        """Score of the only target. Raises like `box`."""
        return float(self.scores[self._only("score", "scores")])

    @property
    def lost(self) -> bool | None:
        """True if the tracker lost the only target, None if unknown. Raises like `box`."""
        row = self._only("lost", "lost_flags")
        return None if self.lost_flags is None else bool(self.lost_flags[row])

    @property
    def status(self) -> Status | None:
        """Origin of the only target's box, None if unknown. Raises like `box`."""
        row = self._only("status", "statuses")
        return self.statuses[row] if self.statuses else None

    def rounded(self) -> FrameResult:
        """Return the result rounded as in result files.

        Boxes are rounded to 0.01 pixel, scores and agreements to 4 decimals, times to microseconds.

        >>> FrameResult(1, 1 / 30, np.array([[12.3456, 8, 60, 40]]), np.ones(1) / 3).rounded().box
        array([12.35,  8.  , 60.  , 40.  ])
        """
        agreements = self.agreements
        return replace(
            self,
            time=round(float(self.time), 6),
            boxes=np.round(self.boxes, 2) + 0.0,  # no negative zero
            scores=np.round(self.scores, 4),
            agreements=None if agreements is None else np.round(agreements, 4),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a line of a .jsonl file: lists and numbers, None where unknown.

        >>> FrameResult(0, 0.0, np.array([[120.0, 80, 60, 40]]), np.ones(1)).to_dict()
        {'frame': 0, 'time': 0.0, 'boxes': [[120.0, 80.0, 60.0, 40.0]], 'scores': [1.0], \
'lost': None, 'status': None, 'agreement': None, 'names': None}
        """
        agreements = self.agreements
        return {
            "frame": self.index,
            "time": _known(self.time),
            "boxes": [[_known(value) for value in box] for box in self.boxes],
            "scores": [_known(score) for score in self.scores],
            "lost": None if self.lost_flags is None else self.lost_flags.tolist(),
            "status": [status.value for status in self.statuses] or None,
            "agreement": None if agreements is None else [_known(value) for value in agreements],
            "names": list(self.names) or None,
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one row per target, with the columns of a .csv file; NaN or "" where unknown.

        >>> FrameResult(0, 0.0, np.array([[120.0, 80, 60, 40]]), np.ones(1)).to_rows()
        [{'frame': 0, 'time': 0.0, 'target': 1, 'x': 120.0, 'y': 80.0, 'w': 60.0, 'h': 40.0, \
'score': 1.0, 'lost': nan, 'status': '', 'agreement': nan, 'name': ''}]
        """
        count, time = len(self.boxes), float(self.time)
        unknown = [math.nan] * count
        lost = unknown if self.lost_flags is None else self.lost_flags.tolist()
        agreements = unknown if self.agreements is None else self.agreements.tolist()
        statuses = [status.value for status in self.statuses] or [""] * count
        names = self.names or [""] * count
        targets = zip(
            self.boxes.tolist(),
            self.scores.tolist(),
            lost,
            statuses,
            agreements,
            names,
            strict=True,
        )
        return [
            dict(zip(COLUMNS, (self.index, time, number, *box, *rest), strict=True))
            for number, (box, *rest) in enumerate(targets, start=1)
        ]

    def to_detections(self) -> Any:
        """Convert to `supervision.Detections`, for supervision's annotators, zones and filters.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        return to_detections(self)

    def draw(
        self,
        image: Image,
        *,
        color: ColorName | Sequence[ColorName] | None = None,
        width: float | None = None,
        label: str | Sequence[str] | None = None,
    ) -> Image:
        """Return a copy of the frame's picture with boxes, names and scores drawn in.

        Boxes of lost targets are dashed.

        Args:
            image: (H, W, 3) uint8 RGB.
            color: (r, g, b), a name or `#rrggbb` for all boxes, or a list with one for each; None:
                colours that people with any common form of colour vision can tell apart.
            width: line width in pixels; None: in proportion to the picture.
            label: text in place of name and score, for all boxes or a list with one for each; "":
                no text.
        """
        from siamfc.frames import draw_boxes

        count = len(self.boxes)
        is_one = isinstance(color, str) or (
            isinstance(color, Sequence | np.ndarray)
            and len(color) == 3
            and all(isinstance(one, Integral) for one in color)
        )
        colors: Any = [color] * count if is_one else color
        return draw_boxes(
            image,
            self.boxes,
            names=self.names or None,
            scores=self.scores,
            lost=self.lost_flags,
            labels=[label] * count if isinstance(label, str) else label,
            colors=colors,
            line_width=width,
        )

    def _only(self, name: str, plural: str) -> int:
        if len(self.boxes) != 1:
            raise InputError(
                f"{name}: expected one target, got {len(self.boxes)}: use {plural}[i] for each"
            )
        return 0


def in_order(results: Iterable[FrameResult]) -> list[FrameResult]:
    """Return results as a list, checked to be one track: frames ascend, all have the same targets.

    Raises:
        InputError: they are not.
    """
    found = list(results)
    for before, result in pairwise(found):
        check_follows(before, result)
    return found


def check_follows(before: FrameResult, result: FrameResult) -> None:
    """Check that a result can come after another in one track.

    Raises:
        InputError: its frame is no later one, or the number of targets differs.
    """
    count, expected = len(result.boxes), len(before.boxes)
    if result.index <= before.index:
        raise InputError(f"expected frames in order, got frame {result.index} after {before.index}")
    if count != expected:
        raise InputError(
            f"expected {expected} targets in frame {result.index}, as in the one before, "
            f"got {count}"
        )


def to_detections(result: FrameResult) -> Any:
    """Convert the targets of a frame to `supervision.Detections`.

    `xyxy` holds the edges in frame pixels, `confidence` the scores (omitted if all are unknown),
    `tracker_id` the target's number from 1, as in result files, and `class_id` is 0, because
    supervision's annotators need one to choose a colour. Targets without a box are omitted.

    Raises:
        MissingDependencyError: supervision is not installed.
    """
    try:
        from supervision import Detections
    except ImportError:
        raise MissingDependencyError(
            "Detections need the package supervision: `pip install supervision`"
        ) from None
    present = ~is_absent(result.boxes)
    scores = result.scores[present]
    return Detections(
        xyxy=to_corners(result.boxes[present]).astype(np.float32),
        confidence=None if np.isnan(scores).all() else scores.astype(np.float32),
        class_id=np.zeros(len(scores), dtype=np.int64),
        tracker_id=np.flatnonzero(present) + 1,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
