"""Speed of each convolution of a training step on a GPU: `python benchmarks/convolutions.py`.

Forward, inputs' gradient and weights' gradient of every layer on search images, channels last, in
bfloat16, by torch; grouped convolutions as one, as one for each group, and as a dense one with
zeros; the first one also by `siamfc.network.siamfc.kernels.convolution`. Milliseconds and the rate
of useful operations, which zeros and padding are not.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from training_ways import time_in_turn

from siamfc.network.siamfc.architecture import LAYERS, POOL_SIZE, POOL_STRIDE, Convolution

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


def measure_own(size: int, batch: int, device: torch.device, rounds: int) -> list[float]:
    """The same of conv1 by the project's kernels, which give images no gradient."""
    from siamfc.network.siamfc.kernels.convolution import convolve_folded

    image = torch.randn((batch, size, size, 16), device=device, dtype=torch.bfloat16)
    image = image.permute(0, 3, 1, 2)
    weight = torch.randn((96, 16, 6, 6), device=device, requires_grad=True)
    output = convolve_folded(image, weight)
    given = torch.randn_like(output)

    def forward() -> Tensor:
        with torch.no_grad():
            return convolve_folded(image, weight)

    def backward() -> tuple[Tensor, ...]:
        return torch.autograd.grad(output, weight, given, retain_graph=True)

    seconds = time_in_turn([forward, backward], device, rounds=rounds, steps=5)
    return [seconds[0], float("nan"), seconds[1]]


def show(name: str, seconds: list[float], operations: int) -> None:
    """A row: milliseconds and TFLOP/s of each pass."""
    columns = "".join(f"{1000 * s:12.3f}{operations / s / 1e12:8.0f}" for s in seconds)
    print(f"{name:<28}{columns}", flush=True)


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
            show(f"{layer.name} {case[0]}", seconds, count)
        if layer.name == "conv1" and options.device == "cuda":
            own = measure_own(entering, options.batch, torch.device("cuda"), options.rounds)
            show("conv1 own kernels", own, count)
        size = (cells - POOL_SIZE) // POOL_STRIDE + 1 if layer.pooled else cells


if __name__ == "__main__":
    main()
