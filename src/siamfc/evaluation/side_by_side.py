"""Several trackers on one video at once, frame by frame."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import FloatArray
from siamfc.boxes import as_box, iou
from siamfc.errors import SourceError
from siamfc.evaluation.runs import SingleTargetTracker, checked_box, describe
from siamfc.frames import Frame, Image
from siamfc.system import frames_per_second
from siamfc.tracking.results import FrameResult
from siamfc.tracking.targets import checked_boxes


@dataclass
class RunningTotals:
    """Running totals of one tracker."""

    seconds: float = 0.0
    """Time in the tracker."""
    frames: int = 0
    """Frames in which it was called."""
    overlap: float = 0.0
    """Sum of its overlaps with the first tracker's boxes."""
    compared: int = 0
    """Frames after the first in which both have a box."""
    failure: str | None = None
    """Reason why it stopped, with the frame; None if it finished."""

    @property
    def frames_per_second(self) -> float:
        """Speed of the tracker alone; NaN if it was never called."""
        return frames_per_second(self.frames, self.seconds)

    @property
    def agreement(self) -> float:
        """Mean overlap with the first tracker's boxes, 0 to 1; NaN if it was never compared."""
        return self.overlap / self.compared if self.compared else float("nan")


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Several trackers on the same target of one video.

    A tracker that raises, or whose box is not four finite numbers, has no boxes from then on; the
    others continue.
    """

    trackers: Mapping[str, SingleTargetTracker]
    totals: dict[str, RunningTotals] = field(default_factory=dict)
    """Totals by the trackers' names, up to the last frame requested."""

    def track(self, frames: Iterable[Frame], box: ArrayLike) -> Iterator[tuple[Frame, FrameResult]]:
        """Yield each frame with a row for each tracker, in order.

        Args:
            frames: of the video.
            box: x, y, w, h of the target in the first one.

        Raises:
            InputError: no box, or one that a tracker cannot start from; see `checked_boxes`.
            SourceError: there are no frames.
        """
        init_box: FloatArray | None = as_box(box)
        self.totals.update({name: RunningTotals() for name in self.trackers})
        for frame in frames:
            if init_box is not None:
                height, width = frame.image.shape[:2]
                checked_boxes(init_box, (width, height))
            rows = [self._row(name, frame, init_box) for name in self.trackers]
            boxes, scores = (np.array(column) for column in zip(*rows, strict=True))
            if init_box is None:
                self._add_overlaps(boxes)
            init_box = None
            yield frame, FrameResult(frame.index, frame.time, boxes, scores)
        if init_box is not None:
            raise SourceError("expected at least one frame, got none: there is nothing to track")

    def _add_overlaps(self, boxes: FloatArray) -> None:
        """Add the overlaps of a frame's boxes with the first tracker's to the totals."""
        overlaps = iou(boxes, boxes[0]).tolist()
        for total, overlap in zip(self.totals.values(), overlaps, strict=True):
            if not math.isnan(overlap):
                total.overlap += overlap
                total.compared += 1

    def _row(
        self, name: str, frame: Frame, init_box: FloatArray | None
    ) -> tuple[FloatArray, float]:
        """Return a tracker's box and score; NaN where it has none."""
        tracker, total = self.trackers[name], self.totals[name]
        if total.failure is not None:
            return np.full(4, np.nan), np.nan
        start = time.perf_counter()
        try:
            answer = _ask(tracker, frame.image, init_box)
        except Exception as error:  # a third-party tracker may raise anything; others continue
            total.failure = f"frame {frame.index}: {describe(error)}"
            return np.full(4, np.nan), np.nan
        total.seconds += time.perf_counter() - start
        total.frames += 1
        return answer, float(getattr(tracker, "score", np.nan))


def _ask(tracker: SingleTargetTracker, image: Image, init_box: FloatArray | None) -> FloatArray:
    if init_box is None:
        return checked_box(tracker.update(image))
    tracker.init(image, init_box.copy())
    return init_box
