"""Definition of SiamFC: the table of its backbone's layers, and their order.

Bertinetto et al. 2016, table 1. The torch model, the training pass, both runtimes and the exported
graphs each implement the arithmetic of a layer and take everything else from here: change `LAYERS`
or `embed`, and all of them change.
"""

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar

from siamfc.errors import InputError

ARCHITECTURE = "siamfc-alexnet"
"""Name stored in every file of weights; another network needs another name."""
NORM_EPSILON = 1e-5
"""Added to a variance before taking its square root."""
POOL_SIZE, POOL_STRIDE = 3, 2
"""Size and stride of the two max poolings."""
Features = TypeVar("Features")
"""Feature maps in a runtime's own form: tensors, or the name of a graph's node."""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """One layer of the table: a square convolution without padding, and the steps after it."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    groups: int = 1
    norm: str | None
    """Batch normalisation, followed by a ReLU; None: neither, and the convolution has a bias."""
    pooled: bool = False
    """Apply max pooling at the end."""


LAYERS = (
    Convolution(name="conv1", inputs=3, outputs=96, kernel=11, stride=2, norm="norm1", pooled=True),
    Convolution(
        name="conv2", inputs=96, outputs=256, kernel=5, groups=2, norm="norm2", pooled=True
    ),
    Convolution(name="conv3", inputs=256, outputs=384, kernel=3, norm="norm3"),
    Convolution(name="conv4", inputs=384, outputs=384, kernel=3, groups=2, norm="norm4"),
    Convolution(name="conv5", inputs=384, outputs=256, kernel=3, groups=2, norm=None),
)
CHANNELS = LAYERS[-1].outputs
"""Channels of an embedding: 256."""
STRIDE = math.prod(row.stride * (POOL_STRIDE if row.pooled else 1) for row in LAYERS)
"""Distance between two cells of the embedding, in pixels of the image: 2·2·2 = 8."""


class Arithmetic(Protocol[Features]):
    """One runtime's implementation of a layer's steps."""

    def convolve(self, layer: Convolution, features: Features) -> Features:
        """Convolve; add the layer's bias if no normalisation follows."""
        ...

    def normalise(self, layer: Convolution, features: Features) -> Features:
        """Apply the layer's batch normalisation and the ReLU."""
        ...

    def pool(self, features: Features) -> Features:
        """Apply max pooling with `POOL_SIZE` and `POOL_STRIDE`."""
        ...


def embed(arithmetic: Arithmetic[Features], images: Features) -> Features:
    """Run the backbone φ on images: every layer in turn, computed by `arithmetic`."""
    features = images
    for layer in LAYERS:
        features = arithmetic.convolve(layer, features)
        if layer.norm is not None:
            features = arithmetic.normalise(layer, features)
        if layer.pooled:
            features = arithmetic.pool(features)
    return features


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor of a checkpoint, as torch names them."""
    shapes: dict[str, tuple[int, ...]] = {"bias": (), "log_gain": ()}
    for layer in LAYERS:
        size = layer.kernel
        shape = (layer.outputs, layer.inputs // layer.groups, size, size)
        shapes[f"backbone.{layer.name}.weight"] = shape
        if layer.norm is None:
            shapes[f"backbone.{layer.name}.bias"] = (layer.outputs,)
        else:
            for part in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"backbone.{layer.norm}.{part}"] = (layer.outputs,)
    return shapes


def embedding_size(image_size: int) -> int:
    """Return the width in cells of the embedding of an image `image_size` pixels wide.

    Sizes that fit are 87, 95, 103, … pixels. A stride would truncate any other: cells would no
    longer lie evenly around the image's centre, and every response would be shifted.

    Raises:
        InputError: a size that does not fit.

    >>> embedding_size(127), embedding_size(255)
    (6, 22)
    """
    size = image_size
    for layer in LAYERS:
        size = _cells(image_size, size, layer.kernel, layer.stride)
        if layer.pooled:
            size = _cells(image_size, size, POOL_SIZE, POOL_STRIDE)
    return size


def _cells(image_size: int, size: int, kernel: int, stride: int) -> int:
    cells, remainder = divmod(size - kernel, stride)
    if cells < 0 or remainder:
        raise InputError(f"image size: expected 87, 95, 103, … pixels, got {image_size}")
    return cells + 1
