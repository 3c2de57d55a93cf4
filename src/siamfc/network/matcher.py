"""The interface between a tracker and a network, independent of the runtime.

A matcher holds no target and no state: it turns crops into embeddings and compares them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError
from siamfc.geometry import CONTEXT_AMOUNT
from siamfc.network.calibration import Calibration

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Embedding = Any
"""Exemplar embeddings (N, …) in the runtime's own array type and precision."""
Crops = Any
"""Images (N, size, size, 3), RGB uint8: an array, or what the matcher's `crop_windows` returned."""
CropWindows = Callable[[ByteImage, FloatArray, FloatArray, int, ByteImage], Crops]
"""Crops a frame (H, W, 3) at squares with centres (N, 2) and sides (N,) to images of a size; the
last argument is the colour (3,) outside the frame."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingSpec:
    """Sizes that a network was trained for (Bertinetto et al. 2016, section 2 and table 1)."""

    exemplar_size: int = 127
    """Side of the exemplar image, pixels."""
    search_size: int = 255
    """Side of the search image, pixels."""
    response_size: int = 17
    """Side of the response, cells."""
    stride: int = 8
    """Distance between two cells of the response, pixels of the search image."""
    context_amount: float = CONTEXT_AMOUNT
    """Margin around the target's box, as a fraction of w + h."""

    def __post_init__(self) -> None:
        sizes = (self.exemplar_size, self.search_size, self.response_size, self.stride)
        if min(sizes) < 1 or self.search_size < self.exemplar_size:
            raise InputError(f"expected positive sizes, search at least exemplar; got {self}")
        if not 0 <= self.context_amount <= 4:
            raise InputError(f"context_amount: expected 0 to 4, got {self.context_amount}")


class Matcher(Protocol):
    """A loaded network; safe to share between threads, never mutated by a call."""

    spec: EmbeddingSpec

    def embed_exemplar(self, crops: NDArray[np.uint8]) -> Embedding:
        """Embed exemplar images: (N, 127, 127, 3) uint8 RGB → (N, 256, 6, 6)."""
        ...

    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compare (N, 256, 6, 6) with (N, S, 255, 255, 3) uint8 RGB as logits (N, S, 17, 17)."""
        ...


class BoxMatcher(Protocol):
    """A loaded network that predicts a box for every cell of the search image; cf. `Matcher`.

    A matcher may also have a function `crop_windows`, of type `CropWindows`, that makes its images
    where the network runs.
    """

    spec: EmbeddingSpec
    calibration: Calibration
    """Map from logits to probabilities."""

    @property
    def exemplars(self) -> int:
        """Number of exemplars per target that `locate` uses together, 1 or 2."""
        ...

    def embed_exemplar(self, crops: Crops, sizes: NDArray[np.floating]) -> Embedding:
        """Embed exemplar images (N, 127, 127, 3) uint8 RGB.

        `sizes` (N, 2) are width and height of the targets' boxes, in pixels of these images.
        """
        ...

    def locate(
        self, exemplars: Embedding, searches: Crops
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compare with search images (N, 255, 255, 3) uint8 RGB.

        Two exemplars of a target are concatenated along the embeddings' last axis: the first
        frame's and a later one, or the first one twice.

        Returns:
            Logits (N, 16, 16), whose sigmoid is the predicted IoU of a cell's box, and boxes
            (N, 4, 16, 16): left, top, right, bottom, in pixels of the search image.
        """
        ...


Network = Matcher | BoxMatcher
"""A loaded network of either kind."""


def predicts_boxes(matcher: Network) -> "TypeIs[BoxMatcher]":
    """Return True for a network that predicts boxes, False for one that searches several scales."""
    return hasattr(matcher, "locate")


def check_exemplars(spec: EmbeddingSpec, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return exemplar images (N, 127, 127, 3) uint8 as a contiguous array.

    Raises:
        InputError: another shape or type.
    """
    size = spec.exemplar_size
    return _check(images, "exemplar images", ("N",), (size, size, 3))


def check_searches(
    spec: EmbeddingSpec, exemplars: Embedding, images: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return search images (N, S, 255, 255, 3) uint8, S per exemplar, likewise.

    Raises:
        InputError: another shape or type, or another number of exemplars.
    """
    size = spec.search_size
    images = _check(images, "search images", ("N", "S"), (size, size, 3))
    _check_count(exemplars, images)
    return images


def check_sizes(images: Crops, sizes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the sizes (N, 2) of the boxes in N exemplar images as float32.

    Raises:
        InputError: another shape, or numbers that are not finite and above 0.
    """
    found = np.asarray(sizes, dtype=np.float32)
    if found.shape != (len(images), 2) or not (np.isfinite(found) & (found > 0)).all():
        raise InputError(f"sizes: expected positive numbers ({len(images)}, 2), got {found}")
    return found


def check_single_searches(
    spec: EmbeddingSpec, exemplars: Embedding, images: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return search images (N, 255, 255, 3) uint8, one per exemplar, likewise.

    Raises:
        InputError: another shape or type, or another number of exemplars.
    """
    size = spec.search_size
    images = _check(images, "search images", ("N",), (size, size, 3))
    _check_count(exemplars, images)
    return images


def _check_count(exemplars: Embedding, images: NDArray[np.uint8]) -> None:
    if len(exemplars) != len(images):
        raise InputError(
            f"search images: expected those of {len(exemplars)} exemplars, got {len(images)}"
        )


def _check(
    images: NDArray[np.uint8], name: str, free: tuple[str, ...], fixed: tuple[int, ...]
) -> NDArray[np.uint8]:
    shape, dtype = np.shape(images), getattr(images, "dtype", type(images).__name__)
    counts, rest = shape[: len(free)], shape[len(free) :]
    if dtype != np.uint8 or rest != fixed or 0 in counts:
        expected = ", ".join(map(str, free + fixed))
        raise InputError(f"{name}: expected uint8 ({expected}), got {dtype} {shape}")
    return np.ascontiguousarray(images)
