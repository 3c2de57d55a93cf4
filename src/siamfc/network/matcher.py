"""What a tracker asks of a network, whatever runs it.

A matcher has no target and no memory: it turns crops into embeddings and compares them.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import InputError

Embedding = Any
"""Exemplar embeddings, (N, 256, 6, 6), in the runtime's own array type and precision."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingSpec:
    """The sizes that a network was made for (Bertinetto et al. 2016, section 2 and table 1)."""

    exemplar_size: int = 127
    """Side of the exemplar image, pixels."""
    search_size: int = 255
    """Side of the search image, pixels."""
    response_size: int = 17
    """Side of the response, cells."""
    stride: int = 8
    """Distance between two cells of the response, pixels of the search image."""
    context_amount: float = 0.5
    """Margin about the target's box, as a share of w + h."""

    def __post_init__(self) -> None:
        sizes = (self.exemplar_size, self.search_size, self.response_size, self.stride)
        if min(sizes) < 1 or self.search_size < self.exemplar_size:
            raise InputError(f"expected positive sizes, search at least exemplar; got {self}")
        if not 0 <= self.context_amount <= 4:
            raise InputError(f"context_amount: expected 0 to 4, got {self.context_amount}")


class Matcher(Protocol):
    """A network ready to track with; thread-safe for reading, never mutated by a call."""

    spec: EmbeddingSpec

    def embed_exemplar(self, crops: NDArray[np.uint8]) -> Embedding:
        """Embed exemplar images: (N, 127, 127, 3) uint8 RGB → (N, 256, 6, 6)."""
        ...

    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compare: (N, 256, 6, 6) and (N, S, 255, 255, 3) uint8 RGB → logits (N, S, 17, 17)."""
        ...


def check_exemplars(spec: EmbeddingSpec, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Exemplar images as one block of memory; InputError if they are not as `Matcher` says."""
    size = spec.exemplar_size
    return _check(images, "exemplar images", ("N",), (size, size, 3))


def check_searches(
    spec: EmbeddingSpec, exemplars: Embedding, images: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Search images likewise, as many in the first axis as there are exemplar embeddings."""
    size = spec.search_size
    images = _check(images, "search images", ("N", "S"), (size, size, 3))
    if len(exemplars) != len(images):
        raise InputError(
            f"search images: expected those of {len(exemplars)} exemplars, got {len(images)}"
        )
    return images


def _check(
    images: NDArray[np.uint8], name: str, free: tuple[str, ...], fixed: tuple[int, ...]
) -> NDArray[np.uint8]:
    shape, dtype = np.shape(images), getattr(images, "dtype", type(images).__name__)
    counts, rest = shape[: len(free)], shape[len(free) :]
    if dtype != np.uint8 or rest != fixed or 0 in counts:
        expected = ", ".join(map(str, free + fixed))
        raise InputError(f"{name}: expected uint8 ({expected}), got {dtype} {shape}")
    return np.ascontiguousarray(images)
