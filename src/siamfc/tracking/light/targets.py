"""Where targets are whose width and height both change, and how predicted boxes move them.

The counterpart of `tracking.siamfc.targets`, for networks that predict a box for every cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.network.calibration import Calibration, sigmoid
from siamfc.network.light.decoding import SMALLEST_SIZE, cosine_window
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.redetection import count_lost
from siamfc.tracking.targets import TargetBatch, checked_boxes

UNCALIBRATED = Calibration()
"""The score is the logit's sigmoid."""
_CUT_MARGIN = 0.05
"""A box that ends so near to the frame's border, as a fraction of its size, may be cut by it."""
_FASTEST_CHANGE = 1.05
"""Of the sure size, from one frame to the next."""
_LARGEST_CHANGE = 1.5
"""Of the size by which to search, from the last that was sure."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LightTargets(TargetBatch):
    """N targets at one moment, in frame pixels.

    Their score is the calibrated logit of the chosen cell: the probability that the box overlaps
    the target's by more than half.
    """

    size: FloatArray
    """(N, 2) width and height."""
    sure_size: FloatArray
    """(N, 2) likewise, when the target was last surely seen and the frame did not cut its box. It
    follows fast changes by `_FASTEST_CHANGE` a frame: one good score is not enough for them."""

    @property
    def boxes(self) -> FloatArray:
        """See `TargetBatch.boxes`."""
        return np.concatenate([self.center_frame - self.size / 2, self.size], axis=1)

    def at(self, boxes: FloatArray) -> Self:
        """See `TargetBatch.at`."""
        size = boxes[:, 2:]
        return replace(self, center_frame=box_formats.center(boxes), size=size, sure_size=size)

    @property
    def cut(self) -> NDArray[np.bool_]:
        """(N, 2) whether the frame's border may cut the box in its width and height."""
        reach = self.size * (0.5 + _CUT_MARGIN)
        return (self.center_frame < reach) | (self.center_frame > self.frame_size - reach)

    @property
    def partly_outside(self) -> NDArray[np.bool_]:
        """See `TargetBatch.partly_outside`."""
        return np.asarray(self.cut.any(axis=1))

    @property
    def search_size(self) -> FloatArray:
        """(N, 2) width and height by which to search: near the last that was sure.

        A target that leaves the frame is no smaller for it, and what is lost neither shrinks to
        nothing nor grows over the whole frame.
        """
        lowest = self.sure_size * np.where(self.cut, 1.0, 1 / _LARGEST_CHANGE)
        return _limited(self.size, lowest, self.sure_size * _LARGEST_CHANGE)

    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """See `TargetBatch.exemplar_windows`."""
        return self.center_frame, geometry.exemplar_side(self.search_size, spec.context_amount)

    def lost_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """See `TargetBatch.lost_windows`: at the last sure size."""
        return replace(self, size=self.sure_size).present_windows(spec)

    def exemplar_sizes(self, spec: EmbeddingSpec) -> FloatArray:
        """Width and height of the boxes in the exemplar images, their pixels: (N, 2)."""
        side = self.exemplar_windows(spec)[1]
        return self.size * (spec.exemplar_size / side[:, None])


def start(boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int]) -> LightTargets:
    """Take boxes (N, 4), or one box (4,), of a first frame of `frame_size` (width, height).

    Raises:
        InputError: see `checked_boxes`.
    """
    checked = checked_boxes(boxes, frame_size)
    return LightTargets(
        center_frame=box_formats.center(checked),
        first_size=checked[:, 2:],
        size=checked[:, 2:],
        sure_size=checked[:, 2:],
        score=np.ones(len(checked)),
        frames_lost=np.zeros(len(checked), dtype=np.int64),
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

    Boxes are left, top, right, bottom in pixels of the search image. The cell is chosen whose
    score, minus a penalty for sudden changes of size and ratio, and mixed with the cosine window,
    is highest. Its box is the target's: the centre at once, the size in part, the more the surer.
    The size stays within its limits and the centre inside the frame. By its score, the
    probability that the box is right, a target is lost or found again.

    Raises:
        InputError: logits or boxes of another shape, that are not finite, or boxes turned over.
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
    lowest = targets.sure_size * np.where(moved.cut, 1.0, 1 / _FASTEST_CHANGE)
    seen = _limited(moved.size, lowest, targets.sure_size * _FASTEST_CHANGE)
    sure = (score >= settings.lost.found_threshold)[:, None]
    return replace(moved, sure_size=np.where(sure, seen, targets.sure_size))


def relocate(
    targets: LightTargets,
    centers: FloatArray,
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    settings: LightSettings,
    spec: EmbeddingSpec,
    calibration: Calibration = UNCALIBRATED,
) -> LightTargets:
    """Put lost targets where they were found elsewhere, and leave the others where they are.

    A target is moved to the best cell of its further windows if the score there is higher than
    the one that it has and reaches `relocate_threshold`; it is found if it also reaches
    `found_threshold`. Its size is then the last sure one: the next frame corrects it.

    Args:
        targets: N, after `move`.
        centers: (N, W, 2) of the windows, frame pixels; see `redetection_windows`. They show the
            targets at their last sure size.
        logits: (N, W, m, m) of these windows.
        boxes: (N, W, 4, m, m) of these windows.
        settings: of the tracker.
        spec: of the network.
        calibration: of the network.
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
    there = centers[np.arange(count), window] + place.displacement
    return replace(
        targets,
        center_frame=np.where(
            moved[:, None], _limited(there, 0.0, targets.frame_size), targets.center_frame
        ),
        size=np.where(moved[:, None], targets.size, present.size),
        score=np.where(moved, score, targets.score),
        frames_lost=np.where(found, 0, targets.frames_lost),
    )


class _Cells(NamedTuple):
    """What C cells say of each of N targets."""

    logit: FloatArray
    """(N, C)"""
    score: FloatArray
    """(N, C) IoU that is expected of the cell's box, in [0, 1]."""
    penalty: FloatArray
    """(N, C) fraction of the score that the change of size and ratio leaves."""
    corners: FloatArray
    """(N, 4, C) left, top, right, bottom in pixels of the search image."""


def _read(
    targets: LightTargets,
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    settings: LightSettings,
    spec: EmbeddingSpec,
) -> _Cells:
    """Cells' logits (N, C) and boxes (N, 4, C) of windows that show targets at their present size.

    There a target and its context have the exemplar image's size, whatever the target's own.
    """
    logit, corners = logits.astype(np.float64), boxes.astype(np.float64)
    size = np.maximum(corners[:, 2:] - corners[:, :2], SMALLEST_SIZE)
    growth = geometry.exemplar_side(size.swapaxes(1, 2), spec.context_amount) / spec.exemplar_size
    ratio = size[:, 0] / size[:, 1] * (targets.size[:, 1:] / targets.size[:, :1])
    change = np.maximum(growth, 1 / growth) * np.maximum(ratio, 1 / ratio)
    penalty = np.exp(settings.change_penalty * (1 - change))
    return _Cells(logit, sigmoid(logit), penalty, corners)


class _Place(NamedTuple):
    """What one cell says of each of N targets."""

    logit: FloatArray
    """(N,)"""
    score: FloatArray
    """(N,) as of `_Cells`."""
    penalty: FloatArray
    """(N,) as of `_Cells`."""
    displacement: FloatArray
    """(N, 2) from the window's centre, frame pixels."""
    size: FloatArray
    """(N, 2) frame pixels."""


def _take(
    targets: LightTargets, cells: _Cells, chosen: NDArray[np.intp], spec: EmbeddingSpec
) -> _Place:
    """One cell (N,) for each of the targets, whose windows show them at their present size."""
    side = targets.exemplar_windows(spec)[1]
    pitch = (side / spec.exemplar_size)[:, None]  # frame pixels to one of the search image
    at = np.arange(len(targets)), chosen
    corners = cells.corners[at[0], :, chosen]
    first, last = corners[:, :2], corners[:, 2:]
    displacement = ((first + last) / 2 - spec.search_size / 2) * pitch
    size = np.maximum(last - first, SMALLEST_SIZE) * pitch
    return _Place(cells.logit[at], cells.score[at], cells.penalty[at], displacement, size)


def _limited(values: FloatArray, lowest: ArrayLike, highest: ArrayLike) -> FloatArray:
    """As `np.clip`, whose own checks cost more than the work on so few numbers."""
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
