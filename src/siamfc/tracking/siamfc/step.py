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
from siamfc.tracking.siamfc.bias_correction import measure_offsets
from siamfc.tracking.siamfc.settings import SiamFCSettings
from siamfc.tracking.siamfc.targets import SiamFCTargets, move, relocate, start
from siamfc.tracking.state import TrackerState, foreign_state
from siamfc.tracking.targets import exemplar_crops


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
