"""Whether a target is lost, and where else to search for it.

Functions of scores, centres and sides alone, for any tracker that looks at squares of a frame.
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
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking.targets import TargetBatch, window_crops

_RINGS = 16
"""Rings of windows around a lost target that are searched at most: 1088 windows."""
_MOST_AT_ONCE = 128
"""Windows that are cut out before the network sees them: 25 MB."""


@dataclass(frozen=True, kw_only=True)
class LostSettings:
    """When a target counts as lost, and how much to search for it."""

    lost_threshold: float = 0.8
    """Score below which a tracked target becomes lost."""
    found_threshold: float = 0.95
    """Score from which a lost target is tracked again; at least `lost_threshold`."""
    holds_size: bool = False
    """Whether a target keeps its size while it is lost."""
    windows: int = 0
    """Further squares to search in each frame for each lost target; 0: none."""
    patience: int = 0
    """Frames that a target has been lost before these are searched."""
    relocate_threshold: float = 0.95
    """Score from which a lost target is moved to where the score is highest. Below
    `found_threshold` it remains lost there, and the search goes on."""

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


def search_all_over() -> LostSettings:
    """Return values that find a lost target again: eight further squares in each frame."""
    return LostSettings(windows=8, holds_size=True)


def count_lost(frames_lost: IntArray, scores: FloatArray, settings: LostSettings) -> IntArray:
    """Count for how many frames each target has been lost by now: (N,), 0 for one that isn't.

    Between the two thresholds a target stays what it was, so that a score which wavers around
    one of them does not make it lost and found in turn.

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
    """Where to search next for a lost target: the centres of W ≤ `count` squares, (W, 2).

    The frame is paved with squares close enough to leave nothing out: rings around the place where
    the target is searched for anyway, from the nearest on. Each frame searches the next `count` of
    them and, after the last, begins again; so the cost is bounded, and a small target in a large
    frame takes longer. No square comes twice in a frame. Those that lie outside the frame are left
    out, and those at its border moved in.

    Args:
        center_frame: (2,) where the target is searched for anyway.
        reach: width, in frame pixels, of the area in which one square finds the target.
        frame_size: width and height.
        turn: 0 in the first frame with a further search, 1 in the next.
        count: of squares at most.

    Returns:
        Centres in frame pixels; none, (0, 2), if the first square shows the whole frame.
    """
    center = np.asarray(center_frame, dtype=np.float64)
    middles = center + _spiral(_RINGS) * reach
    inside = np.clip(middles, 0.0, frame_size)
    useful = inside[(np.abs(middles - inside) < reach / 2).all(axis=1)]
    if not len(useful):
        return np.empty((0, 2))
    turned = turn * count + np.arange(min(count, len(useful)))
    return np.asarray(useful[turned % len(useful)])


class Elsewhere(NamedTuple):
    """Further windows, as many for each of L targets, which are some of those that are lost."""

    rows: list[int]
    """(L,) of the targets."""
    centers: FloatArray
    """(L, W, 2) in frame pixels; some come again for a target that has fewer than another."""
    crops: ByteImage
    """(L, W, 255, 255, 3) search images; see `TargetBatch.lost_windows`."""


def look_elsewhere(
    targets: TargetBatch,
    image: ByteImage,
    fill: ByteImage,
    spec: EmbeddingSpec,
    settings: LostSettings,
) -> Iterator[Elsewhere]:
    """Crop the places where lost targets may be, a bounded number of windows at once."""
    if not settings.windows:
        return
    sides = targets.lost_windows(spec)[1]
    # Of these places one search image shows the target with all its context.
    reaches = sides * ((spec.search_size - spec.exemplar_size + spec.stride) / spec.search_size)
    turns = targets.frames_lost - settings.patience - 1
    places = {}
    for row in np.flatnonzero(turns >= 0).tolist():
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
        crops = window_crops(
            image, centers.reshape(-1, 2), np.repeat(sides[rows], most), spec.search_size, fill
        )
        yield Elsewhere(rows, centers, crops.reshape(len(rows), most, *crops.shape[1:]))


@cache
def _spiral(rings: int) -> FloatArray:
    """Places of a grid about its middle, without it, by rings: (P, 2), read-only."""
    line = np.arange(-rings, rings + 1)
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    x, y = places.T
    ring = np.maximum(np.abs(x), np.abs(y))
    order = np.lexsort((np.arctan2(y, x), ring))[1:]
    spiral = places[order].astype(np.float64)
    spiral.flags.writeable = False
    return spiral
