"""One step of the tracker: frame → crops → responses → boxes, without side effects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import geometry
from siamfc.errors import InputError
from siamfc.network.matcher import Embedding, Matcher
from siamfc.tracking.settings import TrackerSettings
from siamfc.tracking.targets import Targets, advance, start

ByteImage = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerState:
    """All that a tracker remembers of the frames so far."""

    targets: Targets
    exemplars: Embedding
    """(N, 256, 6, 6) of the first frame, in the matcher's own array type."""
    fill: ByteImage
    """(3,) mean colour of the first frame, shown in place of what lies outside a frame."""


def begin(
    image: ByteImage, boxes: ArrayLike | Sequence[ArrayLike], matcher: Matcher
) -> TrackerState:
    """Take targets in a first frame (H, W, 3): boxes (N, 4), or one box (4,).

    Raises:
        InputError: not an image, or a box that cannot be tracked; see `start`.
    """
    height, width = geometry.as_image(image).shape[:2]
    targets = start(boxes, (width, height), matcher.spec)
    fill = geometry.mean_color(image)
    size = matcher.spec.exemplar_size
    windows = zip(*targets.exemplar_windows(matcher.spec), strict=True)
    crops = [geometry.crop(image, center, float(side), size, fill) for center, side in windows]
    exemplars = matcher.embed_exemplar(np.stack(crops))
    return TrackerState(targets=targets, exemplars=exemplars, fill=fill)


def step(
    state: TrackerState, image: ByteImage, matcher: Matcher, settings: TrackerSettings
) -> TrackerState:
    """Follow the targets into the next frame; all of them go through the network in one batch.

    Raises:
        InputError: not an image, or one of another size than the first.
    """
    require_size(image, state.targets.frame_size)
    size = matcher.spec.search_size
    windows = zip(*state.targets.search_windows(settings), strict=True)
    crops = [
        geometry.crop_scales(image, center, sides, size, state.fill) for center, sides in windows
    ]
    responses = matcher.respond(state.exemplars, np.stack(crops))
    return replace(state, targets=advance(state.targets, responses, settings, matcher.spec))


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
