"""What is to be seen: a target of several parts, others like it, an occluder, a background.

A scene draws what stays (shapes, textures, liveliness); a view draws what changes (pose, parts'
motion, light) as smooth functions of its dice. World coordinates are pixels of the search image of
a target at its first size, x to the right and y down, with the target near the origin.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.data.procedural.dice import Dice

SCENE_DRAWS = 560
VIEW_DRAWS = 260

TARGET_PARTS = 4
OTHER_PARTS = 3
OCCLUDER = slice(0, 1)
FRONT = slice(1, 4)
TARGET = slice(4, 8)
BACK = slice(8, 11)
BACKGROUND = slice(11, 12)
LAYERS = 12


@dataclass
class Parts:
    """What stays of one object's parts, each (B, P) or (B, P, …)."""

    center: Tensor
    """Place in the object, (B, P, 2), in half boxes."""
    axes: Tensor
    """Half axes, (B, P, 2), in half boxes; absent parts have none."""
    angle: Tensor
    exponent: Tensor
    """Of the superellipse: 1 diamond, 2 ellipse, 8 nearly a rectangle."""
    harmonics: Tensor
    """Amplitude, order and phase of two ripples of the outline, (B, P, 2, 3)."""
    texture: Tensor
    """Number in the bank, int64."""
    texture_map: Tensor
    """Texels for one world pixel, and offset in texels: (B, P, 3)."""
    gain: Tensor
    """Of the texture's colour, (B, P, 3)."""
    offset: Tensor
    """Added colour, (B, P, 3)."""
    wave: Tensor
    """Frequency of the deformation, (B, P, 2)."""
    rim: Tensor
    """Darkening towards the outline."""


@dataclass
class Object:
    """One object: its parts and how lively it moves."""

    parts: Parts
    half_size: Tensor
    """Half the width and height at first, world pixels, (B, 2)."""
    liveliness: Tensor
    """How much parts and outline move, 0 to 1, (B,)."""
    turning: Tensor
    """Deviation of the angle, radians, (B,)."""


@dataclass
class Scene:
    """Everything that stays through a video, for B videos."""

    target: Object
    front: Object
    back: Object
    occluder: Object
    front_place: Tensor
    """Mean place of the object before the target, world pixels, (B, 2)."""
    back_place: Tensor
    background: Parts
    background_motion: Tensor
    """Deviation of the background's place, world pixels, (B,)."""
    occluder_nearness: Tensor
    """Deviation of the occluder's place in target half sizes, (B,)."""
    on_background: Tensor
    """The target is a piece of the background without an outline, (B,) bool."""
    lighting: Tensor
    """How much the light changes, 0 to 1.5, (B,)."""


class View(NamedTuple):
    """A scene at one moment: the renderer's table and where the target is."""

    layers: dict[str, Tensor]
    """For each layer, front to back; see `render.coverage`. Every entry is (B, L, …)."""
    exposure: Tensor
    """Gain of each channel, (B, 3)."""
    gamma: Tensor


def _parts(dice: Dice, count: int, textures: int) -> Parts:
    """Parts of one object: a body and, often, further ones that stick out of it."""
    first = torch.arange(count, device=dice.unit(1).device) == 0
    center = torch.where(first[:, None], 0.0, dice.uniform(-0.75, 0.75, count, 2))
    body = dice.uniform(0.65, 1.0, count, 2)
    limb = dice.uniform(0.15, 0.7, count, 2)
    present = dice.chance(0.55, count) | first
    axes = torch.where(first[:, None], body, limb) * present[..., None] + 1e-3
    exponent = torch.where(
        dice.chance(0.45, count), dice.uniform(1.7, 2.4, count), dice.log_uniform(1.1, 9.0, count)
    )
    amplitude = dice.normal(0.09, count, 2)
    order = torch.stack([1 + dice.integer(3, count), 3 + dice.integer(4, count)], -1).float()
    phase = dice.uniform(0.0, 6.2832, count, 2)
    shared = dice.chance(0.55, 1)
    texture = torch.where(shared, dice.integer(textures, 1), dice.integer(textures, count))
    scale = dice.log_uniform(0.35, 3.0, 1) * dice.log_uniform(0.8, 1.25, count)
    texture_offset = dice.uniform(0.0, 512.0, count, 2)
    plain = dice.chance(0.3, count)
    gain = torch.where(plain, dice.uniform(0.05, 0.4, count), dice.uniform(0.55, 1.25, count))
    tint = dice.uniform(0.0, 1.0, 1, 1) + dice.normal(0.18, count, 1)
    hue = dice.normal(0.22, 1, 3) + dice.normal(0.1, count, 3)
    color = (tint + hue * dice.unit(1, 1)).clamp(0.02, 0.98)
    offset = torch.where(plain[..., None], color * (1 - gain[..., None]), 0.0)
    offset = offset + dice.normal(0.06, count, 1)
    return Parts(
        center=center,
        axes=axes,
        angle=dice.uniform(-1.2, 1.2, count) * ~first,
        exponent=exponent,
        harmonics=torch.stack([amplitude, order, phase], -1),
        texture=texture.expand(-1, count),
        texture_map=torch.cat([scale[..., None], texture_offset], -1),
        gain=gain[..., None] * (1 + dice.normal(0.08, count, 3)),
        offset=offset,
        wave=dice.normal(2.2, count, 2),
        rim=dice.uniform(0.0, 0.7, count) * dice.chance(0.5, count),
    )


def _half_size(dice: Dice, ratio_deviation: float) -> Tensor:
    """Half width and height, (B, 2), whose square with context has the exemplar's 127 pixels."""
    ratio = torch.exp(dice.normal(ratio_deviation).clamp(-1.386, 1.386))
    # (w + p)(h + p) = 127² with p = (w + h)/2 and w = ratio · h.
    margin = (ratio + 1) / 2
    height = 127.0 / torch.sqrt((ratio + margin) * (1 + margin))
    return torch.stack([ratio * height, height], -1) / 2


def _object(dice: Dice, count: int, textures: int) -> Object:
    calm = dice.chance(0.35)
    return Object(
        parts=_parts(dice, count, textures),
        half_size=_half_size(dice, 0.5),
        liveliness=torch.where(calm, 0.15, dice.uniform(0.2, 1.0)),
        turning=torch.where(dice.chance(0.07), 1.6, dice.log_uniform(0.03, 0.45)),
    )


def _alike(dice: Dice, other: Object, model: Object) -> Object:
    """An object that borrows the model's shape, its texture, or nothing."""
    kind = dice.unit()
    same_shape, same_texture = kind < 0.35, (kind > 0.25) & (kind < 0.6)
    parts, source = other.parts, model.parts
    count = parts.angle.shape[1]

    def choose(condition: Tensor, name: str) -> None:
        own, borrowed = getattr(parts, name), getattr(source, name)[:, :count]
        shape = (-1,) + (1,) * (own.dim() - 1)
        setattr(parts, name, torch.where(condition.view(shape), borrowed, own))

    for name in ("center", "axes", "angle", "exponent", "harmonics"):
        choose(same_shape, name)
    for name in ("texture", "gain", "offset"):
        choose(same_texture, name)
    size = torch.where(same_shape[:, None], model.half_size, other.half_size)
    return Object(
        parts=parts,
        half_size=size * torch.exp(dice.normal(0.2))[:, None],
        liveliness=other.liveliness,
        turning=other.turning,
    )


def _around(dice: Dice, half_size: Tensor) -> Tensor:
    """A place beside the target, (B, 2) world pixels: nearer places are likelier."""
    angle = dice.uniform(0.0, 6.2832)
    distance = dice.uniform(1.5, 4.5)[:, None] * half_size.mean(-1, keepdim=True)
    return torch.stack([torch.cos(angle), torch.sin(angle)], -1) * (distance + 0.5 * half_size)


def draw_scene(uniforms: Tensor, textures: int, piece_share: float = 0.2) -> Scene:
    """A scene for each row of `uniforms`, (B, SCENE_DRAWS); the bank holds so many `textures`.

    `piece_share` of the targets are pieces of the background.
    """
    dice = Dice(uniforms)
    target = _object(dice, TARGET_PARTS, textures)
    front = _alike(dice, _object(dice, OTHER_PARTS, textures), target)
    back = _alike(dice, _object(dice, OTHER_PARTS, textures), target)
    occluder = _object(dice, 1, textures)
    background = _parts(dice, 1, textures)
    background.axes = torch.ones_like(background.axes)
    background.gain = dice.uniform(0.6, 1.2, 1, 1).expand(-1, 1, 3)
    background.offset = dice.normal(0.05, 1, 1).expand(-1, 1, 3)
    # A camouflaged target has its background's texture.
    hidden = dice.chance(0.12)[:, None]
    target.parts.texture = torch.where(hidden, background.texture, target.parts.texture)
    still = dice.chance(0.2)
    motion = torch.where(still, 4.0, dice.log_uniform(8.0, 400.0))
    stretch = torch.exp(dice.normal(0.6))
    spread = torch.stack([stretch, 1 / stretch], -1) * dice.log_uniform(0.25, 1.3)[:, None]
    occluder.half_size = target.half_size.mean(-1, keepdim=True) * spread
    return Scene(
        target=target,
        front=front,
        back=back,
        occluder=occluder,
        front_place=_around(dice, target.half_size),
        back_place=_around(dice, target.half_size),
        background=background,
        background_motion=motion,
        occluder_nearness=dice.uniform(0.8, 3.0),
        on_background=dice.chance(piece_share),
        lighting=dice.uniform(0.0, 1.5),
    )


def _turn(angle: Tensor) -> Tensor:
    """Rotation matrices (…, 2, 2)."""
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2)


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    """2×2 matrices times vectors, broadcast: (…, 2, 2), (…, 2) → (…, 2)."""
    return (matrix * vector[..., None, :]).sum(-1)


def _multiply(first: Tensor, second: Tensor) -> Tensor:
    """Products of 2×2 matrices, broadcast: (…, 2, 2), (…, 2, 2) → (…, 2, 2)."""
    return (first[..., :, :, None] * second[..., None, :, :]).sum(-2)


def _inverse(matrix: Tensor) -> Tensor:
    """Inverse of 2×2 matrices (…, 2, 2)."""
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    determinant = a * d - b * c
    rows = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return rows / determinant[..., None, None]


def _place(dice: Dice, thing: Object, position: Tensor, lighting: Tensor) -> dict[str, Tensor]:
    """The layers of one object at `position`, (B, 2) world pixels."""
    parts, lively = thing.parts, thing.liveliness
    count = parts.angle.shape[1]
    turn = _turn(dice.normal(1.0) * thing.turning)
    stretch = dice.normal(0.1) * lively
    shear = dice.normal(0.12) * lively
    zoom = torch.exp(dice.normal(0.1))
    size = thing.half_size * zoom[:, None]
    size = size * torch.exp(torch.stack([stretch, -stretch], -1))
    slant = torch.eye(2, device=turn.device).expand(len(turn), 2, 2).clone()
    slant[:, 0, 1] = shear
    pose = _multiply(turn, slant)  # world = position + pose · (size · object)

    moved = parts.center + dice.normal(0.11, count, 2) * lively[:, None, None]
    angle = parts.angle + dice.normal(0.3, count) * lively[:, None]
    growth = torch.exp(dice.normal(0.1, count, 2) * lively[:, None, None])
    center = position[:, None] + _apply(pose[:, None], moved * size[:, None])
    half_axes = parts.axes * growth * size[:, None]
    to_world = _multiply(pose[:, None], _turn(angle)) * half_axes[..., None, :]
    to_local = _inverse(to_world)
    depth = dice.normal(0.16, 1, 2) * lively[:, None, None]
    wave_size = dice.normal(0.07, count, 2) * lively[:, None, None]
    texel = parts.texture_map[..., :1] * parts.axes * thing.half_size[:, None]
    # A body that turns out of the image's plane shows its surface moved.
    roll = dice.normal(0.2, 1, 2) * lively[:, None, None] * texel
    light = torch.exp(dice.normal(0.12) * lighting)
    shade = dice.normal(0.22, 1, 2) * lighting[:, None, None]
    return {
        "to_local": to_local,
        "shift": -_apply(to_local, center),
        "depth": depth.expand(-1, count, -1),
        "wave": parts.wave,
        "wave_size": wave_size,
        "wave_phase": dice.uniform(-2.0, 2.0, count),
        "exponent": parts.exponent,
        "harmonics": parts.harmonics,
        "reach": torch.ones_like(parts.angle),
        "edge": half_axes.amin(-1),
        "texture": parts.texture,
        "texel": texel,
        "texel_offset": parts.texture_map[..., 1:] + roll,
        "gain": parts.gain * light[:, None, None],
        "offset": parts.offset * light[:, None, None],
        "shade": shade.expand(-1, count, -1),
        "rim": parts.rim,
    }


def draw_view(scene: Scene, uniforms: Tensor, position: Tensor, occluder_away: Tensor) -> View:
    """The scene at one moment.

    `uniforms` are (B, VIEW_DRAWS), `position` is the target's place, (B, 2) world pixels;
    `occluder_away`, (B,) in target half sizes, moves the occluder off.
    """
    dice = Dice(uniforms)
    half_size = scene.target.half_size
    light = scene.lighting
    target = _place(dice, scene.target, position, light)
    roam = half_size.mean(-1, keepdim=True)
    front = _place(
        dice, scene.front, position + scene.front_place + dice.normal(0.7, 2) * roam, light
    )
    back = _place(dice, scene.back, position + scene.back_place + dice.normal(0.9, 2) * roam, light)
    offset = dice.normal(1.0, 2) * scene.occluder_nearness[:, None]
    distance = offset.norm(dim=-1, keepdim=True).clamp(min=0.1)
    offset = offset * (1 + occluder_away[:, None] / distance)
    occluder = _place(dice, scene.occluder, position + offset * half_size, light)
    # A target without outline: its parts go, and the background moves and warps with it.
    target["reach"] = torch.where(scene.on_background[:, None], -1e3, target["reach"])

    parts = scene.background
    ground = Object(
        parts=parts,
        half_size=torch.full_like(half_size, 127.0),
        liveliness=torch.where(scene.on_background, scene.target.liveliness, 0.0),
        turning=torch.where(scene.on_background, scene.target.turning, 0.04),
    )
    drift = dice.normal(1.0, 2) * scene.background_motion[:, None]
    drift = torch.where(scene.on_background[:, None], 0.0, drift)
    background = _place(dice, ground, position * 0.0, light * 0.7)
    background["reach"] = torch.full_like(background["reach"], 1e6)
    # The piece of background stays at the target's place; otherwise the camera moves over it.
    place = torch.where(scene.on_background[:, None], position, drift)
    background["shift"] = -_apply(background["to_local"], place[:, None])
    background["rim"] = torch.zeros_like(background["rim"])
    background["shade"] = background["shade"] * 0.5

    groups = [occluder, front, target, back, background]
    layers = {name: torch.cat([group[name] for group in groups], 1) for name in target}
    exposure = torch.exp(dice.normal(0.13, 1) * light[:, None] + dice.normal(0.04, 3))
    return View(layers=layers, exposure=exposure, gamma=torch.exp(dice.normal(0.13) * light))
