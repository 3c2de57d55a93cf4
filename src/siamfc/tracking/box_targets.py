"""Where targets are whose width and height both change, and what a network's boxes say of that.

The counterpart of `targets` for networks that give every cell of the search image a box.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.network.matcher import EmbeddingSpec

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BoxTrackerSettings:
    """How scores and boxes of all cells become one box (Li et al. 2018, SiamRPN, section 3.4)."""

    change_penalty: float = 0.1
    """Weight of sudden changes of size and ratio against the score."""
    window_influence: float = 0.35
    """Weight of the cosine window against the score."""
    size_damping: float = 0.5
    """Share of the way to the box's size that is gone, times its score and penalty."""
    smallest_scale: float = 0.1
    """Smallest size that a target may shrink to, as a share of its first."""
    largest_scale: float = 10.0
    """Largest size that a target may grow to, as a multiple of its first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxTargets:
    """N targets at one moment, in frame pixels."""

    center_frame: FloatArray
    """(N, 2) centres, x, y."""
    size: FloatArray
    """(N, 2) width and height."""
    first_size: FloatArray
    """(N, 2) width and height in the first frame."""
    score: FloatArray
    """(N,) score of the chosen cell, in [0, 1]; 1 in the first frame."""
    frame_size: tuple[int, int]
    """Width and height of the frame, pixels."""

    def __len__(self) -> int:
        return len(self.size)

    @property
    def boxes(self) -> FloatArray:
        """(N, 4) boxes x, y, w, h; parts of them may lie outside the frame."""
        return box_formats.from_center(self.center_frame, self.size)

    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Squares that the exemplar images show: centres (N, 2) and sides (N,)."""
        return self.center_frame, geometry.exemplar_side(self.size, spec.context_amount)

    def search_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Squares to search in the next frame: centres (N, 2) and sides (N,)."""
        side = geometry.exemplar_side(self.size, spec.context_amount)
        return self.center_frame, geometry.search_side(side, spec.exemplar_size, spec.search_size)


def advance_boxes(
    targets: BoxTargets,
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    settings: BoxTrackerSettings,
    spec: EmbeddingSpec,
) -> BoxTargets:
    """Move and resize targets by scores (N, m, m) and boxes (N, 4, m, m) of their search windows.

    Boxes are left, top, right, bottom in pixels of the search image.
    """
    count = len(targets)
    center, side = targets.search_windows(spec)
    pitch = side[:, None] / spec.search_size
    left, top, right, bottom = np.moveaxis(boxes.reshape(count, 4, -1).astype(np.float64), 1, 0)
    width, height = (right - left) * pitch, (bottom - top) * pitch
    score = 0.5 + 0.5 * np.tanh(logits.reshape(count, -1).astype(np.float64) / 2)

    def side_of(width: FloatArray, height: FloatArray) -> FloatArray:
        return geometry.exemplar_side(np.stack([width, height], -1), spec.context_amount)

    old_width, old_height = targets.size[:, :1], targets.size[:, 1:]
    growth = np.log(side_of(width, height) / side_of(old_width, old_height))
    ratio = np.log((width * old_height) / (height * old_width))
    change = np.exp(np.abs(growth) + np.abs(ratio))
    penalty = np.exp(-settings.change_penalty * (change - 1))
    window = settings.window_influence
    mixed = (1 - window) * score * penalty + window * _window(spec).ravel()
    best = mixed.argmax(1)
    rows = np.arange(count)

    share = (settings.size_damping * penalty * score)[rows, best, None]
    size = np.stack([width[rows, best], height[rows, best]], -1)
    size = targets.size * (1 - share) + size * share
    size = np.clip(
        size,
        targets.first_size * settings.smallest_scale,
        targets.first_size * settings.largest_scale,
    )
    middle = np.stack([left + right, top + bottom], -1)[rows, best] / 2
    moved = center + (middle - spec.search_size / 2) * pitch
    return replace(
        targets,
        center_frame=np.clip(moved, 0.0, targets.frame_size),
        size=size,
        score=score[rows, best],
    )


def _window(spec: EmbeddingSpec) -> FloatArray:
    """Cosine window about the search image's centre, 1 there, (m, m)."""
    place = np.arange(spec.response_size) * spec.stride + 0.5 - spec.search_size / 2
    row = 0.5 + 0.5 * np.cos(2 * math.pi * place / (spec.response_size * spec.stride))
    return np.outer(row, row)
