"""The tracker: settings, one pure step, `init`/`update`, whole videos, results."""

from siamfc.tracking.defaults import Settings, fitting_settings, settings_for_weights
from siamfc.tracking.detections import to_detections
from siamfc.tracking.exemplar_update import (
    UpdateSettings,
    first_and_latest,
    moving_average,
    previous_frame,
    sure_average,
)
from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.light.targets import LightTargets, advance_light, start_light
from siamfc.tracking.redetection import LostSettings, search_all_over
from siamfc.tracking.results import (
    FrameResult,
    open_results,
    read_results,
    result_paths,
    write_results,
)
from siamfc.tracking.siamfc.settings import (
    SiamFCSettings,
    five_scales,
    one_scale,
    settings_for,
    three_scales,
)
from siamfc.tracking.siamfc.targets import Targets, advance, start
from siamfc.tracking.state import TrackerState
from siamfc.tracking.step import SearchView, begin, step, view_search
from siamfc.tracking.tracker import Tracker, follow
from siamfc.tracking.tracks import Track, track

__all__ = [
    "FrameResult",
    "LightSettings",
    "LightTargets",
    "LostSettings",
    "SearchView",
    "Settings",
    "SiamFCSettings",
    "Targets",
    "Track",
    "Tracker",
    "TrackerState",
    "UpdateSettings",
    "advance",
    "advance_light",
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
    "start_light",
    "step",
    "sure_average",
    "three_scales",
    "to_detections",
    "track",
    "view_search",
    "write_results",
]
