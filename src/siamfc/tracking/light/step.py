"""One step of the tracker with a network that predicts boxes; free of side effects."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from siamfc import geometry
from siamfc.array_types import ByteImage, FloatArray
from siamfc.network.matcher import BoxMatcher, Embedding
from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.light.targets import LightTargets, move, relocate, start
from siamfc.tracking.redetection import redetection_crops
from siamfc.tracking.state import TrackerState, foreign_state
from siamfc.tracking.targets import cropper, exemplar_crops


def begin(
    image: ByteImage,
    boxes: ArrayLike | Sequence[ArrayLike],
    matcher: BoxMatcher,
    _settings: LightSettings,
) -> TrackerState:
    """Take targets from a first frame, see `Stepper.begin`; the settings are not needed here."""
    height, width = geometry.as_image(image).shape[:2]
    targets = start(boxes, (width, height))
    fill = geometry.mean_color(image)
    exemplars = _embed(targets, image, fill, matcher)
    return TrackerState.begin(targets, exemplars, fill, together=matcher.exemplars > 1)


def step(
    state: TrackerState, image: ByteImage, matcher: BoxMatcher, settings: LightSettings
) -> TrackerState:
    """Follow targets into the next frame; see `Stepper.step`.

    The exemplars are updated before lost targets are searched for elsewhere, so a target found
    there must first keep its score for one more frame.
    """
    targets, spec = state.targets, matcher.spec
    if not isinstance(targets, LightTargets):
        raise foreign_state("predicts boxes")
    windows = targets.present_windows(spec)
    crop = cropper(matcher)
    crops = crop(image, *windows, spec.search_size, state.fill)
    logits, boxes = matcher.locate(state.exemplars, crops)
    targets = moved = move(targets, logits, boxes, settings, spec, matcher.calibration)
    state = replace(state, targets=moved).update(
        settings.update, lambda rows: _embed(moved.take(rows), image, state.fill, matcher)
    )
    # Recent exemplars of a target that left show how it went, the first one how it may return.
    left = np.flatnonzero(moved.left).tolist() if settings.lost.windows else []
    searched = state.restart(left).exemplars if left else state.exemplars
    for rows, centers, searches in redetection_crops(
        targets, image, state.fill, spec, settings.lost, moved.watched, crop
    ):
        repeated = searched[np.repeat(rows, centers.shape[1])]
        logits, boxes = matcher.locate(repeated, searches)
        logits, boxes = (a.reshape(*centers.shape[:2], *a.shape[1:]) for a in (logits, boxes))
        lost = targets.take(rows)
        relocated = relocate(lost, centers, logits, boxes, settings, spec, matcher.calibration)
        targets = targets.put(rows, relocated)
    returned = [row for row in left if not targets.lost[row]]
    if returned:
        state = state.restart(returned)
    return replace(state, targets=targets)


def score_cells(
    exemplars: Embedding, search: ByteImage, matcher: BoxMatcher
) -> tuple[FloatArray, float]:
    """Return scores (m, m) of one search image's cells and the middle cell's position in pixels."""
    spec = matcher.spec
    logits = matcher.locate(exemplars, search[None])[0][0]
    return matcher.calibration.probability(logits), (spec.response_size - 1) / 2 * spec.stride + 0.5


def _embed(
    targets: LightTargets, image: ByteImage, fill: ByteImage, matcher: BoxMatcher
) -> Embedding:
    """Return the targets' exemplar embeddings at their current boxes."""
    crops = exemplar_crops(targets, image, fill, matcher.spec, cropper(matcher))
    return matcher.embed_exemplar(crops, targets.exemplar_sizes(matcher.spec))
