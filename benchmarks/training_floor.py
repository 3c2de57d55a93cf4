"""A floor under the time of a training step, by counting: see the column of `training.py`.

Each pass of a convolution (forward, its weights' gradient, its inputs' gradient but that of the
images) takes as long as its operations at the chip's measured matrix rate, or as its tensors at
the measured bandwidth of a copy, whichever is longer. What lies between two convolutions takes as
long as the values that it reads and writes, `Cost`, counted by reading the code operation by
operation.

Left out: that a convolution does not reach the rate of a large square product, least of all with
few channels or in groups; changes of layout that a library makes for itself; launches, and what
the host does between them; the correlation, the loss, clipping and the optimiser, each below a
hundredth of the counted operations or bytes. It also leaves out that what is still in the chip's
cache is read faster, which would make it lower. So it says about what a way could reach at best;
the distance to the measured time is what its implementation loses.
"""

from dataclasses import dataclass

from siamfc.network.siamfc.architecture import LAYERS, POOL_SIZE, POOL_STRIDE


@dataclass(frozen=True, kw_only=True)
class Chip:
    """Measured rates."""

    half_rate: float
    """Operations per second of a large product of the narrow type."""
    single_rate: float
    """The same in float32."""
    bandwidth: float
    """Bytes per second of a copy, read and written."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Number of passes over the values between two convolutions, forward and backward."""

    half: bool = True
    """True if activations and products have the narrow type."""
    narrow: float
    """Touches of each value that a convolution gives, in the activations' type."""
    wide: float = 0.0
    """Touches in float32."""
    when_pooled: float = 2.0
    """More touches in the activations' type where it is pooled."""
    when_grouped: float = 0.0
    """More such touches where the convolution has groups: putting them together."""
    pooled: float = 2.0
    """Touches of each value that a pooling gives, in the activations' type."""
    pooled_bytes: float = 16.0
    """Bytes beside them: indices, written and read."""
    pixel_bytes: float
    """For each value of an image: making it what the first convolution takes."""
    first_products: int
    """Multiplications for each value that the first convolution gives."""


PLAIN = Cost(half=False, narrow=13, pixel_bytes=21, first_products=3 * 121)
"""Normalisation: 3 touches forward, 5 backward; rectifier: 2 and 3; pooling: 1 and 1."""
HALF = Cost(narrow=13, pixel_bytes=27, first_products=3 * 121)
COMMON = Cost(narrow=4, wide=36, pixel_bytes=35, first_products=12 * 36)
"""Statistics by separate operations in float32: 12 touches forward, 24 backward."""
SPLIT = Cost(narrow=4, wide=36, when_grouped=4, pixel_bytes=35, first_products=12 * 36)
COMPILED = Cost(narrow=8, when_grouped=4, pixel_bytes=3, first_products=12 * 36)
"""One reading for the statistics, one pass that applies them, and the same of the gradients."""
FUSED = Cost(
    narrow=8,
    when_pooled=-4,
    pooled=5,
    pooled_bytes=2,
    pixel_bytes=1 + 2 * 16 / 12,
    first_products=16 * 36,
)
"""See `siamfc.network.siamfc.kernels.normalisation`.

Where it pools, each value is read three times and written once."""


def floor_seconds(cost: Cost, chip: Chip, sizes: tuple[int, int], batch: int, width: int) -> float:
    """Least seconds of a step of so many pairs; `width` bytes has a narrow value."""
    rate = chip.half_rate if cost.half else chip.single_rate
    width = width if cost.half else 4
    seconds = 0.0
    for image in sizes:
        side, channels = image, 3
        between = cost.pixel_bytes * 3 * image**2
        for layer in LAYERS:
            inputs = channels * side**2
            side = (side - layer.kernel) // layer.stride + 1
            channels = layer.outputs
            outputs = channels * side**2
            first = layer.name == "conv1"
            products = layer.inputs // layer.groups * layer.kernel**2
            operations = 2 * outputs * (cost.first_products if first else products)
            moving = width * (inputs + outputs) / chip.bandwidth
            seconds += (2 if first else 3) * max(operations / rate, moving)
            if layer.norm is not None:
                touches = cost.narrow + cost.when_grouped * (layer.groups > 1)
                between += outputs * (width * (touches + cost.when_pooled * layer.pooled))
                between += outputs * 4 * cost.wide
            if layer.pooled:
                side = (side - POOL_SIZE) // POOL_STRIDE + 1
                between += channels * side**2 * (width * cost.pooled + cost.pooled_bytes)
        seconds += between / chip.bandwidth
    return batch * seconds
