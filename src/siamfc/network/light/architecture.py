"""The light network's one definition: its tables of layers, its tensors and sizes.

`model` builds the torch network from these tables, `graphs` the graphs for tracking.
"""

from dataclasses import dataclass

ARCHITECTURE = "siamfc-light"
"""Written into every file of weights."""
STRIDE = 16
"""Pixels of the image between two cells of the embedding: 2·2·2·2."""
EXEMPLAR_SIZE, SEARCH_SIZE = 127, 255
EXEMPLAR_CELLS, SEARCH_CELLS = 8, 16
CHANNELS = 96
"""Channels of an embedding."""
PLACES = 5
"""Numbers that describe where an exemplar cell lies in the target's box."""
PLACE_SCALE = 64.0
"""Pixels per unit of those numbers."""
LARGEST_LOG_DISTANCE = 4.0
"""No box extends beyond 16 · exp(4) pixels; keeps an untrained network's boxes finite."""
BRANCH_OUTPUTS = {"score": 1, "box": 4}


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A convolution with padding kernel // 2 and the batch normalisation that follows it."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    linear: bool = False
    """End without a ReLU."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A sequence of convolutions; `residual` adds the input to the last one's output."""

    layers: tuple[Convolution, ...]
    residual: bool = False


def _halving(name: str, inputs: int, outputs: int) -> Block:
    row = Convolution(name=name, inputs=inputs, outputs=outputs, kernel=3, stride=2)
    return Block(layers=(row,))


def _inverted(name: str, inputs: int, outputs: int, stride: int = 1) -> Block:
    """Expand, convolve depthwise, project (MobileNetV2, Sandler et al. 2018)."""
    wide = 3 * inputs
    return Block(
        layers=(
            Convolution(name=f"{name}.widen", inputs=inputs, outputs=wide),
            Convolution(
                name=f"{name}.depthwise",
                inputs=wide,
                outputs=wide,
                kernel=5,
                stride=stride,
                groups=wide,
            ),
            Convolution(name=f"{name}.narrow", inputs=wide, outputs=outputs, linear=True),
        ),
        residual=stride == 1 and inputs == outputs,
    )


def _separable(name: str, first: int) -> tuple[Convolution, ...]:
    return (
        Convolution(
            name=f"{name}.{first}", inputs=CHANNELS, outputs=CHANNELS, kernel=5, groups=CHANNELS
        ),
        Convolution(name=f"{name}.{first + 1}", inputs=CHANNELS, outputs=CHANNELS),
    )


BACKBONE = (
    _halving("backbone.0", 3, 16),
    _halving("backbone.1", 16, 32),
    _halving("backbone.2", 32, 48),
    _inverted("backbone.3", 48, 48),
    _inverted("backbone.4", 48, CHANNELS, stride=2),
    _inverted("backbone.5", CHANNELS, CHANNELS),
    _inverted("backbone.6", CHANNELS, CHANNELS),
    _inverted("backbone.7", CHANNELS, CHANNELS),
    Block(layers=(Convolution(name="backbone.8", inputs=CHANNELS, outputs=CHANNELS, linear=True),)),
)
JOIN = Convolution(name="join", inputs=EXEMPLAR_CELLS**2 + CHANNELS + PLACES + 1, outputs=CHANNELS)
BRANCHES = {
    name: _separable(f"{name}.layers", 0) + _separable(f"{name}.layers", 2)
    for name in BRANCH_OUTPUTS
}


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor of a checkpoint, as torch names them."""
    shapes: dict[str, tuple[int, ...]] = {"sharpness": ()}
    rows = [layer for block in BACKBONE for layer in block.layers]
    for row in (*rows, JOIN, *(layer for branch in BRANCHES.values() for layer in branch)):
        size = row.kernel
        shapes[f"{row.name}.conv.weight"] = (row.outputs, row.inputs // row.groups, size, size)
        _add_norm(shapes, f"{row.name}.norm", row.outputs)
    _add_norm(shapes, "norm", EXEMPLAR_CELLS**2)
    for name, outputs in BRANCH_OUTPUTS.items():
        shapes[f"{name}.last.weight"] = (outputs, CHANNELS, 1, 1)
        shapes[f"{name}.last.bias"] = (outputs,)
    return shapes


def _add_norm(shapes: dict[str, tuple[int, ...]], name: str, channels: int) -> None:
    for part in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"{name}.{part}"] = (channels,)
