"""A bank of textures: dead leaves and fractal clouds, drawn on the device.

Dead leaves (Lee, Mumford & Huang 2001) are opaque shapes whose sizes follow a power law, thrown
one over another; they share the scale invariance, the occlusion edges and the flat regions of
photographs. Clouds are Gaussian noise with amplitude 1/f^a. All textures wrap around.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from siamfc.data.procedural.dice import Dice
from siamfc.errors import InputError

_LEAF_DRAWS = 24
_SMALLEST_LEAF = 0.012
_LARGEST_LEAF = 0.5


@dataclass(frozen=True, kw_only=True)
class TextureSettings:
    """What the bank holds."""

    count: int = 4096
    """Number of textures."""
    size: int = 512
    """Side of each, texels; a power of two."""
    leaves: int = 160
    """Leaves in each dead-leaves texture."""
    cloud_share: float = 0.2
    """Share of the textures that are clouds alone."""

    def __post_init__(self) -> None:
        if self.size < 16 or self.size & (self.size - 1):
            raise InputError(f"texture size: expected a power of two from 16, got {self.size}")
        if self.count < 1 or self.leaves < 1 or not 0 <= self.cloud_share <= 1:
            raise InputError(f"expected textures, leaves and a share from 0 to 1, got {self}")


def clouds(noise: Tensor, exponent: Tensor) -> Tensor:
    """White noise (B, C, n, n) filtered to amplitude 1/f^exponent (B,), unit variance."""
    size = noise.shape[-1]
    frequency = torch.fft.fftfreq(size, device=noise.device)
    half = torch.fft.rfftfreq(size, device=noise.device)
    radius = torch.sqrt(frequency[:, None] ** 2 + half[None, :] ** 2).clamp(min=0.5 / size)
    gain = radius[None, None] ** -exponent[:, None, None, None]
    gain[..., 0, 0] = 0
    filtered = torch.fft.irfft2(torch.fft.rfft2(noise) * gain, s=(size, size))
    normalised: Tensor = filtered / filtered.std(dim=(-2, -1), keepdim=True).clamp(min=1e-6)
    return normalised


def _palette(dice: Dice, colors: int) -> Tensor:
    """Colours of one texture, (B, colors, 3): a few hues about a common one, mostly muted."""
    base = dice.uniform(0.1, 0.9, 1, 3)
    grey = base.mean(-1, keepdim=True)
    base = grey + (base - grey) * dice.unit(1, 1) ** 1.5
    spread = dice.uniform(0.06, 0.35, 1, 1)
    light = dice.normal(1.0, colors, 1) * spread
    hue = dice.normal(1.0, colors, 3) * spread * dice.unit(1, 1) ** 1.5
    return (base + light + hue).clamp(0.0, 1.0)


def _paint_leaf(
    canvas: Tensor, relief: Tensor, uniforms: Tensor, palette: Tensor, smallest: Tensor
) -> Tensor:
    """One more leaf over every canvas, (B, n, n, 3), `relief` (B, n, n) being unit noise.

    `smallest`, a number, is the least radius as a share of the side.
    """
    dice = Dice(uniforms)
    size = canvas.shape[1]
    center = dice.uniform(0, size, 2)[:, None, None, :]
    # Radii with density r^-3, the exponent at which the image is invariant to scale.
    ratio = (smallest / _LARGEST_LEAF) ** 2
    radius = size * smallest / torch.sqrt(1 - dice.unit() * (1 - ratio))
    stretch = torch.exp(dice.normal(0.45))
    angle = dice.uniform(0, math.pi)
    exponent = torch.exp(dice.uniform(math.log(1.2), math.log(8.0)))[:, None, None]
    position = torch.arange(size, device=canvas.device) + 0.5
    half = size / 2
    dx = (position[None, None, :] - center[..., 0] + half) % size - half
    dy = (position[None, :, None] - center[..., 1] + half) % size - half
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    scale = (1 / radius)[:, None, None]
    u = (cosine * dx + sine * dy) * scale * stretch[:, None, None]
    v = (cosine * dy - sine * dx) * scale / stretch[:, None, None]
    distance = (u.abs() ** exponent + v.abs() ** exponent + 1e-9) ** (1 / exponent)
    cover = ((1 - distance) * radius[:, None, None] + 0.5).clamp(0, 1)

    # The filling goes from one colour of the palette to another: flat, shaded, striped or rough.
    first = torch.gather(palette, 1, dice.integer(palette.shape[1], 1)[..., None].expand(-1, 1, 3))
    second = torch.gather(palette, 1, dice.integer(palette.shape[1], 1)[..., None].expand(-1, 1, 3))
    waves = dice.uniform(0.7, 7.0)[:, None, None]
    turn = dice.uniform(0, math.pi)
    along = torch.cos(turn)[:, None, None] * u + torch.sin(turn)[:, None, None] * v
    across = torch.cos(turn)[:, None, None] * v - torch.sin(turn)[:, None, None] * u
    checked = dice.chance(0.35)[:, None, None]
    wave = torch.sin(math.pi * waves * along) * torch.where(
        checked, torch.sin(math.pi * waves * across), 1.0
    )
    sharpness = dice.log_uniform(0.8, 12.0)[:, None, None]
    kind = dice.unit()[:, None, None]
    striped = torch.sigmoid(sharpness * wave)
    shaded = (0.5 + 0.5 * along).clamp(0, 1)
    rough = (0.5 + 0.35 * relief).clamp(0, 1)
    mix = torch.where(kind < 0.3, striped, torch.where(kind < 0.6, shaded, rough))
    mix = torch.where(kind > 0.85, 0.0, mix)[..., None]
    color = first[:, None] * (1 - mix) + second[:, None] * mix
    light = 1 + dice.uniform(0.0, 0.35)[:, None, None] * (0.6 * relief + 0.5 * along)
    color = color * light[..., None].clamp(0.3, 1.7)
    return canvas + cover[..., None] * (color - canvas)


def _pack(images: Tensor) -> Tensor:
    """RGB in [0, 1], (B, n, n, 3), as one int32 a texel: R + 256 G + 65536 B."""
    levels = (images.clamp(0, 1) * 255).round().to(torch.int32)
    return levels[..., 0] + 256 * levels[..., 1] + 65536 * levels[..., 2]


def unpack(texels: Tensor) -> Tensor:
    """The inverse of packing: int32 (…) → RGB in [0, 255], float32 (…, 3)."""
    channels = [texels & 255, (texels >> 8) & 255, (texels >> 16) & 255]
    return torch.stack(channels, -1).float()


def draw_textures(
    settings: TextureSettings, generator: torch.Generator, *, compile_painter: bool = False
) -> Tensor:
    """A bank of textures, (count, size, size) int32 packed RGB, on the generator's device."""
    device = generator.device
    paint = torch.compile(_paint_leaf, dynamic=False) if compile_painter else _paint_leaf
    size = settings.size
    # Large leaves lie below and small ones above, so that few leaves cover all and none is lost.
    smallest = torch.logspace(
        math.log10(_LARGEST_LEAF / 2), math.log10(_SMALLEST_LEAF), settings.leaves, device=device
    )
    bank = torch.empty((settings.count, size, size), dtype=torch.int32, device=device)
    chunk = min(settings.count, 128)
    for start in range(0, settings.count, chunk):
        dice = Dice(torch.rand((chunk, 64), generator=generator, device=device))
        noise = torch.randn((chunk, 4, size, size), generator=generator, device=device)
        noise = clouds(noise, dice.uniform(0.7, 1.7))
        mixing = dice.normal(0.06, 3, 3) * dice.unit(1, 1) + dice.normal(0.13, 1, 3)
        cloud = torch.einsum("bchw,bdc->bhwd", noise[:, :3], mixing)
        cloud = cloud + dice.uniform(0.2, 0.8, 1, 1, 1) + dice.normal(0.12, 1, 1, 3)
        palette = _palette(dice, 7)
        canvas = cloud
        for leaf in range(settings.leaves):
            uniforms = torch.rand((chunk, _LEAF_DRAWS), generator=generator, device=device)
            canvas = paint(canvas, noise[:, 3], uniforms, palette, smallest[leaf])
        is_cloud = dice.chance(settings.cloud_share)[:, None, None, None]
        images = torch.where(is_cloud, cloud, canvas)
        bank[start : start + chunk] = _pack(images)[: settings.count - start]
    return bank
