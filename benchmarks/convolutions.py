"""How fast a GPU computes each convolution of a training step: `python benchmarks/convolutions.py`.

Forward, inputs' gradient and weights' gradient of every layer on search images, channels last, in
bfloat16, by torch alone; grouped convolutions as one, as one for each group, and as a dense one
with zeros. Milliseconds and the rate of useful operations, which zeros and padding are not.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from training_ways import time_in_turn

from siamfc.network.architecture import LAYERS, POOL_SIZE, POOL_STRIDE, Convolution

Case = tuple[str, int, int, int, int, int]
"""Name, convolutions alike, inputs, outputs, kernel, groups."""


def cases(layer: Convolution) -> list[Case]:
    """The arrangements of a layer."""
    if layer.name == "conv1":
        return [("folded, 12 channels", 1, 12, 96, 6, 1), ("folded, 16 channels", 1, 16, 96, 6, 1)]
    shape = (layer.inputs, layer.outputs, layer.kernel)
    if layer.groups == 1:
        return [("whole", 1, *shape, 1)]
    half = (layer.inputs // 2, layer.outputs // 2, layer.kernel)
    return [("grouped", 1, *shape, 2), ("split", 2, *half, 1), ("dense", 1, *shape, 1)]


def measure(case: Case, size: int, batch: int, device: torch.device, rounds: int) -> list[float]:
    """Seconds forward, of the inputs' gradient and of the weights' gradient."""
    _, alike, inputs, outputs, kernel, groups = case
    options = {"device": device, "dtype": torch.bfloat16}
    image = torch.randn((batch, size, size, inputs), **options).permute(0, 3, 1, 2)
    weight = torch.randn((outputs, kernel, kernel, inputs // groups), **options)
    weight = weight.permute(0, 3, 1, 2)
    given = torch.randn((batch, size - kernel + 1, size - kernel + 1, outputs), **options)
    given = given.permute(0, 3, 1, 2)

    def backward(which: int) -> Callable[[], tuple[Tensor, ...]]:
        mask = [which == 0, which == 1, False]
        return lambda: torch.ops.aten.convolution_backward(
            given, image, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], groups, mask
        )

    calls = [lambda: torch.nn.functional.conv2d(image, weight, groups=groups)]
    seconds = time_in_turn([*calls, backward(0), backward(1)], device, rounds=rounds, steps=5)
    return [alike * second for second in seconds]


def main() -> None:
    """Print a row for each layer and arrangement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=255, help="of the search images, pixels")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    size = options.size
    print(f"{'':<28}{'forward':>20}{'inputs':>20}{'weights':>20}   (ms, TFLOP/s)")
    for layer in LAYERS:
        cells = (size - layer.kernel) // layer.stride + 1
        entering = (size + 1) // 2 if layer.name == "conv1" else size
        count = 2 * options.batch * cells**2 * layer.outputs * layer.inputs * layer.kernel**2
        count //= layer.groups
        for case in cases(layer):
            seconds = measure(
                case, entering, options.batch, torch.device(options.device), options.rounds
            )
            cols = "".join(f"{1000 * s:12.3f}{count / s / 1e12:8.0f}" for s in seconds)
            print(f"{layer.name} {case[0]:<22}{cols}", flush=True)
        size = (cells - POOL_SIZE) // POOL_STRIDE + 1 if layer.pooled else cells


if __name__ == "__main__":
    main()
