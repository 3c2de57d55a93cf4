"""The tracker: settings, one pure step, `init`/`update`, whole videos, results."""

from siamfc.tracking.detections import to_detections
from siamfc.tracking.lost import LostSettings, search_all_over
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
from siamfc.tracking.updating import (
    UpdateSettings,
    first_and_latest,
    moving_average,
    previous_frame,
    sure_average,
)

__all__ = [
    "FrameResult",
    "LostSettings",
    "Targets",
    "Track",
    "Tracker",
    "TrackerSettings",
    "TrackerState",
    "UpdateSettings",
    "advance",
    "begin",
    "first_and_latest",
    "five_scales",
    "follow",
    "moving_average",
    "one_scale",
    "open_results",
    "previous_frame",
    "read_results",
    "result_paths",
    "search_all_over",
    "settings_for",
    "start",
    "step",
    "sure_average",
    "three_scales",
    "to_detections",
    "track",
    "write_results",
]
