"""Objects: a body and further parts, each with its outline and its surface.

An object is constant throughout a video; `scene` determines its pose at each moment.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from siamfc.procedural.draws import UniformDraws

RESTLESS_SHARE = 0.07
"""Fraction of all objects that rotate by any angle."""
RESTLESS_TURNING = 1.6
"""Standard deviation of their angle, radians."""
_SHAPE = ("center", "axes", "angle", "exponent", "harmonics", "arm", "swing", "loose")
_COLOR = ("texture", "gain", "offset")


@dataclass
class Parts:
    """Constant properties of one object's parts, each (B, P) or (B, P, …)."""

    center: Tensor
    """Position in the object, (B, P, 2), in half boxes."""
    axes: Tensor
    """Half axes, (B, P, 2), in half boxes; nearly zero for absent parts."""
    angle: Tensor
    exponent: Tensor
    """Exponent of the superellipse: 1 diamond, 2 ellipse, 8 nearly a rectangle."""
    harmonics: Tensor
    """Amplitude, order and phase of two ripples of the outline, (B, P, 2, 3)."""
    texture: Tensor
    """Index in the bank, int64."""
    texture_map: Tensor
    """Texels per world pixel, and offset in texels: (B, P, 3)."""
    gain: Tensor
    """Factor on the texture's colour, (B, P, 3)."""
    offset: Tensor
    """Colour added, (B, P, 3)."""
    wave: Tensor
    """Frequency of the deformation, (B, P, 2)."""
    rim: Tensor
    """Darkening towards the outline."""
    arm: Tensor
    """Vector from the joint about which a part swings to its centre, (B, P, 2), in half boxes."""
    swing: Tensor
    """Swing, as a multiple of the usual."""
    loose: Tensor
    """Independent motion, as a multiple of the usual."""


@dataclass
class Object:
    """One object: its parts and the extent of its motion."""

    parts: Parts
    half_size: Tensor
    """Half of the initial width and height, world pixels, (B, 2)."""
    liveliness: Tensor
    """Extent to which parts and outline move, 0 to 1, (B,)."""
    turning: Tensor
    """Standard deviation of the angle, radians, (B,)."""
    pliancy: Tensor
    """Stretch, as a multiple of the usual, (B,)."""


def draw_parts(draws: UniformDraws, count: int, textures: int) -> Parts:
    """Draw the parts of one object: a body and, often, further ones that stick out of it."""
    first = torch.arange(count, device=draws.unit(1).device) == 0
    center = torch.where(first[:, None], 0.0, draws.uniform(-0.75, 0.75, count, 2))
    body = draws.uniform(0.65, 1.0, count, 2)
    limb = draws.uniform(0.15, 0.7, count, 2)
    present = draws.chance(0.55, count) | first
    axes = torch.where(first[:, None], body, limb) * present[..., None] + 1e-3
    exponent = torch.where(
        draws.chance(0.45, count),
        draws.uniform(1.7, 2.4, count),
        draws.log_uniform(1.1, 9.0, count),
    )
    amplitude = draws.normal(0.09, count, 2)
    order = torch.stack([1 + draws.integer(3, count), 3 + draws.integer(4, count)], -1).float()
    phase = draws.uniform(0.0, 6.2832, count, 2)
    shared = draws.chance(0.55, 1)
    texture = torch.where(shared, draws.integer(textures, 1), draws.integer(textures, count))
    scale = draws.log_uniform(0.35, 3.0, 1) * draws.log_uniform(0.8, 1.25, count)
    texture_offset = draws.uniform(0.0, 512.0, count, 2)
    plain = draws.chance(0.3, count)
    gain = torch.where(plain, draws.uniform(0.05, 0.4, count), draws.uniform(0.55, 1.25, count))
    tint = draws.uniform(0.0, 1.0, 1, 1) + draws.normal(0.18, count, 1)
    hue = draws.normal(0.22, 1, 3) + draws.normal(0.1, count, 3)
    color = (tint + hue * draws.unit(1, 1)).clamp(0.02, 0.98)
    offset = torch.where(plain[..., None], color * (1 - gain[..., None]), 0.0)
    offset = offset + draws.normal(0.06, count, 1)
    return Parts(
        center=center,
        axes=axes,
        angle=draws.uniform(-1.2, 1.2, count) * ~first,
        exponent=exponent,
        harmonics=torch.stack([amplitude, order, phase], -1),
        texture=texture.expand(-1, count),
        texture_map=torch.cat([scale[..., None], texture_offset], -1),
        gain=gain[..., None] * (1 + draws.normal(0.08, count, 3)),
        offset=offset,
        wave=draws.normal(2.2, count, 2),
        rim=draws.uniform(0.0, 0.7, count) * draws.chance(0.5, count),
        arm=torch.zeros_like(center),
        swing=torch.ones_like(exponent),
        loose=torch.ones_like(exponent),
    )


def _half_size(draws: UniformDraws, ratio_deviation: float) -> Tensor:
    """Draw half width and height, (B, 2), such that the square with context has 127 pixels."""
    return half_size_of(torch.exp(draws.normal(ratio_deviation).clamp(-1.386, 1.386)))


def half_size_of(ratio: Tensor) -> Tensor:
    """Return half width and height, (B, 2), for a ratio of width to height, (B,)."""
    # (w + p)(h + p) = 127² with p = (w + h)/2 and w = ratio · h.
    margin = (ratio + 1) / 2
    height = 127.0 / torch.sqrt((ratio + margin) * (1 + margin))
    return torch.stack([ratio * height, height], -1) / 2


def draw_object(draws: UniformDraws, count: int, textures: int) -> Object:
    """Draw an object with at most `count` parts; the bank holds `textures` textures."""
    calm = draws.chance(0.35)
    return Object(
        parts=draw_parts(draws, count, textures),
        half_size=_half_size(draws, 0.5),
        liveliness=torch.where(calm, 0.15, draws.uniform(0.2, 1.0)),
        turning=torch.where(
            draws.chance(RESTLESS_SHARE), RESTLESS_TURNING, draws.log_uniform(0.03, 0.45)
        ),
        pliancy=torch.ones_like(calm, dtype=torch.float32),
    )


def similar_object(draws: UniformDraws, other: Object, model: Object) -> Object:
    """Return an object that borrows the model's shape, its texture, or nothing."""
    kind = draws.unit()
    same_shape, same_texture = kind < 0.35, (kind > 0.25) & (kind < 0.6)
    parts = _replace_entries(other.parts, model.parts, same_shape, _SHAPE)
    parts = _replace_entries(parts, model.parts, same_texture, _COLOR)
    size = torch.where(same_shape[:, None], model.half_size, other.half_size)
    return Object(
        parts=parts,
        half_size=size * torch.exp(draws.normal(0.2))[:, None],
        liveliness=other.liveliness,
        turning=other.turning,
        pliancy=other.pliancy,
    )


def twin(draws: UniformDraws, other: Object, model: Object, chosen: Tensor) -> Object:
    """Return an object of the model's kind where `chosen`, (B,) bool, and `other` elsewhere.

    It has the model's shape, colours and liveliness but is no copy: its size and the position of
    its texture differ a little, and it has its own pose and lighting.
    """
    parts = _replace_entries(
        other.parts, model.parts, chosen, (*_SHAPE, *_COLOR, "texture_map", "rim")
    )
    moved = parts.texture_map[..., 1:] + draws.normal(8.0, 1, 2)
    moved = torch.cat([parts.texture_map[..., :1], moved], -1)
    parts = replace(parts, texture_map=torch.where(_like(chosen, moved), moved, parts.texture_map))
    size = model.half_size * torch.exp(draws.normal(0.08))[:, None]
    return Object(
        parts=parts,
        half_size=torch.where(chosen[:, None], size, other.half_size),
        liveliness=torch.where(chosen, model.liveliness, other.liveliness),
        turning=torch.where(chosen, model.turning, other.turning),
        pliancy=torch.where(chosen, model.pliancy, other.pliancy),
    )


def _replace_entries(own: Parts, source: Parts, where: Tensor, names: tuple[str, ...]) -> Parts:
    """Return parts with the source's entries of these names `where` (B,) is True."""
    entries = {}
    for name in names:
        entry = getattr(own, name)
        other = getattr(source, name)[:, : entry.shape[1]]
        entries[name] = torch.where(_like(where, entry), other, entry)
    return replace(own, **entries)


def _like(condition: Tensor, entry: Tensor) -> Tensor:
    """Reshape (B,) to (B, 1, …), to choose among rows of `entry`."""
    return condition.view((-1,) + (1,) * (entry.dim() - 1))
