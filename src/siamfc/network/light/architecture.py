"""Definition of the light networks: their tables of layers, their tensors and sizes.

The networks form one family: a layout has a width, a depth and a number of exemplars that are
attended to together. `model` builds the torch network from these tables, `graphs` the graphs for
tracking.
"""

from dataclasses import dataclass
from functools import cached_property

STRIDE = 16
"""Distance between two cells of the embedding, in pixels of the image: 2·2·2·2."""
EXEMPLAR_SIZE, SEARCH_SIZE = 127, 255
EXEMPLAR_CELLS, SEARCH_CELLS = 8, 16
PLACES = 5
"""Number of values that describe an exemplar cell's position in the target's box."""
PLACE_SCALE = 64.0
"""Pixels per unit of those values."""
LARGEST_LOG_DISTANCE = 4.0
"""Limits each distance to 16 · exp(4) pixels, so that an untrained network's boxes stay finite."""
BRANCH_OUTPUTS = {"score": 1, "box": 4}
_EXPANSION = 3
"""Expansion of a block: its inner channels as a multiple of its input channels."""


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
    """Omit the ReLU."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A sequence of convolutions; `residual` adds the input to the last one's output."""

    layers: tuple[Convolution, ...]
    residual: bool = False


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One network of the family: its width, its depth and its number of exemplars."""

    name: str
    """Name stored in every file of weights."""
    stem: tuple[int, int, int] = (16, 32, 48)
    """Channels of the first three convolutions, each of which halves the resolution."""
    channels: int = 96
    """Channels of an embedding."""
    early_blocks: int = 1
    """Number of blocks before the last halving."""
    late_blocks: int = 3
    """Number of blocks after the last halving."""
    branch_depth: int = 2
    """Separable convolutions in each of the two branches."""
    exemplars: int = 1
    """Number of exemplars used together: the first frame's and, with two, a recent one."""

    @property
    def keys(self) -> int:
        """Number of exemplar cells with which each cell of the search image is compared."""
        return self.exemplars * EXEMPLAR_CELLS**2

    @cached_property
    def backbone(self) -> tuple[Block, ...]:
        """Layers from the image to the embedding."""
        middle, channels = self.stem[2], self.channels
        widths = [(middle, middle, 1)] * self.early_blocks
        widths += [(middle, channels, 2)] + [(channels, channels, 1)] * self.late_blocks
        first, last = len(self.stem), len(self.stem) + len(widths)
        stem = zip((3, *self.stem[:2]), self.stem, strict=True)
        return (
            *(_halving(f"backbone.{n}", *pair) for n, pair in enumerate(stem)),
            *(_inverted(f"backbone.{n}", *width) for n, width in enumerate(widths, first)),
            Block(
                layers=(
                    Convolution(
                        name=f"backbone.{last}", inputs=channels, outputs=channels, linear=True
                    ),
                )
            ),
        )

    @cached_property
    def join(self) -> Convolution:
        """Convolution from similarities, features and attended positions to the branches' input."""
        inputs = self.keys + self.channels + PLACES + self.exemplars
        return Convolution(name="join", inputs=inputs, outputs=self.channels)

    @cached_property
    def branches(self) -> dict[str, tuple[Convolution, ...]]:
        """Layers of the two branches, except the last convolutions, which lack normalisation."""
        return {
            name: tuple(
                row
                for number in range(self.branch_depth)
                for row in _separable(f"{name}.layers", 2 * number, self.channels)
            )
            for name in BRANCH_OUTPUTS
        }

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return name and shape of every tensor of a checkpoint, as torch names them."""
        shapes: dict[str, tuple[int, ...]] = {"sharpness": ()}
        rows = [layer for block in self.backbone for layer in block.layers]
        branches = [layer for branch in self.branches.values() for layer in branch]
        for row in (*rows, self.join, *branches):
            size = row.kernel
            shapes[f"{row.name}.conv.weight"] = (row.outputs, row.inputs // row.groups, size, size)
            _add_norm(shapes, f"{row.name}.norm", row.outputs)
        _add_norm(shapes, "norm", self.keys)
        for name, outputs in BRANCH_OUTPUTS.items():
            shapes[f"{name}.last.weight"] = (outputs, self.channels, 1, 1)
            shapes[f"{name}.last.bias"] = (outputs,)
        return shapes


def _halving(name: str, inputs: int, outputs: int) -> Block:
    row = Convolution(name=name, inputs=inputs, outputs=outputs, kernel=3, stride=2)
    return Block(layers=(row,))


def _inverted(name: str, inputs: int, outputs: int, stride: int = 1) -> Block:
    """Expand, convolve depthwise, project (MobileNetV2, Sandler et al. 2018)."""
    wide = _EXPANSION * inputs
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


def _separable(name: str, first: int, channels: int) -> tuple[Convolution, ...]:
    return (
        Convolution(
            name=f"{name}.{first}", inputs=channels, outputs=channels, kernel=5, groups=channels
        ),
        Convolution(name=f"{name}.{first + 1}", inputs=channels, outputs=channels),
    )


def _add_norm(shapes: dict[str, tuple[int, ...]], name: str, channels: int) -> None:
    for part in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"{name}.{part}"] = (channels,)


LIGHT = Layout(name="siamfc-light")
"""One exemplar: the first frame's, or a mix of it and later ones."""
PAIRED = Layout(name="siamfc-light-paired", exemplars=2)
"""The same width and depth, with two exemplars used together."""
LARGE = Layout(
    name="siamfc-large",
    stem=(16, 32, 64),
    channels=160,
    early_blocks=2,
    late_blocks=5,
    branch_depth=3,
    exemplars=2,
)
"""A network with three times the operations."""
LAYOUTS = {"light": LIGHT, "paired": PAIRED, "large": LARGE}
"""Layouts by user-facing name."""
