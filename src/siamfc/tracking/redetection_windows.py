"""Search images of places where a lost target may have gone to."""

from typing import NamedTuple

import numpy as np

from siamfc.array_types import ByteImage, FloatArray
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking.redetection import LostSettings, redetection_windows
from siamfc.tracking.state import window_crops
from siamfc.tracking.targets import TargetBatch


class Elsewhere(NamedTuple):
    """Further windows, as many for each of L lost targets."""

    rows: list[int]
    """(L,) of the targets."""
    centers: FloatArray
    """(L, W, 2) in frame pixels; some come again for a target that has fewer than another."""
    crops: ByteImage
    """(L, W, 255, 255, 3) search images, the targets at their present size."""


def look_elsewhere(
    targets: TargetBatch,
    image: ByteImage,
    fill: ByteImage,
    spec: EmbeddingSpec,
    settings: LostSettings,
) -> Elsewhere | None:
    """Cut out where to look for the targets that are lost; None if there is nowhere to look."""
    if not settings.windows:
        return None
    sides = targets.present_windows(spec)[1]
    reaches = sides * (spec.response_size * spec.stride / spec.search_size)
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
    if not places:
        return None
    most = max(map(len, places.values()))
    centers = np.stack([np.resize(each, (most, 2)) for each in places.values()])
    rows = list(places)
    crops = window_crops(
        image, centers.reshape(-1, 2), np.repeat(sides[rows], most), spec.search_size, fill
    )
    return Elsewhere(rows, centers, crops.reshape(len(rows), most, *crops.shape[1:]))
