"""One step of the tracker with SiamFC, which searches several scales, without side effects."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import geometry
from siamfc.network.matcher import Embedding, Matcher
from siamfc.tracking.centring import measure_offsets
from siamfc.tracking.elsewhere import look_elsewhere
from siamfc.tracking.settings import TrackerSettings
from siamfc.tracking.state import TrackerState, exemplar_crops, foreign_state
from siamfc.tracking.targets import Targets, advance, recover, start
from siamfc.tracking.updating import UpdateSettings, mix, update_rates

ByteImage = NDArray[np.uint8]


def begin_scales(
    image: ByteImage,
    boxes: ArrayLike | Sequence[ArrayLike],
    matcher: Matcher,
    settings: TrackerSettings,
) -> TrackerState:
    """See `siamfc.tracking.begin`."""
    height, width = geometry.as_image(image).shape[:2]
    targets = start(boxes, (width, height), matcher.spec)
    fill = geometry.mean_color(image)
    exemplars = matcher.embed_exemplar(exemplar_crops(targets, image, fill, matcher.spec))
    if settings.centring:
        offsets = measure_offsets(targets, exemplars, image, fill, matcher, settings)
        targets = replace(targets, offset_crop=offsets)
    return TrackerState(targets=targets, exemplars=exemplars, fill=fill)


def step_scales(
    state: TrackerState, image: ByteImage, matcher: Matcher, settings: TrackerSettings
) -> TrackerState:
    """See `siamfc.tracking.step`. The exemplars are updated last, from where the targets are."""
    targets, spec = state.targets, matcher.spec
    if not isinstance(targets, Targets):
        raise foreign_state("searches scales")
    exemplars = _searched(state, settings.update)
    windows = zip(*targets.search_windows(settings), strict=True)
    crops = [
        geometry.crop_scales(image, center, sides, spec.search_size, state.fill)
        for center, sides in windows
    ]
    responses = matcher.respond(exemplars, np.stack(crops))
    targets = advance(targets, responses, settings, spec)
    found = look_elsewhere(targets, image, state.fill, spec, settings.lost)
    if found is not None:
        rows, centers, searches = found
        responses = matcher.respond(exemplars[rows], searches)
        recovered = recover(targets.take(rows), centers, responses, settings, spec)
        targets = targets.put(rows, recovered)
    return _updated(replace(state, targets=targets), image, matcher, settings.update)


def _searched(state: TrackerState, settings: UpdateSettings) -> Embedding:
    """What is searched for: the first exemplars, or a mix of them and the moving average."""
    if state.average is None:
        return state.exemplars
    share = np.full(len(state.targets), settings.first_share)
    return mix(state.average, state.exemplars, share)


def _updated(
    state: TrackerState, image: ByteImage, matcher: Matcher, settings: UpdateSettings
) -> TrackerState:
    """Take the present frame into the moving average of the targets that are sure."""
    if not settings.changes_exemplar:
        return state
    targets = state.targets
    rates = update_rates(targets.score, targets.lost, settings)
    if not rates.any():
        return state
    average = state.exemplars if state.average is None else state.average
    crops = exemplar_crops(targets, image, state.fill, matcher.spec)
    return replace(state, average=mix(average, matcher.embed_exemplar(crops), rates))
