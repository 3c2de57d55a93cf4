"""Figures: objects composed like real things, of a body, a head, legs, windows, wheels, patches.

Each kind has a plan of four parts, from which every object deviates. A part lies in front of those
that follow it, so parts visible on a body come before it and parts that stick out of it after it.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.objects import Object, half_size_of

_Table = tuple[object, ...]
FIGURE_DRAWS = 64
"""Number of uniform draws for one object."""
_KINDS = 4
_RATIO = (0.42, 1.4, 1.7, 1.0)
"""Width over height: upright, four-legged, a vehicle, a patched body."""
_PLIANCY = 2.5
"""Stretch relative to other objects; imitates a turn out of the image plane."""
_CENTER = (
    ((0.0, -0.22), (0.0, -0.80), (-0.2, 0.52), (0.2, 0.52)),
    ((0.0, -0.2), (0.78, -0.55), (-0.45, 0.5), (0.42, 0.5)),
    ((0.05, -0.35), (0.0, 0.05), (-0.55, 0.62), (0.55, 0.62)),
    ((0.0, 0.0), (0.0, 0.0), (0.7, 0.3), (-0.3, -0.7)),
)
"""Positions of each kind's parts, in half boxes: x to the right, y down."""
_AXES = (
    ((0.44, 0.42), (0.2, 0.19), (0.17, 0.46), (0.17, 0.46)),
    ((0.75, 0.42), (0.26, 0.26), (0.13, 0.46), (0.13, 0.46)),
    ((0.5, 0.24), (0.95, 0.5), (0.2, 0.3), (0.2, 0.3)),
    ((0.45, 0.4), (0.85, 0.85), (0.35, 0.3), (0.3, 0.35)),
)
"""Half axes of each kind's parts, in half boxes."""
_EXPONENT = ((3.0, 2.0, 4.0, 4.0), (2.5, 2.0, 4.0, 4.0), (5.0, 6.0, 2.0, 2.0), (2.0, 2.5, 2.0, 2.0))
_ARM = (
    ((0.0, 0.0), (0.0, -0.15), (0.0, 0.42), (0.0, 0.42)),
    ((0.0, 0.0), (0.25, -0.25), (0.0, 0.4), (0.0, 0.4)),
    ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
    ((0.0, 0.0), (0.0, 0.0), (0.3, 0.1), (-0.1, -0.3)),
)
"""Vectors from the joint about which a part swings to its centre."""
_SWING = ((0.3, 1.0, 2.0, 2.0), (0.3, 1.2, 1.6, 1.6), (0.15, 0.3, 0.3, 0.3), (0.4, 0.5, 1.5, 1.5))
"""Swing, as a multiple of other objects' parts."""
_LOOSE = ((0.3, 0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.3), (0.15, 0.15, 0.15, 0.15), (0.3, 0.3, 1, 1))
"""Independent motion, as a multiple of other objects' parts."""


@cache
def _on(device: torch.device, table: _Table) -> Tensor:
    """Return a table as a cached tensor, since a CUDA graph cannot copy one to the device."""
    return torch.tensor(table, device=device)


def as_figure(draws: UniformDraws, drawn: Object, fraction: float, textures: int) -> Object:
    """Turn a fraction of the objects into figures with the same liveliness."""
    parts = drawn.parts
    count = parts.angle.shape[1]
    chosen, kind = draws.chance(fraction), draws.integer(_KINDS)

    def plan(table: _Table) -> Tensor:
        return _on(kind.device, table)[kind]

    mirrored = 1 - 2 * draws.chance(0.5).float()
    side = torch.stack([mirrored, torch.ones_like(mirrored)], -1)[:, None]
    center = (plan(_CENTER)[:, :count] + draws.normal(0.07, count, 2)) * side
    axes = plan(_AXES)[:, :count] * torch.exp(draws.normal(0.18, count, 2))
    exponent = plan(_EXPONENT)[:, :count] * torch.exp(draws.normal(0.25, count))
    # Limbs and wheels look alike; other parts have their own surface, often a plain one.
    number = torch.arange(count, device=kind.device).clamp(max=2)
    texture = draws.integer(textures, 3)[:, number]
    plain = draws.chance(0.5, 3)[:, number]
    rough = torch.where(plain, draws.uniform(0.05, 0.4, 3)[:, number], 1.0)
    color = (draws.unit(3, 1) + draws.normal(0.2, 3, 3))[:, number].clamp(0.02, 0.98)
    figure = replace(
        parts,
        center=center,
        axes=axes,
        angle=draws.normal(0.12, count) * mirrored[:, None],
        exponent=exponent.clamp(1.1, 9.0),
        harmonics=torch.cat([parts.harmonics[..., :1] * 0.6, parts.harmonics[..., 1:]], -1),
        texture=texture,
        gain=rough[..., None].expand(-1, -1, 3),
        offset=torch.where(plain[..., None], color * (1 - rough[..., None]), 0.0),
        arm=plan(_ARM)[:, :count] * side,
        swing=plan(_SWING)[:, :count],
        loose=plan(_LOOSE)[:, :count],
    )
    names = [name for name in vars(figure) if getattr(figure, name) is not getattr(parts, name)]
    mixed = {
        name: torch.where(
            chosen.view(-1, *[1] * (getattr(parts, name).dim() - 1)),
            getattr(figure, name),
            getattr(parts, name),
        )
        for name in names
    }
    size = half_size_of(plan(_RATIO) * torch.exp(draws.normal(0.25)))
    return replace(
        drawn,
        parts=replace(parts, **mixed),
        half_size=torch.where(chosen[:, None], size, drawn.half_size),
        pliancy=torch.where(chosen, _PLIANCY, drawn.pliancy),
    )
