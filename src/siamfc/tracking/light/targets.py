"""Targets whose width and height change independently, and their motion by predicted boxes.

The counterpart of `tracking.siamfc.targets` for networks that predict a box for every cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.array_types import FloatArray, IntArray
from siamfc.errors import InputError
from siamfc.network.calibration import Calibration, sigmoid
from siamfc.network.light.decoding import SMALLEST_SIZE, cosine_window
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.redetection import count_lost
from siamfc.tracking.targets import TargetBatch, checked_boxes

UNCALIBRATED = Calibration()
"""Calibration that uses the logit's sigmoid as the score."""
_CUT_MARGIN = 0.05
"""Distance from the frame's border, as a fraction of the size, within which a box may be cut."""
_FASTEST_CHANGE = 1.05
"""Largest factor by which the sure size changes from one frame to the next."""
_WATCHED = 5
"""Frames for which a place is watched before a target that left the frame is moved there."""
_BLOCK = 32
"""Targets whose cells are read at once: more of them do not fit into the processor's cache."""
_LARGEST_CHANGE = 1.5
"""Largest factor between the size used for the search and the last sure size."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LightTargets(TargetBatch):
    """N targets at one moment, in frame pixels.

    Their score is the calibrated logit of the chosen cell: the probability that the box overlaps
    the target's by more than half.
    """

    size: FloatArray
    """(N, 2) width and height."""
    sure_size: FloatArray
    """(N, 2) width and height when the target last had a high score and the frame did not cut its
    box. Limited to a factor of `_FASTEST_CHANGE` per frame: one high score does not prove more."""

    watched: FloatArray
    """Centres (N, 2) of places elsewhere at which targets that left the frame may have returned;
    NaN without one."""
    watched_score: FloatArray
    """Mean score (N,) at that place so far."""
    watched_frames: IntArray
    """Number of frames (N,) for which it has been watched."""

    @property
    def boxes(self) -> FloatArray:
        """Boxes (N, 4), as for `TargetBatch.boxes`."""
        return np.concatenate([self.center_frame - self.size / 2, self.size], axis=1)

    def at(self, boxes: FloatArray) -> Self:
        """Move the targets to other boxes; see `TargetBatch.at`."""
        size = boxes[:, 2:]
        return replace(self, center_frame=box_formats.center(boxes), size=size, sure_size=size)

    @cached_property
    def cut(self) -> NDArray[np.bool_]:
        """Flags (N, 2), True where the frame's border may cut the box's width or height."""
        reach = self.size * (0.5 + _CUT_MARGIN)
        return (self.center_frame < reach) | (self.center_frame > self.frame_size - reach)

    @property
    def partly_outside(self) -> NDArray[np.bool_]:
        """Flags (N,), True where the frame's border may cut the box."""
        return np.asarray(self.cut.any(axis=1))

    @property
    def left(self) -> NDArray[np.bool_]:
        """Flags (N,), True for lost targets at the frame's border: they have probably left it."""
        return self.lost & self.partly_outside

    @cached_property
    def search_size(self) -> FloatArray:
        """Width and height (N, 2) used for the search, close to the last sure size.

        A target that leaves the frame does not get smaller, and a lost one must neither shrink to
        nothing nor grow over the whole frame.
        """
        return self.limited_size(_LARGEST_CHANGE)

    def limited_size(self, change: float) -> FloatArray:
        """Return width and height (N, 2), at most a factor `change` from the last sure size.

        A side that the frame's border cuts does not become smaller than the sure one.
        """
        lowest = self.sure_size * np.where(self.cut, 1.0, 1 / change)
        return _limited(self.size, lowest, self.sure_size * change)

    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Return the squares that the exemplar images show; see `TargetBatch.exemplar_windows`."""
        return self.center_frame, geometry.exemplar_side(self.search_size, spec.context_amount)

    def lost_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Return the squares to search for lost targets, at their last sure size."""
        return replace(self, size=self.sure_size).present_windows(spec)

    def exemplar_sizes(self, spec: EmbeddingSpec) -> FloatArray:
        """Return width and height (N, 2) of the boxes, in pixels of the exemplar images."""
        side = self.exemplar_windows(spec)[1]
        return self.size * (spec.exemplar_size / side[:, None])


def start(boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int]) -> LightTargets:
    """Create targets from boxes (N, 4) or one box (4,) in a frame of `frame_size` (width, height).

    Raises:
        InputError: as for `checked_boxes`.
    """
    checked = checked_boxes(boxes, frame_size)
    return LightTargets(
        center_frame=box_formats.center(checked),
        first_size=checked[:, 2:],
        size=checked[:, 2:],
        sure_size=checked[:, 2:],
        score=np.ones(len(checked)),
        frames_lost=np.zeros(len(checked), dtype=np.int64),
        watched=np.full((len(checked), 2), np.nan),
        watched_score=np.zeros(len(checked)),
        watched_frames=np.zeros(len(checked), dtype=np.int64),
        frame_size=frame_size,
    )


def move(
    targets: LightTargets,
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    settings: LightSettings,
    spec: EmbeddingSpec,
    calibration: Calibration = UNCALIBRATED,
) -> LightTargets:
    """Move and resize targets by logits (N, m, m) and boxes (N, 4, m, m) of their search windows.

    Boxes are left, top, right, bottom in pixels of the search image. The chosen cell has the
    highest score after a penalty for sudden changes of size and aspect ratio and after mixing with
    the cosine window. The centre moves to its box at once; the size moves part of the way, further
    for a higher score. The size stays within its limits and the centre inside the frame. The
    calibrated score, the probability that the box is right, decides whether a target is lost.

    Raises:
        InputError: logits or boxes that have another shape or are not finite, or boxes whose
            right or bottom edge comes before the left or top one.
    """
    count = len(targets)
    _check(logits, boxes, (count, spec.response_size, spec.response_size))
    cells = _read(targets, logits.reshape(count, -1), boxes.reshape(count, 4, -1), settings, spec)
    window = settings.window_influence
    rated = (1 - window) * cells.score * cells.penalty + window * cosine_window(spec)
    found = _take(targets, cells, rated.argmax(1), spec)

    score = calibration.probability(found.logit)
    frames_lost = count_lost(targets.frames_lost, score, settings.lost)
    fraction = settings.size_damping * found.penalty * found.score
    if settings.lost.holds_size:
        fraction = np.where(frames_lost > 0, 0.0, fraction)
    smallest, largest = settings.smallest_scale, settings.largest_scale
    size = targets.size + (found.size - targets.size) * fraction[:, None]
    moved = replace(
        targets,
        center_frame=_limited(targets.center_frame + found.displacement, 0.0, targets.frame_size),
        size=_limited(size, targets.first_size * smallest, targets.first_size * largest),
        score=score,
        frames_lost=frames_lost,
    )
    sure = (score >= settings.lost.found_threshold)[:, None]
    left = moved.left
    return replace(
        moved,
        sure_size=np.where(sure, moved.limited_size(_FASTEST_CHANGE), targets.sure_size),
        watched=np.where(left[:, None], targets.watched, np.nan),
        watched_frames=np.where(left, targets.watched_frames, 0),
    )


def relocate(
    targets: LightTargets,
    centers: FloatArray,
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    settings: LightSettings,
    spec: EmbeddingSpec,
    calibration: Calibration = UNCALIBRATED,
) -> LightTargets:
    """Move lost targets to where they were found elsewhere; leave the others where they are.

    A target moves to the best cell of its further windows if the score there exceeds its present
    score and reaches `relocate_threshold`; it counts as found if the score also reaches
    `found_threshold`. Its size becomes the last sure one, which the next frame corrects.

    A target that left the frame also returns by a lower score: a place whose score reaches
    `found_threshold` is watched for some frames, as long as its score stays above
    `lost_threshold` and the target's own below, and the target moves there if the mean of these
    scores reaches `found_threshold`.

    Args:
        targets: N targets, after `move`.
        centers: (N, W, 2) centres of the windows, frame pixels; see `redetection_windows`. They
            show the targets at their last sure size.
        logits: (N, W, m, m) logits of these windows.
        boxes: (N, W, 4, m, m) boxes of these windows.
        settings: settings of the tracker.
        spec: sizes of the network.
        calibration: calibration of the network.
    """
    targets, present = replace(targets, size=targets.sure_size), targets
    count, windows = centers.shape[:2]
    corners = np.moveaxis(boxes, 2, 1).reshape(count, 4, -1)
    cells = _read(targets, logits.reshape(count, -1), corners, settings, spec)
    best = (cells.score * cells.penalty).argmax(1)
    place = _take(targets, cells, best, spec)
    score = calibration.probability(place.logit)
    limits = settings.lost
    moved = targets.lost & (score > targets.score) & (score >= limits.relocate_threshold)
    found = moved & (score >= limits.found_threshold)
    window = best // (cells.score.shape[1] // windows)
    there = _limited(
        centers[np.arange(count), window] + place.displacement, 0.0, targets.frame_size
    )
    seen = present.left & ~moved & (present.score < limits.lost_threshold)
    known = present.watched_frames > 0
    seen &= score >= np.where(known, limits.lost_threshold, limits.found_threshold)
    frames = np.where(seen, present.watched_frames + 1, 0)
    before = np.where(known, present.watched_score, 0.0)
    mean = before + (score - before) / np.maximum(frames, 1)
    ripe = frames >= _WATCHED
    returned = ripe & (mean >= limits.found_threshold)
    moved, found, watching = moved | returned, found | returned, seen & ~ripe
    return replace(
        targets,
        center_frame=np.where(moved[:, None], there, targets.center_frame),
        watched=np.where(watching[:, None], there, np.nan),
        watched_score=mean,
        watched_frames=np.where(watching, frames, 0),
        size=np.where(moved[:, None], targets.size, present.size),
        score=np.where(moved, score, targets.score),
        frames_lost=np.where(found, 0, targets.frames_lost),
    )


class _Cells(NamedTuple):
    """Predictions of C cells for each of N targets."""

    logit: NDArray[np.floating]
    """(N, C)"""
    score: FloatArray
    """(N, C) predicted IoU of the cell's box, in [0, 1]."""
    penalty: FloatArray
    """(N, C) factor on the score, below 1 for changes of size and aspect ratio."""
    corners: NDArray[np.floating]
    """(N, 4, C) left, top, right, bottom in pixels of the search image."""


def _read(
    targets: LightTargets,
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    settings: LightSettings,
    spec: EmbeddingSpec,
) -> _Cells:
    """Read cells' logits (N, C) and boxes (N, 4, C) of windows at the targets' present size.

    In these windows a target with its context has the exemplar image's size.
    """
    last_ratio = targets.size[:, 1:] / targets.size[:, :1]
    score, penalty = np.empty((2, *logits.shape))
    for first in range(0, len(targets), _BLOCK):
        rows = slice(first, first + _BLOCK)
        corners = boxes[rows].astype(np.float64)
        size = np.maximum(corners[:, 2:] - corners[:, :2], SMALLEST_SIZE)
        side = geometry.exemplar_side(size.swapaxes(1, 2), spec.context_amount)
        growth = side / spec.exemplar_size
        ratio = size[:, 0] / size[:, 1] * last_ratio[rows]
        change = np.maximum(growth, 1 / growth) * np.maximum(ratio, 1 / ratio)
        penalty[rows] = np.exp(settings.change_penalty * (1 - change))
        score[rows] = sigmoid(logits[rows].astype(np.float64))
    return _Cells(logits, score, penalty, boxes)


class _Prediction(NamedTuple):
    """Prediction of one cell for each of N targets."""

    logit: FloatArray
    """(N,)"""
    score: FloatArray
    """(N,) as in `_Cells`."""
    penalty: FloatArray
    """(N,) as in `_Cells`."""
    displacement: FloatArray
    """(N, 2) offset from the window's centre, frame pixels."""
    size: FloatArray
    """(N, 2) frame pixels."""


def _take(
    targets: LightTargets, cells: _Cells, chosen: NDArray[np.intp], spec: EmbeddingSpec
) -> _Prediction:
    """Take one cell (N,) per target from windows that show the targets at their present size."""
    side = targets.exemplar_windows(spec)[1]
    pitch = (side / spec.exemplar_size)[:, None]  # frame pixels per pixel of the search image
    at = np.arange(len(targets)), chosen
    corners = cells.corners[at[0], :, chosen].astype(np.float64)
    first, last = corners[:, :2], corners[:, 2:]
    displacement = ((first + last) / 2 - spec.search_size / 2) * pitch
    size = np.maximum(last - first, SMALLEST_SIZE) * pitch
    logit = cells.logit[at].astype(np.float64)
    return _Prediction(logit, cells.score[at], cells.penalty[at], displacement, size)


def _limited(values: FloatArray, lowest: ArrayLike, highest: ArrayLike) -> FloatArray:
    """Do the work of `np.clip`, whose own checks cost more than so few numbers."""
    return np.minimum(np.maximum(values, lowest), highest)


def _check(
    logits: NDArray[np.floating], boxes: NDArray[np.floating], expected: tuple[int, int, int]
) -> None:
    count, rows, columns = expected
    if logits.shape != expected or boxes.shape != (count, 4, rows, columns):
        raise InputError(
            f"expected logits {expected} and boxes {(count, 4, rows, columns)}, "
            f"got {logits.shape} and {boxes.shape}"
        )
    if not (np.isfinite(logits).all() and np.isfinite(boxes).all()):
        raise InputError(
            "logits and boxes: expected finite numbers, got NaN or infinity: the weights are "
            "damaged, or the precision is too low for them"
        )
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise InputError(
            "boxes: expected left, top, right, bottom in this order, got a width or height below 0"
        )
