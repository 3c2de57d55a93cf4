"""Space-to-depth: blocks of pixels become channels, so that the first layer has stride 1."""

import torch
from torch import Tensor
from torch.nn import functional

from siamfc.network.normalisation import Normalisation


def fold_images(
    images: Tensor, normalisation: Normalisation, dtype: torch.dtype, stride: int = 2
) -> Tensor:
    """Normalise pixels and fold blocks of stride × stride into channels, channels last.

    (N, H, W, 3) uint8 → (N, 3·stride², ⌈H/stride⌉, ⌈W/stride⌉); the last blocks are padded with 0.
    """
    count, height, width, _ = images.shape
    device = images.device
    multiplier = torch.tensor(normalisation.multiplier, device=device)
    offset = torch.tensor(normalisation.offset, device=device)
    values = (images.to(compute_dtype(dtype)) * multiplier + offset).to(dtype)
    padded = functional.pad(values, (0, 0, 0, -width % stride, 0, -height % stride))
    rows, columns = -(-height // stride), -(-width // stride)
    blocks = padded.view(count, rows, stride, columns, stride, 3).permute(0, 1, 3, 2, 4, 5)
    return blocks.reshape(count, rows, columns, 3 * stride**2).permute(0, 3, 1, 2)


def fold_kernel(weight: Tensor, stride: int = 2) -> Tensor:
    """Convert a kernel with a stride, (O, 3, k, k), to one with stride 1 for folded images."""
    outputs, _, size, _ = weight.shape
    padded = functional.pad(weight, (0, -size % stride, 0, -size % stride))
    cells = -(-size // stride)
    blocks = padded.view(outputs, 3, cells, stride, cells, stride).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(outputs, 3 * stride**2, cells, cells)


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which pixels and statistics are computed: float64 or float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32
