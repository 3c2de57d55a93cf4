"""Packed colours: three channels of eight bits in one number, read at once."""

import torch
from torch import Tensor


def pack(images: Tensor) -> Tensor:
    """Pack RGB in [0, 1], (B, n, n, 3), into one int32 per texel: R + 256 G + 65536 B."""
    levels = (images.clamp(0, 1) * 255).round().to(torch.int32)
    return levels[..., 0] + 256 * levels[..., 1] + 65536 * levels[..., 2]


def unpack(texels: Tensor) -> Tensor:
    """Unpack int32 texels (…) to RGB in [0, 255], float32 (…, 3)."""
    channels = [texels & 255, (texels >> 8) & 255, (texels >> 16) & 255]
    return torch.stack(channels, -1).float()
