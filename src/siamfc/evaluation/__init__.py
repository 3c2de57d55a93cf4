"""Evaluation: trackers run over data sets, metrics, protocols and result files."""

from siamfc.evaluation.evaluations import (
    Evaluation,
    SequenceScores,
    describe_run,
    evaluate,
    plan_runs,
    protocol_of,
)
from siamfc.evaluation.execution import TrackerFactory, perform_runs, run_sequence, run_sequences
from siamfc.evaluation.repetitions import Average, average, evaluate_repeatedly
from siamfc.evaluation.results import ResultFolder, read_track
from siamfc.evaluation.runs import Pass, Run, RunRecord, SingleTargetTracker
from siamfc.evaluation.scoring.measures import MEASURES, Comparison, Measure
from siamfc.evaluation.scoring.protocols import PROTOCOLS, Protocol, Scores
from siamfc.evaluation.scoring.schemes import SCHEMES, Scheme, find_scheme
from siamfc.evaluation.trackers.got10k import Got10kTracker
from siamfc.evaluation.trackers.pretrained import PretrainedTracker, weights_digest

__all__ = [
    "MEASURES",
    "PROTOCOLS",
    "SCHEMES",
    "Average",
    "Comparison",
    "Evaluation",
    "Got10kTracker",
    "Measure",
    "Pass",
    "PretrainedTracker",
    "Protocol",
    "ResultFolder",
    "Run",
    "RunRecord",
    "Scheme",
    "Scores",
    "SequenceScores",
    "SingleTargetTracker",
    "TrackerFactory",
    "average",
    "describe_run",
    "evaluate",
    "evaluate_repeatedly",
    "find_scheme",
    "perform_runs",
    "plan_runs",
    "protocol_of",
    "read_track",
    "run_sequence",
    "run_sequences",
    "weights_digest",
]
