"""Boxes of what is drawn, the squares about them, and where the frame ends."""

import math

import torch
from torch import Tensor

from siamfc.geometry import CONTEXT_AMOUNT
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.render import SURFACE, place_in_world, place_on_surface
from siamfc.procedural.renderer import Renderer
from siamfc.procedural.scene import BACKGROUND, Scene, View

_SOURCE_MARGIN = 9
_ELLIPSE = 32
"""Points on the outline of an ellipse, with those farthest on each axis among them."""


def exemplar_side(size: Tensor) -> Tensor:
    """Side of the exemplar's square for boxes of w, h (B, 2), as `geometry.exemplar_side`."""
    margin = CONTEXT_AMOUNT * size.sum(-1)
    return torch.sqrt((size[:, 0] + margin) * (size[:, 1] + margin))


def source_size(size: int) -> int:
    """Side of the source image for a crop of `size`: a margin, and whole blocks of 8."""
    return -(-(size + _SOURCE_MARGIN) // 8) * 8


def true_box(
    renderer: Renderer, scene: Scene, view: View, position: Tensor, piece: Tensor | None = None
) -> Tensor:
    """The target's box: measured, or that of the piece of background, (B, 4) world x, y, w, h.

    `piece`, (B, 4), is the piece's box; by default the one that it has at first.
    """
    if piece is None:
        piece = first_piece(scene, position)
    return torch.where(scene.on_background[:, None], piece, renderer.target_box(view, position))


def first_piece(scene: Scene, position: Tensor) -> Tensor:
    """Boxes of the pieces of background in the view that shows them first, (B, 4) world pixels."""
    half = scene.target.half_size
    return torch.cat([position - half, 2 * half], -1)


def part_of(draws: UniformDraws, box: Tensor) -> Tensor:
    """Boxes within boxes (B, 4), anywhere in them, with sides of 45 to 90 %."""
    share = draws.uniform(0.45, 0.9, 2)
    return redrawn(box, draws.uniform(-0.5, 0.5, 2) * (1 - share), torch.log(share))


def followed_piece(scene: Scene, position: Tensor, first: View, later: View) -> Tensor:
    """The `first_piece` of the view `first` in `later`, (B, 4) world pixels."""
    return followed(first_piece(scene, position), BACKGROUND.start, first, later)


def followed(box: Tensor, layer: int, first: View, later: View) -> Tensor:
    """What boxes (B, 4) on a layer's surface in the view `first` are in `later`, (B, 4).

    They hold what was in the ellipse in them: it moves, turns, grows and bends with the surface.
    For views as they were drawn, not prepared.
    """
    before, after = (
        {name: view.layers[name][:, layer, None] for name in SURFACE} for view in (first, later)
    )
    angle = torch.arange(_ELLIPSE, device=box.device) * (2 * math.pi / _ELLIPSE)
    circle = torch.stack([torch.cos(angle), torch.sin(angle)], -1) / 2 + 0.5
    ellipse = box[:, None, :2] + circle * box[:, None, 2:]
    moved = place_in_world(after, *place_on_surface(before, ellipse))
    corner = moved.amin(1)
    return torch.cat([corner, moved.amax(1) - corner], -1)


def redrawn(box: Tensor, moved: Tensor, grown: Tensor) -> Tensor:
    """Boxes (B, 4) moved by fractions of their size, sides times exp(grown); (B, 2) each."""
    center, size = box[:, :2] + box[:, 2:] / 2 + moved * box[:, 2:], box[:, 2:] * torch.exp(grown)
    return torch.cat([center - size / 2, size], -1)


def whole_frame(center: Tensor) -> Tensor:
    """A frame without a border in sight, (B, 4) world pixels."""
    far = torch.full_like(center, 1e6)
    return torch.cat([-far, far], -1)


def near_frame(draws: UniformDraws, border_share: float, center: Tensor, side: Tensor) -> Tensor:
    """The frame's first and last x, y, (B, 4) world pixels; few frames end within the crop."""
    cut = draws.chance(border_share)
    which = draws.integer(4)
    place = draws.uniform(0.22, 0.5)
    sign = torch.where(torch.arange(4, device=cut.device) < 2, -1.0, 1.0)
    edge = torch.cat([center, center], -1) + sign * (place * side)[:, None]
    return _ending(edge, which, cut)


def cutting_frame(draws: UniformDraws, box: Tensor) -> Tensor:
    """Frames that end within boxes (B, 4), which 10 to 70 % of a side lie beyond: (B, 4)."""
    which, beyond = draws.integer(4), draws.uniform(0.1, 0.7, 1)
    corner, size = box[:, :2], box[:, 2:]
    edge = torch.cat([corner + beyond * size, corner + (1 - beyond) * size], -1)
    return _ending(edge, which, torch.ones_like(which, dtype=torch.bool))


def _ending(edge: Tensor, which: Tensor, cut: Tensor) -> Tensor:
    """Frames without a border but for one edge, (B,) of left, top, right, bottom, if `cut`."""
    chosen = cut[:, None] & (torch.arange(4, device=cut.device) == which[:, None])
    return torch.where(chosen, edge, whole_frame(edge[:, :2]))


def beyond_frame(box: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    """How far boxes (B, 4) reach out of frames (B, 4): left and top, right and bottom, (B, 2).

    No more than the box's size, and 0 where it does not.
    """
    corner, size = box[:, :2], box[:, 2:]
    before = torch.minimum((frame[:, :2] - corner).clamp(min=0), size)
    after = torch.minimum((corner + size - frame[:, 2:]).clamp(min=0), size)
    return before, after


def inside_share(box: Tensor, frame: Tensor) -> Tensor:
    """Fraction of the area of boxes (B, 4) that lies in frames (B, 4): (B,), 1 for all of it."""
    before, after = beyond_frame(box, frame)
    return ((box[:, 2:] - before - after).clamp(min=0) / box[:, 2:]).prod(-1)
