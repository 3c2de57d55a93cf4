"""Videos made from a track: redact, reframe, stabilise and crop."""

from siamfc.annotations.annotation import frame_ranges
from siamfc.edits.cover import Cover, CoverSettings, plan_cover
from siamfc.edits.edited_video import count_frames, render
from siamfc.edits.paths import target_paths
from siamfc.edits.redaction import RedactSettings, redact_frame
from siamfc.edits.windows import (
    ReframeSettings,
    Windows,
    cut_window,
    plan_crop,
    plan_reframe,
    plan_stabilise,
)

__all__ = [
    "Cover",
    "CoverSettings",
    "RedactSettings",
    "ReframeSettings",
    "Windows",
    "count_frames",
    "cut_window",
    "frame_ranges",
    "plan_cover",
    "plan_crop",
    "plan_reframe",
    "plan_stabilise",
    "redact_frame",
    "render",
    "target_paths",
]
