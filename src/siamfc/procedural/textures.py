"""A bank of textures: dead leaves and fractal clouds, drawn on the device.

Dead leaves (Lee, Mumford & Huang 2001) are opaque shapes whose sizes follow a power law, thrown one
over another; like photographs they have scale invariance, occlusion edges and flat regions. Clouds
are Gaussian noise with amplitude 1/f^a. All textures wrap around.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from siamfc.errors import InputError
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.leaves import LARGEST_LEAF, LEAF_DRAWS, Leaves, draw_leaves
from siamfc.procedural.renderer import Renderer, renderer_for

_SMALLEST_LEAF = 0.012


@dataclass(frozen=True, kw_only=True)
class TextureSettings:
    """Settings of the bank."""

    count: int = 4096
    """Number of textures."""
    size: int = 512
    """Side of each texture, texels; a power of two."""
    leaves: int = 160
    """Number of leaves in each dead-leaves texture."""
    cloud_share: float = 0.2
    """Fraction of the textures that are only clouds."""

    def __post_init__(self) -> None:
        if self.size < 16 or self.size & (self.size - 1):
            raise InputError(f"texture size: expected a power of two from 16, got {self.size}")
        if self.count < 1 or self.leaves < 1 or not 0 <= self.cloud_share <= 1:
            raise InputError(f"expected textures, leaves and a cloud_share from 0 to 1, got {self}")


def clouds(noise: Tensor, exponent: Tensor) -> Tensor:
    """Filter white noise (B, C, n, n) to amplitude 1/f^exponent (B,), unit variance."""
    size = noise.shape[-1]
    frequency = torch.fft.fftfreq(size, device=noise.device)
    half = torch.fft.rfftfreq(size, device=noise.device)
    radius = torch.sqrt(frequency[:, None] ** 2 + half[None, :] ** 2).clamp(min=0.5 / size)
    gain = radius[None, None] ** -exponent[:, None, None, None]
    gain[..., 0, 0] = 0
    filtered = torch.fft.irfft2(torch.fft.rfft2(noise) * gain, s=(size, size))
    normalised: Tensor = filtered / filtered.std(dim=(-2, -1), keepdim=True).clamp(min=1e-6)
    return normalised


def _palette(draws: UniformDraws, colors: int) -> Tensor:
    """Draw one texture's colours, (B, colors, 3): a few hues about a common one, mostly muted."""
    base = draws.uniform(0.1, 0.9, 1, 3)
    grey = base.mean(-1, keepdim=True)
    base = grey + (base - grey) * draws.unit(1, 1) ** 1.5
    spread = draws.uniform(0.06, 0.35, 1, 1)
    light = draws.normal(1.0, colors, 1) * spread
    hue = draws.normal(1.0, colors, 3) * spread * draws.unit(1, 1) ** 1.5
    return (base + light + hue).clamp(0.0, 1.0)


def draw_textures(
    settings: TextureSettings, generator: torch.Generator, *, renderer: Renderer | None = None
) -> Tensor:
    """Draw a bank of textures, (count, size, size) int32 packed RGB, on the generator's device.

    `renderer` throws the leaves; None: the fastest for the device.
    """
    throw = (renderer or renderer_for(generator.device)).throw_leaves
    size = settings.size
    draw: dict[str, Any] = {"generator": generator, "device": generator.device}
    bank = torch.empty((settings.count, size, size), dtype=torch.int32, device=generator.device)
    chunk = min(settings.count, 128)
    for start in range(0, settings.count, chunk):
        draws = UniformDraws(torch.rand((chunk, 64), **draw))
        noise = torch.randn((chunk, 4, size, size), **draw)
        noise = clouds(noise, draws.uniform(0.7, 1.7))
        mixing = draws.normal(0.06, 3, 3) * draws.unit(1, 1) + draws.normal(0.13, 1, 3)
        cloud = torch.einsum("bchw,bdc->bhwd", noise[:, :3], mixing)
        cloud = cloud + draws.uniform(0.2, 0.8, 1, 1, 1) + draws.normal(0.12, 1, 1, 3)
        palette = _palette(draws, 7)
        uniforms = torch.rand((settings.leaves, chunk, LEAF_DRAWS), **draw)
        leaves = _draw_layered_leaves(uniforms, palette, size)
        images = throw(cloud, noise[:, 3], leaves, draws.chance(settings.cloud_share))
        bank[start : start + chunk] = images[: settings.count - start]
    return bank


def _draw_layered_leaves(uniforms: Tensor, palette: Tensor, size: int) -> Leaves:
    """Draw leaves from uniforms (k, B, 24) for `throw_leaves`, with palettes (B, c, 3)."""
    layers, count, draws = uniforms.shape
    # Large leaves lie below small ones, so that few leaves cover everything and none is hidden.
    smallest = torch.logspace(
        math.log10(LARGEST_LEAF / 2), math.log10(_SMALLEST_LEAF), layers, device=uniforms.device
    )
    return draw_leaves(
        uniforms.transpose(0, 1).reshape(-1, draws),
        palette.repeat_interleave(layers, 0),
        smallest.repeat(count)[:, None],
        size,
    )
