"""One step of the tracker with SiamFC, which searches several scales; free of side effects."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from siamfc import geometry
from siamfc.array_types import ByteImage, FloatArray
from siamfc.network.calibration import sigmoid
from siamfc.network.matcher import Embedding, Matcher
from siamfc.tracking.redetection import redetection_crops
from siamfc.tracking.siamfc.settings import SiamFCSettings
from siamfc.tracking.siamfc.targets import SiamFCTargets, move, read_displacement, relocate, start
from siamfc.tracking.state import TrackerState, foreign_state
from siamfc.tracking.targets import exemplar_crops, window_crops


def begin(
    image: ByteImage,
    boxes: ArrayLike | Sequence[ArrayLike],
    matcher: Matcher,
    settings: SiamFCSettings,
) -> TrackerState:
    """Take targets from a first frame; see `Stepper.begin`."""
    height, width = geometry.as_image(image).shape[:2]
    targets = start(boxes, (width, height), matcher.spec)
    fill = geometry.mean_color(image)
    exemplars = matcher.embed_exemplar(exemplar_crops(targets, image, fill, matcher.spec))
    if settings.bias_correction:
        offsets = measure_offsets(targets, exemplars, image, fill, matcher, settings)
        targets = replace(targets, offset_crop=offsets)
    return TrackerState.begin(targets, exemplars, fill)


def step(
    state: TrackerState, image: ByteImage, matcher: Matcher, settings: SiamFCSettings
) -> TrackerState:
    """Follow targets into the next frame, see `Stepper.step`; exemplars are updated last."""
    targets, spec = state.targets, matcher.spec
    if not isinstance(targets, SiamFCTargets):
        raise foreign_state("searches scales")
    centers, sides = targets.search_windows(settings)
    crops = np.empty((*sides.shape, spec.search_size, spec.search_size, 3), dtype=np.uint8)
    for row, center in enumerate(centers):
        crops[row] = geometry.crop_scales(image, center, sides[row], spec.search_size, state.fill)
    responses = matcher.respond(state.exemplars, crops)
    targets = move(targets, responses, settings, spec)
    for rows, centers, searches in redetection_crops(
        targets, image, state.fill, spec, settings.lost
    ):
        searches = searches.reshape(*centers.shape[:2], *searches.shape[1:])
        responses = matcher.respond(state.exemplars[rows], searches)
        relocated = relocate(targets.take(rows), centers, responses, settings, spec)
        targets = targets.put(rows, relocated)

    def embed(rows: list[int]) -> Embedding:
        crops = exemplar_crops(targets.take(rows), image, state.fill, spec)
        return matcher.embed_exemplar(crops)

    return replace(state, targets=targets).update(settings.update, embed)


def score_cells(
    exemplars: Embedding, search: ByteImage, matcher: Matcher
) -> tuple[FloatArray, float]:
    """Return scores (m, m) of one search image's cells and the middle cell's position in pixels."""
    logits = matcher.respond(exemplars, search[None, None])[0, 0]
    return sigmoid(logits.astype(np.float64)), matcher.spec.search_size / 2


def measure_offsets(
    targets: SiamFCTargets,
    exemplars: Embedding,
    image: ByteImage,
    fill: ByteImage,
    matcher: Matcher,
    settings: SiamFCSettings,
) -> FloatArray:
    """Measure the network's offset in the frame in which the targets were given.

    An exact tracker would find a target in its first frame precisely where it was given. A network
    is off by a fraction of a cell: its strides, its pooling and whatever surrounds the target pull
    the peak to one side, and will do so in the next frames. The offset depends on the position
    within a cell, so the peak is read in `settings.bias_correction`² search windows per target,
    shifted evenly over one cell, and averaged.

    Args:
        targets: N targets in their first frame, at their first size.
        exemplars: embeddings of the targets.
        image: the first frame.
        fill: (3,) colour outside the frame.
        matcher: the network.
        settings: settings of the tracker.

    Returns:
        (N, 2) offset right and down, pixels of the search image; at most half a cell.
    """
    spec, count = matcher.spec, settings.bias_correction
    along = ((np.arange(count) + 0.5) / count - 0.5) * spec.stride
    shifts = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    sides = np.repeat(targets.first_side, len(shifts))
    centers = np.repeat(targets.center_frame, len(shifts), axis=0)
    centers += np.tile(shifts, (len(targets), 1)) * (sides / spec.search_size)[:, None]
    crops = window_crops(image, centers, sides, spec.search_size, fill)
    responses = matcher.respond(exemplars, crops.reshape(len(targets), -1, *crops.shape[1:]))
    seen = [[read_displacement(one, settings, spec) for one in several] for several in responses]
    offsets = (np.array(seen) + shifts).mean(axis=1)
    return np.asarray(np.clip(offsets, -spec.stride / 2, spec.stride / 2))
