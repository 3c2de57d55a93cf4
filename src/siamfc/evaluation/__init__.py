"""Evaluation: running trackers over data sets, metrics, protocols, result files."""

from siamfc.evaluation.evaluating import (
    Evaluation,
    SequenceScores,
    evaluate,
    plan_runs,
    protocol_of,
    run_record,
)
from siamfc.evaluation.got10k import Got10kTracker
from siamfc.evaluation.measures import MEASURES, Comparison, Measure
from siamfc.evaluation.protocols import PROTOCOLS, Protocol, Scores
from siamfc.evaluation.repeating import Average, average, evaluate_repeatedly
from siamfc.evaluation.results import ResultFolder, read_track
from siamfc.evaluation.running import TrackerFactory, perform_runs, run_sequence, run_sequences
from siamfc.evaluation.runs import Pass, Run, SingleTargetTracker, Track
from siamfc.evaluation.schemes import SCHEMES, Scheme, find_scheme
from siamfc.evaluation.trackers import SiamFC, weights_digest

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
    "Protocol",
    "ResultFolder",
    "Run",
    "Scheme",
    "Scores",
    "SequenceScores",
    "SiamFC",
    "SingleTargetTracker",
    "Track",
    "TrackerFactory",
    "average",
    "evaluate",
    "evaluate_repeatedly",
    "find_scheme",
    "perform_runs",
    "plan_runs",
    "protocol_of",
    "read_track",
    "run_record",
    "run_sequence",
    "run_sequences",
    "weights_digest",
]
