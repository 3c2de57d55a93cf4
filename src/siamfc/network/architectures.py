"""The architectures: the sizes, tensors and layers that a file of weights is checked against."""

from collections.abc import Callable
from dataclasses import dataclass

from siamfc.errors import InputError
from siamfc.network.light import architecture as light
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.siamfc import architecture as alexnet


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One kind of network."""

    name: str
    """Name stored in every file of weights."""
    tensor_shapes: Callable[[], dict[str, tuple[int, ...]]]
    """Name and shape of every tensor of a checkpoint, as torch names them."""
    logarithm: str
    """Name of the tensor, a single number, whose exponential scales the similarity."""
    layout: light.Layout | None = None
    """Layers of a network that predicts boxes; None for SiamFC."""
    response: Callable[[EmbeddingSpec], tuple[int, int]]
    """Returns the response's width in cells and its stride in pixels of the search image; raises
    InputError for sizes that do not fit."""

    def check_sizes(self, spec: EmbeddingSpec) -> None:
        """Raise InputError unless the network has these sizes."""
        cells, stride = self.response(spec)
        if (spec.response_size, spec.stride) != (cells, stride):
            raise InputError(f"expected a response of {cells} cells and stride {stride}: {spec}")


def _alexnet_response(spec: EmbeddingSpec) -> tuple[int, int]:
    exemplar, search = map(alexnet.embedding_size, (spec.exemplar_size, spec.search_size))
    return search - exemplar + 1, alexnet.STRIDE


def _light_response(spec: EmbeddingSpec) -> tuple[int, int]:
    expected = (light.EXEMPLAR_SIZE, light.SEARCH_SIZE)
    if (spec.exemplar_size, spec.search_size) != expected:
        raise InputError(f"expected images of {expected[0]} and {expected[1]} pixels: {spec}")
    return light.SEARCH_CELLS, light.STRIDE


ALEXNET = Architecture(
    name=alexnet.ARCHITECTURE,
    tensor_shapes=alexnet.tensor_shapes,
    logarithm="log_gain",
    response=_alexnet_response,
)
"""SiamFC: one response per scale (Bertinetto et al. 2016)."""
ARCHITECTURES = {"siamfc": ALEXNET} | {
    name: Architecture(
        name=layout.name,
        tensor_shapes=layout.tensor_shapes,
        logarithm="sharpness",
        layout=layout,
        response=_light_response,
    )
    for name, layout in light.LAYOUTS.items()
}
"""Architectures by user-facing name. All but SiamFC search one scale and predict boxes."""
LIGHT = ARCHITECTURES["light"]


def find_architecture(name: object) -> Architecture:
    """Return an architecture by the name stored in files of weights.

    Raises:
        InputError: the name is unknown.

    >>> find_architecture("siamfc-light").logarithm
    'sharpness'
    """
    for candidate in ARCHITECTURES.values():
        if candidate.name == name:
            return candidate
    expected = " or ".join(repr(candidate.name) for candidate in ARCHITECTURES.values())
    raise InputError(f"architecture: expected {expected}, got {name!r:.60}")


def find_layout(name: str) -> light.Layout:
    """Return the layout of a network that predicts boxes, by the name stored in its weights.

    Raises:
        InputError: the name is unknown, or the network predicts no boxes.
    """
    layout = find_architecture(name).layout
    if layout is None:
        raise InputError(f"architecture: expected one that predicts boxes, got {name!r}")
    return layout
