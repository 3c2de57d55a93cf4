"""Dead leaves: opaque shapes thrown one over another on canvases that wrap around."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.texels import pack

LEAF_DRAWS = 24
LARGEST_LEAF = 0.5
"""Largest radius of a leaf, as a fraction of the canvas's side."""


class Leaves(NamedTuple):
    """Appearance of N leaves, each field (N, n); lengths in texels."""

    center: Tensor
    """Centre x, y."""
    radius: Tensor
    stretch: Tensor
    direction: Tensor
    """Cosine and sine of the orientation."""
    exponent: Tensor
    """Exponent of the superellipse."""
    first: Tensor
    """First of two colours between which the filling varies: flat, shaded, striped or rough."""
    second: Tensor
    waves: Tensor
    """Number of half waves of the stripes per radius."""
    checked: Tensor
    """1 for stripes in two directions, else 0."""
    turn: Tensor
    """Cosine and sine of the filling's angle."""
    sharpness: Tensor
    """Sharpness of the stripes' edges."""
    kind: Tensor
    """Below 0.3 striped, below 0.6 shaded, up to 0.85 rough, above that flat."""
    relief: Tensor
    """Strength of the brightness changes by relief and shading."""


def draw_leaves(uniforms: Tensor, palette: Tensor, smallest: Tensor, size: int) -> Leaves:
    """Draw one leaf per row of `uniforms`, (N, 24), with colours of its `palette`, (N, c, 3).

    `smallest`, (N, 1) or a number, is the minimum radius as a fraction of the side, `size` texels.
    """
    draws = UniformDraws(uniforms)
    center = draws.uniform(0, size, 2)
    # Radii with density r^-3, the exponent at which the image is invariant to scale.
    ratio = (smallest / LARGEST_LEAF) ** 2
    radius = size * smallest / torch.sqrt(1 - draws.unit(1) * (1 - ratio))
    stretch = torch.exp(draws.normal(0.45, 1))
    angle = draws.uniform(0, math.pi, 1)
    exponent = torch.exp(draws.uniform(math.log(1.2), math.log(8.0), 1))

    def color() -> Tensor:
        number = draws.integer(palette.shape[1], 1, 1).expand(-1, 1, 3)
        return torch.gather(palette, 1, number)[:, 0]

    first, second = color(), color()
    waves, turn = draws.uniform(0.7, 7.0, 1), draws.uniform(0, math.pi, 1)
    return Leaves(
        center=center,
        radius=radius,
        stretch=stretch,
        direction=torch.cat([torch.cos(angle), torch.sin(angle)], -1),
        exponent=exponent,
        first=first,
        second=second,
        waves=waves,
        checked=draws.chance(0.35, 1).float(),
        turn=torch.cat([torch.cos(turn), torch.sin(turn)], -1),
        sharpness=draws.log_uniform(0.8, 12.0, 1),
        kind=draws.unit(1),
        relief=draws.uniform(0.0, 0.35, 1),
    )


def _paint_leaf(canvas: Tensor, relief: Tensor, leaves: Leaves) -> Tensor:
    """Paint one more leaf on every canvas, (B, n, n, 3); `relief` (B, n, n) is unit noise."""
    size = canvas.shape[1]
    leaf = Leaves(*(part[..., None, None] for part in leaves))
    radius, stretch, exponent = leaf.radius[:, 0], leaf.stretch[:, 0], leaf.exponent[:, 0]
    position = torch.arange(size, device=canvas.device) + 0.5
    half = size / 2
    dx = (position[None, None, :] - leaf.center[:, 0] + half) % size - half
    dy = (position[None, :, None] - leaf.center[:, 1] + half) % size - half
    cosine, sine = leaf.direction.unbind(1)
    scale = 1 / radius
    u = (cosine * dx + sine * dy) * scale * stretch
    v = (cosine * dy - sine * dx) * scale / stretch
    distance = (u.abs() ** exponent + v.abs() ** exponent + 1e-9) ** (1 / exponent)
    cover = ((1 - distance) * radius + 0.5).clamp(0, 1)

    waves, kind = leaf.waves[:, 0], leaf.kind[:, 0]
    cosine, sine = leaf.turn.unbind(1)
    along, across = cosine * u + sine * v, cosine * v - sine * u
    crossing = torch.where(leaf.checked[:, 0] > 0, torch.sin(math.pi * waves * across), 1.0)
    wave = torch.sin(math.pi * waves * along) * crossing
    striped = torch.sigmoid(leaf.sharpness[:, 0] * wave)
    shaded = (0.5 + 0.5 * along).clamp(0, 1)
    rough = (0.5 + 0.35 * relief).clamp(0, 1)
    mix = torch.where(kind < 0.3, striped, torch.where(kind < 0.6, shaded, rough))
    mix = torch.where(kind > 0.85, 0.0, mix)[..., None]
    first, second = leaves.first[:, None, None], leaves.second[:, None, None]
    color = first * (1 - mix) + second * mix
    light = 1 + leaf.relief[:, 0] * (0.6 * relief + 0.5 * along)
    color = color * light[..., None].clamp(0.3, 1.7)
    return canvas + cover[..., None] * (color - canvas)


def throw_leaves(canvas: Tensor, relief: Tensor, leaves: Leaves, bare: Tensor) -> Tensor:
    """Paint all leaves on their canvases; return packed textures (B, n, n). `bare` (B,) gets none.

    The B·k leaves are sorted by canvas, and within a canvas from the lowest to the highest.
    """
    images, count = canvas, len(canvas)
    layers = len(leaves.radius) // count
    for number in range(layers):
        images = _paint_leaf(images, relief, Leaves(*(part[number::layers] for part in leaves)))
    return pack(torch.where(bare[:, None, None, None], canvas, images))
