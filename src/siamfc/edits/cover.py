"""Areas to cover in each frame so that a target cannot be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from siamfc.annotations import VideoAnnotation
from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import from_corners, to_corners
from siamfc.edits.paths import TargetPath, target_paths
from siamfc.errors import InputError

WhenLost = Literal["grow", "frame"]


@dataclass(frozen=True, kw_only=True)
class CoverSettings:
    """Settings of the area around a box that is covered.

    Raises:
        InputError: a value out of range.
    """

    margin: float = 0.35
    """Added on each side, as a fraction of the box's mean side, where the score is 1."""
    doubt: float = 8.0
    """The margin is multiplied by 1 + doubt · (1 − score)."""
    when_lost: WhenLost = "grow"
    """While the target is lost, cover a growing margin around its possible positions, or the
    whole frame."""
    growth: float = 0.1
    """Growth of the margin per frame from the nearest trusted box, as a fraction of the box's mean
    side; more if the target was faster than that."""
    lead: int = 5
    """Frames before and after a lost stretch that count as lost, because a tracker notices late."""

    def __post_init__(self) -> None:
        for name in ("margin", "doubt", "growth"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise InputError(f"{name}: expected 0 or more, got {value}")
        if self.lead < 0:
            raise InputError(f"lead: expected 0 frames or more, got {self.lead}")
        if self.when_lost not in ("grow", "frame"):
            raise InputError(f"when_lost: expected grow or frame, got {self.when_lost!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cover:
    """Covered areas in each of F frames."""

    boxes: FloatArray
    """(F, N, 4) x, y, w, h around each of N targets."""
    sizes: FloatArray
    """(F, N) longer side of each target in pixels, which sets the size of hidden details; the
    largest in the video where the box is a guess."""
    whole: BoolArray
    """(F,) True where the whole frame is covered."""
    bridged: BoolArray
    """(F,) True where a target was lost or had no box, so that its position is a guess."""


def plan_cover(
    annotation: VideoAnnotation, frame_count: int, settings: CoverSettings | None = None
) -> Cover:
    """Plan the areas to cover so that no target of a track can be seen.

    A trusted box is enlarged by the margin. In a lost stretch the area contains the straight line
    between the trusted boxes before and after, the tracker's own guess, and a margin that grows
    with the distance in time from the trusted boxes.

    Raises:
        InputError: a target without any box to trust.
    """
    chosen = settings or CoverSettings()
    paths = target_paths(annotation, frame_count, lead=chosen.lead)
    bridged = np.any([~path.sure for path in paths], axis=0)
    return Cover(
        boxes=np.stack([_cover_target(path, chosen) for path in paths], axis=1),
        sizes=np.stack([_sizes(path) for path in paths], axis=1),
        whole=bridged if chosen.when_lost == "frame" else np.zeros(frame_count, np.bool_),
        bridged=bridged,
    )


def _sizes(path: TargetPath) -> FloatArray:
    """(F,) longer side of the target; where its box is a guess, the maximum over all frames."""
    sizes = path.boxes[:, 2:].max(axis=1)
    return np.asarray(np.where(path.sure, sizes, sizes.max()))


def _cover_target(path: TargetPath, settings: CoverSettings) -> FloatArray:
    side = path.boxes[:, 2:].mean(axis=1)
    margin = settings.margin * side * (1 + settings.doubt * path.doubt)
    edges = to_corners(path.boxes)
    guesses = to_corners(path.guesses)
    edges[:, :2] = np.fmin(edges[:, :2], guesses[:, :2])
    edges[:, 2:] = np.fmax(edges[:, 2:], guesses[:, 2:])
    margin = margin + path.distance * np.maximum(settings.growth * side, _top_speed(path))
    edges[:, :2] -= margin[:, None]
    edges[:, 2:] += margin[:, None]
    return from_corners(edges)


def _top_speed(path: TargetPath) -> float:
    """95th percentile of the speed of the target's centre, in pixels per frame."""
    centers = path.boxes[:, :2] + path.boxes[:, 2:] / 2
    both = path.sure[1:] & path.sure[:-1]
    steps = np.hypot(*np.diff(centers, axis=0)[both].T) if both.any() else np.zeros(1)
    return float(np.quantile(steps, 0.95))
