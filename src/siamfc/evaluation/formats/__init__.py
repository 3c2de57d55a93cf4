"""Result file formats: those of benchmarks and annotation tools, and siamfc's own."""

from siamfc.evaluation.formats.layout import ResultFormat
from siamfc.evaluation.formats.series import Series
from siamfc.evaluation.formats.trackers import (
    RESULT_FORMATS,
    TrackerResults,
    find_result_format,
    read_record,
    read_trackers,
    require_result_folder,
    write_tracker,
)

__all__ = [
    "RESULT_FORMATS",
    "ResultFormat",
    "Series",
    "TrackerResults",
    "find_result_format",
    "read_record",
    "read_trackers",
    "require_result_folder",
    "write_tracker",
]
