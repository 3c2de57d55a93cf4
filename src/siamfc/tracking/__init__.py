"""The tracker: settings, one pure step, `init`/`update`, whole videos, results."""

from siamfc.tracking.box_settings import BoxTrackerSettings
from siamfc.tracking.box_targets import BoxTargets, advance_boxes, start_boxes
from siamfc.tracking.choosing import AnySettings, fitting_settings, settings_for_weights
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
from siamfc.tracking.state import TrackerState
from siamfc.tracking.step import SearchView, begin, step, view_search
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
    "AnySettings",
    "BoxTargets",
    "BoxTrackerSettings",
    "FrameResult",
    "LostSettings",
    "SearchView",
    "Targets",
    "Track",
    "Tracker",
    "TrackerSettings",
    "TrackerState",
    "UpdateSettings",
    "advance",
    "advance_boxes",
    "begin",
    "first_and_latest",
    "fitting_settings",
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
    "settings_for_weights",
    "start",
    "start_boxes",
    "step",
    "sure_average",
    "three_scales",
    "to_detections",
    "track",
    "view_search",
    "write_results",
]
