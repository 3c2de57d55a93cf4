"""One step of the tracker with a network that gives boxes, without side effects."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from siamfc import geometry
from siamfc.array_types import ByteImage
from siamfc.network.matcher import BoxMatcher, Embedding
from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.light.targets import LightTargets, advance_light, recover_boxes, start_light
from siamfc.tracking.redetection_windows import look_elsewhere
from siamfc.tracking.state import TrackerState, exemplar_crops, foreign_state, window_crops


def begin_light(
    image: ByteImage, boxes: ArrayLike | Sequence[ArrayLike], matcher: BoxMatcher
) -> TrackerState:
    """See `siamfc.tracking.begin`."""
    height, width = geometry.as_image(image).shape[:2]
    targets = start_light(boxes, (width, height))
    fill = geometry.mean_color(image)
    return TrackerState.begin(targets, _embed(targets, image, fill, matcher), fill)


def step_light(
    state: TrackerState, image: ByteImage, matcher: BoxMatcher, settings: LightSettings
) -> TrackerState:
    """See `siamfc.tracking.step`.

    The exemplars are updated before lost targets are looked for elsewhere: what is found there
    has to hold out for a frame.
    """
    targets, spec = state.targets, matcher.spec
    if not isinstance(targets, LightTargets):
        raise foreign_state("gives boxes")
    windows = targets.present_windows(spec)
    crops = window_crops(image, *windows, spec.search_size, state.fill)
    logits, boxes = matcher.locate(state.exemplars, crops)
    targets = moved = advance_light(targets, logits, boxes, settings, spec, matcher.calibration)
    state = replace(state, targets=moved).update(
        settings.update, lambda rows: _embed(moved.take(rows), image, state.fill, matcher)
    )
    found = look_elsewhere(targets, image, state.fill, spec, settings.lost)
    if found is not None:
        rows, centers, searches = found
        repeated = state.exemplars[np.repeat(rows, centers.shape[1])]
        logits, boxes = matcher.locate(repeated, searches.reshape(-1, *searches.shape[2:]))
        logits, boxes = (a.reshape(*centers.shape[:2], *a.shape[1:]) for a in (logits, boxes))
        lost = targets.take(rows)
        recovered = recover_boxes(lost, centers, logits, boxes, settings, spec, matcher.calibration)
        targets = targets.put(rows, recovered)
    return replace(state, targets=targets)


def _embed(
    targets: LightTargets, image: ByteImage, fill: ByteImage, matcher: BoxMatcher
) -> Embedding:
    """Exemplars of targets where they are."""
    crops = exemplar_crops(targets, image, fill, matcher.spec)
    return matcher.embed_exemplar(crops, targets.exemplar_sizes(matcher.spec))
