"""Reports that compare trackers: a page, tables and plots. They read results and run no tracker."""

from siamfc.report.page_template import require_jinja
from siamfc.report.scored_tracker import ScoredTracker, SequenceResult
from siamfc.report.statistics import Difference, paired_difference
from siamfc.report.study import Study, make_study
from siamfc.report.writer import ReportSettings, write_report

__all__ = [
    "Difference",
    "ReportSettings",
    "ScoredTracker",
    "SequenceResult",
    "Study",
    "make_study",
    "paired_difference",
    "require_jinja",
    "write_report",
]
