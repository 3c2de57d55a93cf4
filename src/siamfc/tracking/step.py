"""One step without side effects: frame → crops → network → boxes, from one state to the next.

The kind of network decides once whether `tracking.siamfc` or `tracking.light` does the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from siamfc import geometry
from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError
from siamfc.network.matcher import EmbeddingSpec, Network, predicts_boxes
from siamfc.tracking import light, siamfc
from siamfc.tracking.defaults import Settings, light_settings, siamfc_settings
from siamfc.tracking.state import TrackerState


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchView:
    """The network's view of a target in a frame, at the target's present size."""

    search: ByteImage
    """(255, 255, 3) search image."""
    scores: FloatArray
    """(m, m) score of each cell, in [0, 1], on the same scale as a target's score."""
    area: FloatArray
    """(4,) x, y, w, h of the part of the frame covered by the cells."""


class Stepper:
    """Takes targets from a first frame and follows them from one frame to the next.

    It holds a network and settings but no target: it maps one state to the next.

    Args:
        matcher: the loaded network.
        settings: None: the network's defaults.

    Raises:
        InputError: settings for the other kind of network.
    """

    def __init__(self, matcher: Network, settings: Settings | None = None) -> None:
        self.matcher = matcher
        self.settings: Settings
        self._network: Any  # the package with this network's `begin`, `step` and `score_cells`
        if predicts_boxes(matcher):
            self._network, self.settings = light, light_settings(settings)
        else:
            self._network, self.settings = siamfc, siamfc_settings(settings)

    def begin(self, image: ByteImage, boxes: ArrayLike | Sequence[ArrayLike]) -> TrackerState:
        """Take targets from a first frame (H, W, 3): boxes (N, 4) or one box (4,).

        Raises:
            InputError: not an image, or a box that cannot be tracked (see `checked_boxes`).
        """
        state: TrackerState = self._network.begin(image, boxes, self.matcher, self.settings)
        return state

    def step(self, state: TrackerState, image: ByteImage) -> TrackerState:
        """Follow the targets into the next frame; all go through the network in one batch.

        Targets that are then lost are searched for in further windows, in a second batch.

        Raises:
            InputError: not an image, an image whose size differs from the first, or a state from
                the other kind of network.
        """
        require_size(image, state.targets.frame_size)
        after: TrackerState = self._network.step(state, image, self.matcher, self.settings)
        return after

    def view(self, state: TrackerState, image: ByteImage) -> SearchView:
        """Return what the network sees of the first target where it searches this frame."""
        spec = self.matcher.spec
        (center, *_), (side, *_) = state.targets.present_windows(spec)
        search = geometry.crop(image, center, float(side), spec.search_size, state.fill)
        scores, middle = self._network.score_cells(state.exemplars[:1], search, self.matcher)
        return SearchView(
            search=search, scores=scores, area=_area(center, float(side), middle, spec)
        )


def _area(center: FloatArray, side: float, middle: float, spec: EmbeddingSpec) -> FloatArray:
    """Return the box of the frame covered by cells centred on a point of the search image."""
    extent = spec.response_size * spec.stride
    corner = geometry.crop_to_frame([middle - extent / 2] * 2, center, side, spec.search_size)
    return np.concatenate([corner, [extent * side / spec.search_size] * 2])


def require_size(image: ByteImage, frame_size: tuple[int, int]) -> None:
    """Reject a frame whose size differs from the first, to which all boxes refer.

    Raises:
        InputError: not an image, or one of another size.
    """
    height, width = geometry.as_image(image).shape[:2]
    if (width, height) != frame_size:
        raise InputError(
            f"expected a frame of {frame_size[0]}×{frame_size[1]} pixels as the first, "
            f"got {width}×{height}: start a new track there, or resize all frames"
        )
