"""Scenes: a target of several parts, similar objects, an occluder, a background.

A scene draws what is constant (shapes, textures, liveliness); a view draws what changes (pose,
motion of parts, lighting) as smooth functions of its draws. World coordinates are pixels of the
search image of a target at its first size, x to the right and y down, with the target near the
origin.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.checks import check_number
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.figures import as_figure
from siamfc.procedural.matrices import apply, inverse, multiply, rotation
from siamfc.procedural.objects import (
    RESTLESS_SHARE,
    RESTLESS_TURNING,
    Object,
    Parts,
    draw_object,
    draw_parts,
    similar_object,
    twin,
)

SCENE_DRAWS = 560
VIEW_DRAWS = 260
_OWN_DRAWS = 40
"""Number of a scene's last draws, for optional features; switching one off changes nothing else."""

TARGET_PARTS = 4
OTHER_PARTS = 3
OCCLUDER = slice(0, 1)
FRONT = slice(1, 4)
TARGET = slice(4, 8)
BACK = slice(8, 11)
BACKGROUND = slice(11, 12)
LAYERS = 12
_TWIN_FARTHEST = 2.5
"""Largest distance of a twin, target half sizes; the smallest is the same for all objects."""


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """Frequencies of difficulties in a scene."""

    turning_share: float = RESTLESS_SHARE
    """Fraction of targets that rotate in the image plane by any angle; of all objects 0.07 do.

    For background pieces, which have no outline, the fraction is always 0.07.
    """
    twin_share: float = 0.0
    """Fraction of targets with a twin nearby: an object of the same kind, similar but no copy.

    Background pieces have none.
    """
    close_occluder_share: float = 0.0
    """Fraction of scenes whose occluder is as large as the target and hides much of it."""
    camouflage_share: float = 0.12
    """Fraction of targets with the texture of their background."""
    figure_share: float = 0.0
    """Fraction of objects composed like real things; see `figures`."""

    def __post_init__(self) -> None:
        check_number("turning_share", self.turning_share, RESTLESS_SHARE, 1)
        for name in ("twin_share", "close_occluder_share", "camouflage_share", "figure_share"):
            check_number(name, getattr(self, name), 0, 1)


@dataclass
class Scene:
    """Everything that is constant throughout a video, for B videos."""

    target: Object
    front: Object
    back: Object
    occluder: Object
    front_place: Tensor
    """Mean position of the object in front of the target, world pixels, (B, 2)."""
    back_place: Tensor
    background: Parts
    background_motion: Tensor
    """Standard deviation of the background's position, world pixels, (B,)."""
    occluder_nearness: Tensor
    """Standard deviation of the occluder's position in target half sizes, (B,)."""
    on_background: Tensor
    """True where the target is a background piece without an outline, (B,) bool."""
    lighting: Tensor
    """Strength of lighting changes, 0 to 1.5, (B,)."""


class View(NamedTuple):
    """A scene at one moment, as the renderer's tables."""

    layers: dict[str, Tensor]
    """Tables of the layers, front to back; see `render.coverage`. Every entry is (B, L, …)."""
    exposure: Tensor
    """Gain per channel, (B, 3)."""
    gamma: Tensor


def _draw_position_around(draws: UniformDraws, half_size: Tensor, farthest: float = 4.5) -> Tensor:
    """Draw a position beside the target, (B, 2) world pixels; nearer positions are likelier."""
    angle = draws.uniform(0.0, 6.2832)
    distance = draws.uniform(1.5, farthest)[:, None] * half_size.mean(-1, keepdim=True)
    return torch.stack([torch.cos(angle), torch.sin(angle)], -1) * (distance + 0.5 * half_size)


def draw_scene(
    uniforms: Tensor,
    textures: int,
    settings: SceneSettings | None = None,
    piece_share: float = 0.2,
    figures: Tensor | None = None,
) -> Scene:
    """Draw a scene per row of `uniforms`, (B, SCENE_DRAWS); the bank holds `textures` textures.

    A fraction `piece_share` of the targets are pieces of the background. Figures are drawn from
    their own uniforms, (B, 3 · FIGURE_DRAWS); without these there are none.
    """
    settings = settings or SceneSettings()
    common, own = uniforms.tensor_split((SCENE_DRAWS - _OWN_DRAWS,), dim=1)
    draws = UniformDraws(common)
    columns = [None] * 3 if figures is None else figures.tensor_split(3, dim=1)

    def make_object(parts: int, own: Tensor | None) -> Object:
        found = draw_object(draws, parts, textures)
        return (
            found
            if own is None
            else as_figure(UniformDraws(own), found, settings.figure_share, textures)
        )

    target = make_object(TARGET_PARTS, columns[0])
    front = similar_object(draws, make_object(OTHER_PARTS, columns[1]), target)
    back = similar_object(draws, make_object(OTHER_PARTS, columns[2]), target)
    occluder = draw_object(draws, 1, textures)
    background = draw_parts(draws, 1, textures)
    background.axes = torch.ones_like(background.axes)
    background.gain = draws.uniform(0.6, 1.2, 1, 1).expand(-1, 1, 3)
    background.offset = draws.normal(0.05, 1, 1).expand(-1, 1, 3)
    hidden = draws.chance(settings.camouflage_share)[:, None]
    target.parts.texture = torch.where(hidden, background.texture, target.parts.texture)
    still = draws.chance(0.2)
    motion = torch.where(still, 4.0, draws.log_uniform(8.0, 400.0))
    stretch = torch.exp(draws.normal(0.6))
    spread = torch.stack([stretch, 1 / stretch], -1) * draws.log_uniform(0.25, 1.3)[:, None]
    occluder.half_size = target.half_size.mean(-1, keepdim=True) * spread
    scene = Scene(
        target=target,
        front=front,
        back=back,
        occluder=occluder,
        front_place=_draw_position_around(draws, target.half_size),
        back_place=_draw_position_around(draws, target.half_size),
        background=background,
        background_motion=motion,
        occluder_nearness=draws.uniform(0.8, 3.0),
        on_background=draws.chance(piece_share),
        lighting=draws.uniform(0.0, 1.5),
    )
    return _add_difficulties(scene, UniformDraws(own), settings)


def _add_difficulties(scene: Scene, draws: UniformDraws, settings: SceneSettings) -> Scene:
    """Add difficulties: a target that turns, a twin before or behind it, a close occluder."""
    more = (settings.turning_share - RESTLESS_SHARE) / (1 - RESTLESS_SHARE)
    outlined = ~scene.on_background
    turns = draws.chance(more) & outlined
    target = replace(
        scene.target, turning=torch.where(turns, RESTLESS_TURNING, scene.target.turning)
    )
    present, before = draws.chance(settings.twin_share) & outlined, draws.chance(0.5)
    place = _draw_position_around(draws, target.half_size, farthest=_TWIN_FARTHEST)
    in_front, behind = present & before, present & ~before
    front = twin(draws, scene.front, target, in_front)
    back = twin(draws, scene.back, target, behind)
    close, nearness = draws.chance(settings.close_occluder_share), draws.uniform(0.2, 0.8)
    size = target.half_size * draws.log_uniform(0.7, 1.8, 2)
    occluder = replace(
        scene.occluder, half_size=torch.where(close[:, None], size, scene.occluder.half_size)
    )
    return replace(
        scene,
        target=target,
        front=front,
        back=back,
        occluder=occluder,
        occluder_nearness=torch.where(close, nearness, scene.occluder_nearness),
        front_place=torch.where(in_front[:, None], place, scene.front_place),
        back_place=torch.where(behind[:, None], place, scene.back_place),
    )


def _pose_object(
    draws: UniformDraws, make_object: Object, position: Tensor, lighting: Tensor
) -> dict[str, Tensor]:
    """Return the layers of one object at `position`, (B, 2) world pixels."""
    parts, lively = make_object.parts, make_object.liveliness
    count = parts.angle.shape[1]
    turn = rotation(draws.normal(1.0) * make_object.turning)
    stretch = draws.normal(0.1) * lively * make_object.pliancy
    shear = draws.normal(0.12) * lively
    zoom = torch.exp(draws.normal(0.1))
    size = make_object.half_size * zoom[:, None]
    size = size * torch.exp(torch.stack([stretch, -stretch], -1))
    slant = torch.eye(2, device=turn.device).expand(len(turn), 2, 2).clone()
    slant[:, 0, 1] = shear
    pose = multiply(turn, slant)  # world = position + pose · (size · object)

    moved = (
        parts.center + draws.normal(0.11, count, 2) * lively[:, None, None] * parts.loose[..., None]
    )
    swing = draws.normal(0.3, count) * lively[:, None] * parts.swing
    angle = parts.angle + swing
    growth = torch.exp(draws.normal(0.1, count, 2) * lively[:, None, None])
    arm = parts.arm * size[:, None]
    place = moved * size[:, None] + apply(rotation(swing), arm) - arm
    center = position[:, None] + apply(pose[:, None], place)
    half_axes = parts.axes * growth * size[:, None]
    to_world = multiply(pose[:, None], rotation(angle)) * half_axes[..., None, :]
    to_local = inverse(to_world)
    depth = draws.normal(0.16, 1, 2) * lively[:, None, None]
    wave_size = draws.normal(0.07, count, 2) * lively[:, None, None]
    texel = parts.texture_map[..., :1] * parts.axes * make_object.half_size[:, None]
    # On a body that turns out of the image plane, the surface appears shifted.
    roll = draws.normal(0.2, 1, 2) * lively[:, None, None] * texel
    light = torch.exp(draws.normal(0.12) * lighting)
    shade = draws.normal(0.22, 1, 2) * lighting[:, None, None]
    return {
        "to_local": to_local,
        "shift": -apply(to_local, center),
        "depth": depth.expand(-1, count, -1),
        "wave": parts.wave,
        "wave_size": wave_size,
        "wave_phase": draws.uniform(-2.0, 2.0, count),
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
    """Draw the scene at one moment.

    `uniforms` are (B, VIEW_DRAWS); `position` is the target's, (B, 2) world pixels;
    `occluder_away`, (B,) in target half sizes, moves the occluder away.
    """
    draws = UniformDraws(uniforms)
    half_size = scene.target.half_size
    light = scene.lighting
    target = _pose_object(draws, scene.target, position, light)
    roam = half_size.mean(-1, keepdim=True)
    front = _pose_object(
        draws, scene.front, position + scene.front_place + draws.normal(0.7, 2) * roam, light
    )
    back = _pose_object(
        draws, scene.back, position + scene.back_place + draws.normal(0.9, 2) * roam, light
    )
    offset = draws.normal(1.0, 2) * scene.occluder_nearness[:, None]
    distance = offset.norm(dim=-1, keepdim=True).clamp(min=0.1)
    offset = offset * (1 + occluder_away[:, None] / distance)
    occluder = _pose_object(draws, scene.occluder, position + offset * half_size, light)
    # A target without an outline has no parts; the background moves and warps instead.
    target["reach"] = torch.where(scene.on_background[:, None], -1e3, target["reach"])

    parts = scene.background
    ground = Object(
        parts=parts,
        half_size=torch.full_like(half_size, 127.0),
        liveliness=torch.where(scene.on_background, scene.target.liveliness, 0.0),
        turning=torch.where(scene.on_background, scene.target.turning, 0.04),
        pliancy=torch.where(scene.on_background, scene.target.pliancy, 1.0),
    )
    drift = draws.normal(1.0, 2) * scene.background_motion[:, None]
    drift = torch.where(scene.on_background[:, None], 0.0, drift)
    background = _pose_object(draws, ground, position * 0.0, light * 0.7)
    background["reach"] = torch.full_like(background["reach"], 1e6)
    # A background piece stays at the target's position; otherwise the background drifts.
    place = torch.where(scene.on_background[:, None], position, drift)
    background["shift"] = -apply(background["to_local"], place[:, None])
    background["rim"] = torch.zeros_like(background["rim"])
    background["shade"] = background["shade"] * 0.5

    groups = [occluder, front, target, back, background]
    layers = {name: torch.cat([group[name] for group in groups], 1) for name in target}
    exposure = torch.exp(draws.normal(0.13, 1) * light[:, None] + draws.normal(0.04, 3))
    return View(layers=layers, exposure=exposure, gamma=torch.exp(draws.normal(0.13) * light))


def relight(draws: UniformDraws, view: View, where: Tensor) -> View:
    """Relight the view `where` (B,) is True: exposure from a fifth to 1.6, tint, contrast."""
    gain = torch.exp(draws.uniform(-1.6, 0.5, 1) + draws.normal(0.08, 3))
    gamma = torch.exp(draws.normal(0.25))
    return view._replace(
        exposure=torch.where(where[:, None], view.exposure * gain, view.exposure),
        gamma=torch.where(where, view.gamma * gamma, view.gamma),
    )
