"""Results for the package `supervision`, which draws, filters and counts detections."""

from typing import Any

import numpy as np

from siamfc.boxes import is_absent, to_corners
from siamfc.errors import MissingDependencyError
from siamfc.tracking.results import FrameResult


def to_detections(result: FrameResult) -> Any:
    """The targets of a frame as `supervision.Detections`.

    `xyxy` are the edges in frame pixels, `confidence` the scores (left out where all are
    unknown), `tracker_id` the number of the target from 1, as in result files, and `class_id` 0,
    without which supervision's annotators find no colour. Targets without a box are left out.

    Raises:
        MissingDependencyError: supervision isn't installed.
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
