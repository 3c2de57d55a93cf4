"""Tracking with the light network, which predicts a box for every cell."""

from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.light.step import begin, score_cells, step
from siamfc.tracking.light.targets import LightTargets, move, relocate, start

__all__ = [
    "LightSettings",
    "LightTargets",
    "begin",
    "move",
    "relocate",
    "score_cells",
    "start",
    "step",
]
