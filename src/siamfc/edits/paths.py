"""Paths of targets through all frames of a video, with gaps bridged, as every edit needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siamfc.annotations import VideoAnnotation
from siamfc.array_types import BoolArray, FloatArray, IntArray
from siamfc.errors import InputError

_DOUBT_REACH = 2
"""Frames before and after one whose scores count for it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetPath:
    """One target in frames 0 to F − 1 of a video."""

    boxes: FloatArray
    """(F, 4) trusted boxes, with linear interpolation between them; the first and the last are
    held before and after."""
    guesses: FloatArray
    """(F, 4) the tracker's boxes where they are not trusted; NaN elsewhere."""
    distance: IntArray
    """(F,) frames to the nearest trusted box; 0 at a trusted box."""
    doubt: FloatArray
    """(F,) 1 minus the lowest score within two frames; 0 where no score is known or the box is not
    trusted."""

    @property
    def followed(self) -> FloatArray:
        """(F, 4) the tracker's boxes, trusted or not, interpolated where there is none."""
        return np.where(np.isnan(self.guesses), self.boxes, self.guesses)

    @property
    def sure(self) -> BoolArray:
        """(F,) True where the box is trusted."""
        return np.asarray(self.distance == 0)


def target_paths(
    annotation: VideoAnnotation, frame_count: int, *, lead: int = 0
) -> list[TargetPath]:
    """Return the path of each target in all frames of the video.

    Args:
        annotation: the boxes; those of lost targets are not trusted.
        frame_count: F; boxes of later frames are left out.
        lead: frames before and after a lost stretch that are not trusted either, because a tracker
            notices late that it has lost its target.

    Raises:
        InputError: no box in these frames, or a target without any box to trust.
    """
    kept = annotation.frames < frame_count
    with_box = annotation.frames[annotation.present.any(axis=1)]
    if not (with_box < frame_count).any():
        first = f"the first in frame {with_box[0]}" if len(with_box) else "none"
        raise InputError(f"expected boxes in frames 0 to {frame_count - 1}, got {first}")
    frames = annotation.frames[kept]
    paths = []
    for target, name in enumerate(annotation.names):
        given = np.full((frame_count, 4), np.nan)
        given[frames] = annotation.boxes[kept, target]
        lost = np.zeros(frame_count, np.bool_)
        lost[frames] = annotation.lost[kept, target]
        drawn = np.zeros(frame_count, np.bool_)
        drawn[frames] = annotation.key[kept, target]
        present = ~np.isnan(given).any(axis=1)
        near = np.convolve(lost, np.ones(2 * lead + 1))[lead : lead + frame_count] > 0
        sure = present & (~near | drawn)
        if not sure.any():
            sure = present & ~lost
        if not sure.any():
            raise InputError(f"target {name}: expected a box that is not lost, got none")
        scores = np.ones(frame_count)
        scores[frames] = np.nan_to_num(annotation.scores[kept, target], nan=1.0)
        paths.append(_bridged(given, sure, scores))
    return paths


def _bridged(given: FloatArray, sure: BoolArray, scores: FloatArray) -> TargetPath:
    index = np.arange(len(given))
    known = np.flatnonzero(sure)
    boxes = np.stack([np.interp(index, known, given[known, column]) for column in range(4)], axis=1)
    after = np.searchsorted(known, index)
    later = known[np.minimum(after, len(known) - 1)]
    earlier = known[np.maximum(after - 1, 0)]
    distance = np.minimum(np.abs(later - index), np.abs(index - earlier))
    around = np.pad(scores, _DOUBT_REACH, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(around, 2 * _DOUBT_REACH + 1).min(axis=1)
    return TargetPath(
        boxes=boxes,
        guesses=np.where(sure[:, None], np.nan, given),
        distance=distance,
        doubt=np.where(sure, np.clip(1 - lowest, 0, 1), 0),
    )
