"""The first convolution on folded images, and its weight gradient; needs a GPU and Triton."""

from typing import Any

import torch
from torch import Tensor

from siamfc.network.siamfc.kernels import convolution_triton as kernels

_OUTPUTS = 96
_PARTS = 176
"""Number of programs that share the sum of a weight gradient: with three slices each, two waves of
two programs on each of an H200's multiprocessors."""


def convolve_folded(images: Tensor, weight: Tensor) -> Tensor:
    """Compute `conv2d` of images (N, 16, H, W), channels last, and a weight (96, 16, 6, 6).

    The weight is float32 and is rounded to the images' type; its gradient is float32. The images
    get no gradient.
    """
    output: Tensor = _Convolve.apply(images, weight)  # type: ignore[no-untyped-call]
    return output


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor) -> Tensor:
        shape = _Shape(images, weight)
        matrix = weight.permute(2, 3, 1, 0).reshape(shape.values, _OUTPUTS).to(images.dtype)
        output = torch.empty(
            (shape.count, _OUTPUTS, shape.out_rows, shape.out_columns),
            dtype=images.dtype,
            device=images.device,
            memory_format=torch.channels_last,
        )
        size = 128
        kernels.convolve_kernel[(-(-shape.places // size),)](
            images, matrix.contiguous(), output, *shape.sizes, **shape.constants,
            PLACES=size, DEPTH=64, num_warps=4, num_stages=3,
        )  # fmt: skip
        ctx.save_for_backward(images)
        ctx.shape = shape
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (images,) = ctx.saved_tensors
        shape = ctx.shape
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        size = 64
        parts = min(_PARTS, -(-shape.places // size))
        partial = torch.empty((parts, shape.values, _OUTPUTS), device=images.device)
        kernels.weight_gradient_kernel[(shape.values // kernels.SLICE.value, parts)](
            images, gradient, partial, *shape.sizes, **shape.constants,
            PLACES=size, STEPS=-(-shape.places // (parts * size)), num_warps=4, num_stages=3,
        )  # fmt: skip
        total = partial.sum(0).view(shape.kernel, shape.kernel, shape.channels, _OUTPUTS)
        return None, total.permute(3, 2, 0, 1)


class _Shape:
    """Sizes of the convolution, as arguments for its kernels."""

    def __init__(self, images: Tensor, weight: Tensor) -> None:
        self.count, self.channels, rows, columns = images.shape
        self.kernel = weight.shape[-1]
        self.out_rows, self.out_columns = rows - self.kernel + 1, columns - self.kernel + 1
        self.places = self.count * self.out_rows * self.out_columns
        """Number of positions of the kernel in all images."""
        self.values = self.kernel**2 * self.channels
        """Number of values under the kernel at one position."""
        self.sizes = (self.places, rows, columns, self.out_rows, self.out_columns)
        self.constants = {
            "CHANNELS": self.channels,
            "SPAN": self.kernel * self.channels,
            "VALUES": self.values,
        }
