"""The tracker: settings, one pure step, `init`/`update`, whole videos, results."""

from siamfc.tracking.detections import to_detections
from siamfc.tracking.results import (
    FrameResult,
    open_results,
    read_results,
    result_paths,
    write_results,
)
from siamfc.tracking.settings import (
    TrackerSettings,
    five_scales,
    one_scale,
    settings_for,
    three_scales,
)
from siamfc.tracking.step import TrackerState, begin, step
from siamfc.tracking.targets import Targets, advance, start
from siamfc.tracking.tracker import Tracker, follow
from siamfc.tracking.tracks import Track, track

__all__ = [
    "FrameResult",
    "Targets",
    "Track",
    "Tracker",
    "TrackerSettings",
    "TrackerState",
    "advance",
    "begin",
    "five_scales",
    "follow",
    "one_scale",
    "open_results",
    "read_results",
    "result_paths",
    "settings_for",
    "start",
    "step",
    "three_scales",
    "to_detections",
    "track",
    "write_results",
]
