"""Evaluation: running trackers over data sets, metrics, protocols, result files."""

from siamfc.evaluation.evaluating import (
    Evaluation,
    SequenceScores,
    evaluate,
    protocol_of,
    run_record,
)
from siamfc.evaluation.measures import MEASURES, Comparison, Measure
from siamfc.evaluation.protocols import PROTOCOLS, Protocol, Scores
from siamfc.evaluation.results import ResultFolder, read_track
from siamfc.evaluation.running import (
    SingleTargetTracker,
    Track,
    TrackerFactory,
    run_sequence,
    run_sequences,
)
from siamfc.evaluation.trackers import SiamFC, weights_digest

__all__ = [
    "MEASURES",
    "PROTOCOLS",
    "Comparison",
    "Evaluation",
    "Measure",
    "Protocol",
    "ResultFolder",
    "Scores",
    "SequenceScores",
    "SiamFC",
    "SingleTargetTracker",
    "Track",
    "TrackerFactory",
    "evaluate",
    "protocol_of",
    "read_track",
    "run_record",
    "run_sequence",
    "run_sequences",
    "weights_digest",
]
