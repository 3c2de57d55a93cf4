"""One step of the tracker: frame → crops → network → boxes, without side effects.

What the network gives, responses for several scales or boxes, decides which module does the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from siamfc import geometry
from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError
from siamfc.network.calibration import sigmoid
from siamfc.network.matcher import EmbeddingSpec, Network, predicts_boxes
from siamfc.tracking.defaults import Settings, light_settings, siamfc_settings
from siamfc.tracking.light.step import begin_light, step_light
from siamfc.tracking.siamfc.step import begin_siamfc, step_siamfc
from siamfc.tracking.state import TrackerState


def begin(
    image: ByteImage,
    boxes: ArrayLike | Sequence[ArrayLike],
    matcher: Network,
    settings: Settings | None = None,
) -> TrackerState:
    """Take targets in a first frame (H, W, 3): boxes (N, 4), or one box (4,).

    Raises:
        InputError: not an image, a box that cannot be tracked (see `start`), or settings that
            don't go with the network.
    """
    if predicts_boxes(matcher):
        light_settings(settings)  # refuses the other kind's; a first frame asks for none
        return begin_light(image, boxes, matcher)
    return begin_siamfc(image, boxes, matcher, siamfc_settings(settings))


def step(
    state: TrackerState, image: ByteImage, matcher: Network, settings: Settings
) -> TrackerState:
    """Follow the targets into the next frame; all of them go through the network in one batch.

    Those that are lost then are looked for in further windows, in a second batch.

    Raises:
        InputError: not an image, or one of another size than the first; settings or a state that
            don't go with the network.
    """
    require_size(image, state.targets.frame_size)
    if predicts_boxes(matcher):
        return step_light(state, image, matcher, light_settings(settings))
    return step_siamfc(state, image, matcher, siamfc_settings(settings))


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchView:
    """What the network sees of a target in a frame, at its present size."""

    search: ByteImage
    """(255, 255, 3) search image."""
    scores: FloatArray
    """(m, m) what the network says of each cell, in [0, 1]: as a target's score."""
    area: FloatArray
    """(4,) x, y, w, h of the part of the frame that the cells stand for."""


def view_search(state: TrackerState, image: ByteImage, matcher: Network) -> SearchView:
    """Show what the network sees of the first target where it is looked for in this frame."""
    spec = matcher.spec
    (center, *_), (side, *_) = state.targets.present_windows(spec)
    search = geometry.crop(image, center, float(side), spec.search_size, state.fill)
    if predicts_boxes(matcher):
        scores = matcher.calibration.chance(matcher.locate(state.exemplars[:1], search[None])[0][0])
        middle = (spec.response_size - 1) / 2 * spec.stride + 0.5
    else:
        logits = matcher.respond(state.exemplars[:1], search[None, None])[0, 0]
        scores = sigmoid(logits.astype(np.float64))
        middle = spec.search_size / 2
    return SearchView(
        search=search,
        scores=scores,
        area=_area(center, float(side), middle, spec),
    )


def _area(center: FloatArray, side: float, middle: float, spec: EmbeddingSpec) -> FloatArray:
    """Of cells about a point of the search image; a box in the frame."""
    extent = spec.response_size * spec.stride
    corner = geometry.crop_to_frame([middle - extent / 2] * 2, center, side, spec.search_size)
    return np.concatenate([corner, [extent * side / spec.search_size] * 2])


def require_size(image: ByteImage, frame_size: tuple[int, int]) -> None:
    """Refuse a frame of another size than the first, on whose pixels all boxes are.

    Raises:
        InputError: not an image, or one of another size.
    """
    height, width = geometry.as_image(image).shape[:2]
    if (width, height) != frame_size:
        raise InputError(
            f"expected a frame of {frame_size[0]}×{frame_size[1]} pixels as the first, "
            f"got {width}×{height}: begin anew there, or bring all frames to one size"
        )
