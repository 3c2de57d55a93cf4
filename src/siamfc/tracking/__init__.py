"""Tracking: settings, one pure step, `init`/`update`, whole videos and their results.

The readers and writers of result files are imported on first use, so that a tracker starts without
the annotation formats and the video library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from siamfc.tracking.both_ways import FrameRange, follow
from siamfc.tracking.defaults import Settings, fitting_settings, settings_for_weights
from siamfc.tracking.doubts import Doubt, review, time_code
from siamfc.tracking.exemplar_update import (
    UpdateSettings,
    first_and_latest,
    first_and_recent,
    moving_average,
    previous_frame,
    sure_average,
)
from siamfc.tracking.key_frames import GivenBoxes, KeyFrames, as_key_frames
from siamfc.tracking.light import LightSettings, LightTargets
from siamfc.tracking.redetection import LostSettings, search_whole_frame
from siamfc.tracking.results import FrameResult, Status, to_detections
from siamfc.tracking.siamfc import SiamFCSettings, SiamFCTargets
from siamfc.tracking.siamfc.settings import five_scales, one_scale, settings_for, three_scales
from siamfc.tracking.smoothing import smooth_results
from siamfc.tracking.state import TrackerState
from siamfc.tracking.step import SearchView, Stepper
from siamfc.tracking.tracker import Tracker
from siamfc.tracking.tracks import Track, track

if TYPE_CHECKING:
    from siamfc.tracking.exports import (
        EXPORT_FORMATS,
        EXPORT_SUFFIXES,
        VideoInfo,
        export_paths,
        export_results,
        open_export,
        read_track,
        to_annotation,
    )
    from siamfc.tracking.result_files import (
        open_results,
        read_results,
        write_results,
    )

__all__ = [
    "EXPORT_FORMATS",
    "EXPORT_SUFFIXES",
    "Doubt",
    "FrameRange",
    "FrameResult",
    "GivenBoxes",
    "KeyFrames",
    "LightSettings",
    "LightTargets",
    "LostSettings",
    "SearchView",
    "Settings",
    "SiamFCSettings",
    "SiamFCTargets",
    "Status",
    "Stepper",
    "Track",
    "Tracker",
    "TrackerState",
    "UpdateSettings",
    "VideoInfo",
    "as_key_frames",
    "export_paths",
    "export_results",
    "first_and_latest",
    "first_and_recent",
    "fitting_settings",
    "five_scales",
    "follow",
    "moving_average",
    "one_scale",
    "open_export",
    "open_results",
    "previous_frame",
    "read_results",
    "read_track",
    "review",
    "search_whole_frame",
    "settings_for",
    "settings_for_weights",
    "smooth_results",
    "sure_average",
    "three_scales",
    "time_code",
    "to_annotation",
    "to_detections",
    "track",
    "write_results",
]

_RESULT_FILES = ("open_results", "read_results", "write_results")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'siamfc.tracking' has no attribute {name!r}")
    module = "result_files" if name in _RESULT_FILES else "exports"
    value = getattr(import_module(f"siamfc.tracking.{module}"), name)
    globals()[name] = value
    return value
