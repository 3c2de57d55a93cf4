"""Tracking with SiamFC, which searches several scales."""

from siamfc.tracking.siamfc.settings import SiamFCSettings
from siamfc.tracking.siamfc.step import begin, score_cells, step
from siamfc.tracking.siamfc.targets import SiamFCTargets, move, relocate, start

__all__ = [
    "SiamFCSettings",
    "SiamFCTargets",
    "begin",
    "move",
    "relocate",
    "score_cells",
    "start",
    "step",
]
