"""Loss and redetection: when a target counts as lost, and where to search for it again.

The functions depend only on scores, centres and sides, so they suit any tracker that searches
squares of a frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import ByteImage, FloatArray, IntArray
from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError
from siamfc.network.matcher import Crops, CropWindows, EmbeddingSpec
from siamfc.tracking.targets import TargetBatch, window_crops

_RINGS = 16
"""Largest number of rings of windows searched around a lost target: 1088 windows."""
_MOST_AT_ONCE = 128
"""Largest number of windows, 25 MB, cropped before the network processes them, unless a single
target has more."""


@dataclass(frozen=True, kw_only=True)
class LostSettings:
    """Thresholds below which a target counts as lost, and the extent of the search for it."""

    lost_threshold: float = 0.8
    """Score below which a tracked target becomes lost."""
    found_threshold: float = 0.95
    """Score from which a lost target counts as found; at least `lost_threshold`."""
    holds_size: bool = False
    """Keep a target's size while it is lost."""
    windows: int = 0
    """Number of further squares to search per frame for each lost target; 0: none."""
    patience: int = 0
    """Number of frames that a target stays lost before further squares are searched."""
    relocate_threshold: float = 0.95
    """Score from which a lost target moves to the place with the highest score. Below
    `found_threshold` it stays lost there, and the search continues."""

    def __post_init__(self) -> None:
        check_number("lost_threshold", self.lost_threshold, 0, 1)
        check_number("found_threshold", self.found_threshold, 0, 1)
        check_number("relocate_threshold", self.relocate_threshold, 0, 1)
        check_whole("windows", self.windows, 0, 1000)
        check_whole("patience", self.patience, 0, 1_000_000)
        if self.found_threshold < self.lost_threshold:
            raise InputError(
                f"found_threshold: expected at least lost_threshold, {self.lost_threshold:g}, "
                f"got {self.found_threshold:g}"
            )


def search_whole_frame() -> LostSettings:
    """Return settings that search the whole frame for a lost target, eight squares per frame."""
    return LostSettings(windows=8, holds_size=True)


def count_lost(frames_lost: IntArray, scores: FloatArray, settings: LostSettings) -> IntArray:
    """Count the frames for which each target has been lost by now: (N,), 0 if it is not.

    Between the two thresholds a target stays as it was, so that a score that wavers around one of
    them does not make it lost and found in turn.

    >>> settings = LostSettings(lost_threshold=0.2, found_threshold=0.5)
    >>> count_lost(np.array([0, 0, 3, 3]), np.array([0.1, 0.3, 0.3, 0.6]), settings).tolist()
    [1, 0, 4, 0]
    """
    threshold = np.where(frames_lost > 0, settings.found_threshold, settings.lost_threshold)
    return np.where(scores < threshold, frames_lost + 1, 0)


def redetection_windows(
    center_frame: ArrayLike,
    reach: float,
    frame_size: tuple[int, int],
    turn: int,
    count: int,
) -> FloatArray:
    """Return the centres of the next squares in which to search for a lost target: (W, 2).

    The frame is tiled with squares that leave no gap, in rings around the place that is searched
    anyway, from the innermost outwards. Each frame searches the next `count` of them and starts
    again after the last, so the cost per frame is bounded, and a small target in a large frame
    takes longer to find. No square appears twice in a frame. Squares outside the frame are
    dropped; those at its border are moved inside.

    Args:
        center_frame: (2,) centre of the square that is searched anyway, frame pixels.
        reach: width, in frame pixels, of the area in which one square finds the target.
        frame_size: width and height.
        turn: 0 in the first frame with a further search, 1 in the next, and so on.
        count: largest number W of squares.

    Returns:
        Centres in frame pixels; empty, (0, 2), if the first square shows the whole frame.
    """
    center = np.asarray(center_frame, dtype=np.float64)
    middles = center + _spiral(_RINGS) * reach
    inside = np.clip(middles, 0.0, frame_size)
    useful = inside[(np.abs(middles - inside) < reach / 2).all(axis=1)]
    if not len(useful):
        return np.empty((0, 2))
    turned = turn * count + np.arange(min(count, len(useful)))
    return np.asarray(useful[turned % len(useful)])


class RedetectionCrops(NamedTuple):
    """Further windows for L of the lost targets, the same number W for each."""

    rows: list[int]
    """(L,) rows of the targets."""
    centers: FloatArray
    """(L, W, 2) frame pixels; repeated for a target that has fewer than another."""
    crops: Crops
    """(L · W, 255, 255, 3) search images; see `TargetBatch.lost_windows`."""


def redetection_crops(
    targets: TargetBatch,
    image: ByteImage,
    fill: ByteImage,
    spec: EmbeddingSpec,
    settings: LostSettings,
    watched: FloatArray | None = None,
    crop: CropWindows = window_crops,
) -> Iterator[RedetectionCrops]:
    """Crop the further windows of lost targets, a bounded number at a time.

    A target with a watched place, a row of `watched` (N, 2) that isn't NaN, has one window there.
    """
    turns = targets.frames_lost - settings.patience - 1
    if not settings.windows or turns.max() < 0:
        return
    sides = targets.lost_windows(spec)[1]
    # The area in which one search image shows the target with all its context.
    reaches = sides * ((spec.search_size - spec.exemplar_size + spec.stride) / spec.search_size)
    places = {}
    for row in np.flatnonzero(turns >= 0).tolist():
        if watched is not None and np.isfinite(watched[row]).all():
            places[row] = watched[row : row + 1]
            continue
        centers = redetection_windows(
            targets.center_frame[row],
            float(reaches[row]),
            targets.frame_size,
            int(turns[row]),
            settings.windows,
        )
        if len(centers):
            places[row] = centers
    most = max(map(len, places.values()), default=1)
    lost, step = list(places), max(_MOST_AT_ONCE // most, 1)
    for first in range(0, len(lost), step):
        rows = lost[first : first + step]
        centers = np.stack([np.resize(places[row], (most, 2)) for row in rows])
        crops = crop(
            image, centers.reshape(-1, 2), np.repeat(sides[rows], most), spec.search_size, fill
        )
        yield RedetectionCrops(rows, centers, crops)


@cache
def _spiral(rings: int) -> FloatArray:
    """Return the cells of a grid around its middle cell, ring by ring: (P, 2), read-only."""
    line = np.arange(-rings, rings + 1)
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    x, y = places.T
    ring = np.maximum(np.abs(x), np.abs(y))
    order = np.lexsort((np.arctan2(y, x), ring))[1:]
    spiral = places[order].astype(np.float64)
    spiral.flags.writeable = False
    return spiral
