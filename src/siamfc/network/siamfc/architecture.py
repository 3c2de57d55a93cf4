"""What every runtime must agree on about the network: layers, tensors and sizes.

Bertinetto et al. 2016, table 1. Standard library only; `alexnet` is the same in torch.
"""

from dataclasses import dataclass

from siamfc.errors import InputError

ARCHITECTURE = "siamfc-alexnet"
"""Stands in every file of weights; another network gets another name."""
NORM_EPSILON = 1e-5
"""Added to a variance before its root is taken."""
POOL_SIZE, POOL_STRIDE = 3, 2
"""The two max poolings."""
STRIDE = 8
"""Pixels of the image between two cells of the embedding: 2·2·2."""
CHANNELS = 256
"""Of an embedding."""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """One row of the network's table: a square convolution without padding and what follows."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    groups: int = 1
    norm: str | None
    """The batch normalisation that follows, and then a ReLU; None: neither, but a bias."""
    pooled: bool = False
    """Whether a max pooling ends the row."""


LAYERS = (
    Convolution(name="conv1", inputs=3, outputs=96, kernel=11, stride=2, norm="norm1", pooled=True),
    Convolution(
        name="conv2", inputs=96, outputs=256, kernel=5, groups=2, norm="norm2", pooled=True
    ),
    Convolution(name="conv3", inputs=256, outputs=384, kernel=3, norm="norm3"),
    Convolution(name="conv4", inputs=384, outputs=384, kernel=3, groups=2, norm="norm4"),
    Convolution(name="conv5", inputs=384, outputs=CHANNELS, kernel=3, groups=2, norm=None),
)


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a checkpoint, as torch names them."""
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
    """Cells on a side of the embedding of an image `image_size` pixels wide.

    InputError for a size that a stride cuts short: cells would no longer lie evenly about the
    image's centre, and every response would be shifted. Sizes that fit are 87, 95, 103, …

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
