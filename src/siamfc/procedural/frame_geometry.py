"""Boxes of drawn objects, the squares around them, and the frame's border."""

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
"""Number of points on the outline of an ellipse, including the extreme ones on each axis."""


def exemplar_side(size: Tensor) -> Tensor:
    """Return the exemplar's side for boxes of size w, h (B, 2), like `geometry.exemplar_side`."""
    margin = CONTEXT_AMOUNT * size.sum(-1)
    return torch.sqrt((size[:, 0] + margin) * (size[:, 1] + margin))


def source_size(size: int) -> int:
    """Return the source image's side for a crop of `size`: with a margin, and a multiple of 8."""
    return -(-(size + _SOURCE_MARGIN) // 8) * 8


def ground_truth_box(
    renderer: Renderer, scene: Scene, view: View, position: Tensor, piece: Tensor | None = None
) -> Tensor:
    """Return the target's box, measured or of a background piece, (B, 4) world x, y, w, h.

    `piece`, (B, 4), is the piece's box; None: its box in the first view.
    """
    if piece is None:
        piece = first_piece(scene, position)
    return torch.where(scene.on_background[:, None], piece, renderer.target_box(view, position))


def first_piece(scene: Scene, position: Tensor) -> Tensor:
    """Return boxes of background pieces in the first view that shows them, (B, 4) world pixels."""
    half = scene.target.half_size
    return torch.cat([position - half, 2 * half], -1)


def draw_part_boxes(draws: UniformDraws, box: Tensor) -> Tensor:
    """Draw boxes at random places inside boxes (B, 4), with sides of 45 to 90 % of theirs."""
    scale = draws.uniform(0.45, 0.9, 2)
    return perturb_boxes(box, draws.uniform(-0.5, 0.5, 2) * (1 - scale), torch.log(scale))


def follow_piece(scene: Scene, position: Tensor, first: View, later: View) -> Tensor:
    """Return where the `first_piece` of view `first` lies in `later`, (B, 4) world pixels."""
    return follow_boxes(first_piece(scene, position), BACKGROUND.start, first, later)


def follow_boxes(box: Tensor, layer: int, first: View, later: View) -> Tensor:
    """Return where boxes (B, 4) on a layer's surface in view `first` lie in `later`, (B, 4).

    Each result bounds the content of the ellipse inscribed in the box, which moves, turns, grows
    and bends with the surface. The views must not be prepared.
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


def perturb_boxes(box: Tensor, moved: Tensor, grown: Tensor) -> Tensor:
    """Move boxes (B, 4) by fractions of their size and scale sides by exp(grown); (B, 2) each."""
    center, size = box[:, :2] + box[:, 2:] / 2 + moved * box[:, 2:], box[:, 2:] * torch.exp(grown)
    return torch.cat([center - size / 2, size], -1)


def whole_frame(center: Tensor) -> Tensor:
    """Return frames whose borders are out of sight, (B, 4) world pixels."""
    far = torch.full_like(center, 1e6)
    return torch.cat([-far, far], -1)


def near_frame(draws: UniformDraws, border_share: float, center: Tensor, side: Tensor) -> Tensor:
    """Draw frames' first and last x, y, (B, 4) world pixels; few frames end inside the crop."""
    cut = draws.chance(border_share)
    which = draws.integer(4)
    place = draws.uniform(0.22, 0.5)
    sign = torch.where(torch.arange(4, device=cut.device) < 2, -1.0, 1.0)
    edge = torch.cat([center, center], -1) + sign * (place * side)[:, None]
    return _ending(edge, which, cut)


def cutting_frame(draws: UniformDraws, box: Tensor) -> Tensor:
    """Draw frames that end inside boxes (B, 4) and cut off 10 to 70 % of a side: (B, 4)."""
    which, beyond = draws.integer(4), draws.uniform(0.1, 0.7, 1)
    corner, size = box[:, :2], box[:, 2:]
    edge = torch.cat([corner + beyond * size, corner + (1 - beyond) * size], -1)
    return _ending(edge, which, torch.ones_like(which, dtype=torch.bool))


def _ending(edge: Tensor, which: Tensor, cut: Tensor) -> Tensor:
    """Return frames with a single border, (B,) of left, top, right, bottom; none unless `cut`."""
    chosen = cut[:, None] & (torch.arange(4, device=cut.device) == which[:, None])
    return torch.where(chosen, edge, whole_frame(edge[:, :2]))


def beyond_frame(box: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far boxes (B, 4) extend beyond frames (B, 4): left and top, right and bottom.

    Each is (B, 2), at most the box's size, and 0 for sides inside the frame.
    """
    corner, size = box[:, :2], box[:, 2:]
    before = torch.minimum((frame[:, :2] - corner).clamp(min=0), size)
    after = torch.minimum((corner + size - frame[:, 2:]).clamp(min=0), size)
    return before, after


def inside_fraction(box: Tensor, frame: Tensor) -> Tensor:
    """Return the fraction of the area of boxes (B, 4) that lies inside frames (B, 4): (B,)."""
    before, after = beyond_frame(box, frame)
    return ((box[:, 2:] - before - after).clamp(min=0) / box[:, 2:]).prod(-1)
