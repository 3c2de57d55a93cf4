"""Sampling of pairs: the content of both views, the positions of the crops, and the ground truth.

Everything here is small numbers; no image is drawn.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.frame_geometry import (
    beyond_frame,
    cutting_frame,
    draw_part_boxes,
    exemplar_side,
    follow_boxes,
    follow_piece,
    ground_truth_box,
    inside_fraction,
    near_frame,
    perturb_boxes,
    source_size,
    whole_frame,
)
from siamfc.procedural.pair_settings import PairDraws, PairSettings
from siamfc.procedural.render import Camera, draw_camera
from siamfc.procedural.renderer import Renderer, renderer_for
from siamfc.procedural.scene import (
    TARGET,
    Scene,
    View,
    draw_scene,
    draw_view,
    relight,
)

OCCLUDER_AWAY = 6.0
"""Distance in target half sizes at which an occluder hides nothing."""
_VEIL_NEARNESS = 1.2
"""Largest deviation of an occluder's position in an exemplar image that it may cover, half
sizes."""
_RECENT = (0.03, 0.5)
"""Distance between the recent exemplar's view and the search image's; 1: independent views."""
_RECENT_HIDDEN = 0.2
"""Fraction of occluders in front of the target that are also there in the recent exemplar."""
_NOWHERE = -1e3
"""Reach of an invisible layer."""
_LEAST_EXEMPLAR = 0.5
"""Minimum fraction of the target that an occluder leaves visible in the exemplar image."""


class Shot(NamedTuple):
    """One image of a scene, sampled but not yet drawn."""

    view: View
    camera: Camera
    center: Tensor
    """(B, 2) centre of the crop, world pixels."""
    side: Tensor
    """(B,) side of the crop, world pixels."""
    origin: Tensor
    """(B, 2) centre of the source image's first pixel, world pixels."""
    pitch: Tensor
    """(B,) distance between two source pixels, world pixels."""
    frame: Tensor
    """(B, 4) first and last x, y of the frame, world pixels."""
    window: Tensor
    """(B, 4) first and last x, y that the crop reads, source pixels."""


class Truth(NamedTuple):
    """Ground truth of pairs; its fields are those of `Pairs`."""

    offsets: Tensor
    log_scales: Tensor
    visible: Tensor
    boxes: Tensor
    exemplar_sizes: Tensor
    recent_sizes: Tensor
    """Empty, (B, 0), without a recent exemplar."""


def sample_pairs(
    uniforms: Tensor, textures: int, settings: PairSettings, renderer: Renderer | None = None
) -> tuple[tuple[Shot, ...], Truth]:
    """Sample pairs as a pure function of uniform numbers, (B, `PairSettings.uniforms`).

    `renderer` measures them and draws them later; None: the fastest for the device. The shots are
    the exemplar's, the search image's and, with `settings.recent`, the recent exemplar's.
    """
    renderer = renderer or renderer_for(uniforms.device)
    all_draws = PairDraws.divide(uniforms)
    draws, late_draws = all_draws.common, all_draws.late
    figures = all_draws.figures if settings.scene.figure_share > 0 else None
    scene = draw_scene(all_draws.scene, textures, settings.scene, settings.piece_share, figures)
    views, boxes, whole = _sample_views(scene, all_draws, settings, renderer)

    error = draws.normal(settings.box_noise, 2), draws.normal(settings.box_noise, 2)
    drawn_a, drawn_b = _drawn_by_user(late_draws, boxes[:2], error, whole, settings)
    center_a, side_a = _exemplar_square(drawn_a)
    log_scales = _draw_log_scales(draws, all_draws.own, settings)
    offsets = _draw_offsets(draws, settings)
    center_b, side_b = _search_square(drawn_b, side_a, log_scales, offsets, settings)
    absent = torch.zeros_like(scene.on_background)
    if settings.absent_share > 0:
        absent, views, elsewhere = _remove_targets(scene, views, settings, late_draws)
        center_b = center_b + elsewhere * side_b[:, None]
    views = tuple(map(renderer.prepare, views))

    grey = draws.chance(settings.grey_share)
    cameras = [draw_camera(camera, grey) for camera in all_draws.cameras[: len(views)]]
    coarse = _draw_coarseness(draws, settings)
    endless = whole_frame(center_a)
    frame = _draw_frame(draws, all_draws.own, drawn_b, (center_b, side_b), settings)
    exemplar_size, search_size = settings.exemplar_size, settings.search_size
    shots = [
        _make_shot(draws, views[0], cameras[0], center_a, side_a, exemplar_size, endless, coarse),
        _make_shot(draws, views[1], cameras[1], center_b, side_b, search_size, frame, coarse),
    ]
    recent_sizes = uniforms[:, :0]
    if settings.recent:
        drawn_c = _drawn_by_tracker(late_draws, boxes[2], error, settings)
        square = _exemplar_square(drawn_c)
        recent_sizes = drawn_c[:, 2:] * (exemplar_size / square[1][:, None])
        shots.append(
            _make_shot(late_draws, views[2], cameras[2], *square, exemplar_size, endless, coarse)
        )

    # If targets may leave the frame, the ground truth ends at its border.
    border = frame if settings.leaving_share > 0 else endless
    visible = renderer.visible_fraction(views[1], boxes[1], border)
    if not settings.exact_pieces:
        visible = torch.where(scene.on_background, inside_fraction(boxes[1], border), visible)
    moved, corners = _truth_in_search(drawn_b, border, center_b, side_b, settings)
    truth = Truth(
        offsets=offsets + moved,
        log_scales=log_scales,
        visible=torch.where(absent, 0.0, visible),
        boxes=corners,
        exemplar_sizes=drawn_a[:, 2:] * (exemplar_size / side_a[:, None]),
        recent_sizes=recent_sizes,
    )
    return tuple(shots), truth


def _drawn_by_user(
    draws: UniformDraws,
    boxes: tuple[Tensor, ...],
    error: tuple[Tensor, Tensor],
    whole: Tensor,
    settings: PairSettings,
) -> tuple[Tensor, Tensor]:
    """Return the exemplar's and the search image's boxes (B, 4) as a user would draw them."""
    drawn_a, drawn_b = (perturb_boxes(box, *error) for box in boxes)
    if settings.rough_share > 0:
        is_rough = (draws.chance(settings.rough_share) & whole)[:, None]
        move, side = draws.uniform(-0.1, 0.1, 2), draws.uniform(0.85, 1.15, 2)
        rough = perturb_boxes(boxes[0], move, torch.log(side))
        drawn_a = torch.where(is_rough, rough, drawn_a)
        drawn_b = torch.where(is_rough, boxes[1], drawn_b)
    return drawn_a, drawn_b


def _exemplar_square(box: Tensor) -> tuple[Tensor, Tensor]:
    """Return centres (B, 2) and sides (B,) of the exemplar's squares around boxes (B, 4)."""
    return box[:, :2] + box[:, 2:] / 2, exemplar_side(box[:, 2:])


def _search_square(
    box: Tensor,
    exemplar: Tensor,
    log_scales: Tensor,
    offsets: Tensor,
    settings: PairSettings,
) -> tuple[Tensor, Tensor]:
    """Return centres (B, 2) and sides (B,) of the search squares for boxes (B, 4).

    The side follows the target's change of size since the exemplar, whose side is given, except for
    the tracker's error in scale.
    """
    center, side = _exemplar_square(box)
    growth = (side / exemplar).clamp(0.4, 2.5)
    ratio = settings.search_size / settings.exemplar_size
    side = exemplar * ratio * growth * torch.exp(-log_scales)
    return center - offsets / (settings.search_size / side[:, None]), side


def _truth_in_search(
    box: Tensor, border: Tensor, center: Tensor, side: Tensor, settings: PairSettings
) -> tuple[Tensor, Tensor]:
    """Cut boxes (B, 4) at the border; return their centres' shifts (B, 2) and the boxes (B, 4).

    Both results are in pixels of the search image, whose square has this centre and side.
    """
    scale = settings.search_size / side[:, None]
    before, after = beyond_frame(box, border)
    corner = (box[:, :2] + before - center) * scale + settings.search_size / 2
    return (before - after) / 2 * scale, torch.cat(
        [corner, (box[:, 2:] - before - after) * scale], -1
    )


def _drawn_by_tracker(
    draws: UniformDraws, box: Tensor, drawn: tuple[Tensor, Tensor], settings: PairSettings
) -> Tensor:
    """Return boxes (B, 4) drawn by a user, with a tracker's error, sometimes a large one."""
    noise = settings.recent_noise
    error = (1 + 3 * draws.chance(settings.drifted_share).float())[:, None]
    moved, grown = error * draws.normal(noise, 2), error * draws.normal(noise, 2)
    return perturb_boxes(perturb_boxes(box, *drawn), moved, grown)


def _remove_targets(
    scene: Scene, views: tuple[View, ...], settings: PairSettings, draws: UniformDraws
) -> tuple[Tensor, tuple[View, ...], Tensor]:
    """Return the absent targets, (B,); views without them; offsets of the crops, (B, 2) in sides.

    Half of the absent targets with an outline are removed from the scene; the other crops move away
    by one to one and a half of their sides.
    """
    absent = draws.chance(settings.absent_share)
    gone = absent & ~scene.on_background & draws.chance(0.5)
    angle, distance = draws.uniform(0.0, 2 * math.pi), draws.uniform(1.0, 1.5)
    way = torch.stack([torch.cos(angle), torch.sin(angle)], -1) * distance[:, None]
    reach = views[1].layers["reach"].clone()
    reach[:, TARGET] = torch.where(gone[:, None], _NOWHERE, reach[:, TARGET])
    without = views[1]._replace(layers={**views[1].layers, "reach": reach})
    elsewhere = torch.where((absent & ~gone)[:, None], way, 0.0)
    return absent, (views[0], without, *views[2:]), elsewhere


def _sample_views(
    scene: Scene, all_draws: PairDraws, settings: PairSettings, renderer: Renderer
) -> tuple[tuple[View, ...], tuple[Tensor, ...], Tensor]:
    """Return the views, the true box in each, and flags of targets that are boxed whole.

    The first view is the exemplar's, the second the search image's, and a third is close to that.
    """
    own_draws = all_draws.own
    views = _draw_views(scene, all_draws, settings)
    origin = torch.zeros_like(scene.target.half_size)
    boxes = []
    for number, view in enumerate(views):
        piece = None
        if number and settings.exact_pieces:
            piece = follow_piece(scene, origin, views[0], view)
        boxes.append(ground_truth_box(renderer, scene, renderer.prepare(view), origin, piece))
    is_part = own_draws.chance(settings.part_share) & ~scene.on_background
    part = draw_part_boxes(own_draws, boxes[0])
    if settings.part_share > 0:
        parts = [part, *(follow_boxes(part, TARGET.start, views[0], view) for view in views[1:])]
        boxes = [torch.where(is_part[:, None], *both) for both in zip(parts, boxes, strict=True)]
    views = _relight_views(own_draws, views, settings)
    covered = own_draws.chance(settings.exemplar_occluded_share)
    if settings.exemplar_occluded_share > 0:
        veil = replace(scene, occluder_nearness=scene.occluder_nearness.clamp(max=_VEIL_NEARNESS))
        veiled = draw_view(veil, all_draws.views[0], origin, torch.zeros_like(scene.lighting))
        seen = renderer.visible_fraction(renderer.prepare(veiled), boxes[0], whole_frame(origin))
        views[0] = _select_views(covered & (seen >= _LEAST_EXEMPLAR), veiled, views[0])
    return tuple(views), tuple(boxes), ~scene.on_background & ~is_part


def _draw_views(scene: Scene, all_draws: PairDraws, settings: PairSettings) -> list[View]:
    """Draw the views of the exemplar, the search image and, if wanted, the recent exemplar."""
    draws, late_draws = all_draws.common, all_draws.late
    first, second, third = all_draws.views
    hidden = draws.chance(settings.occluded_share)
    # Some pairs are close in time: their views lie close together in the cube.
    near = draws.chance(settings.neighbour_share)[:, None]
    second = torch.where(near, first + 0.25 * (second - first), second)
    away = torch.full_like(scene.lighting, OCCLUDER_AWAY)
    occluders = [away, torch.where(hidden, 0.0, away)]
    moments = [first, second]
    if settings.recent:
        closeness = late_draws.log_uniform(*_RECENT, 1)
        moments.append(second + closeness * (third - second))
        still_hidden = late_draws.chance(_RECENT_HIDDEN)
        occluders.append(torch.where(hidden & still_hidden, 0.0, away))
    origin = torch.zeros_like(scene.target.half_size)
    return [
        draw_view(scene, moment, origin, occluder)
        for moment, occluder in zip(moments, occluders, strict=True)
    ]


def _relight_views(
    own_draws: UniformDraws, views: list[View], settings: PairSettings
) -> list[View]:
    """Give the exemplar and the search image independent lighting in a fraction of the pairs."""
    relit = own_draws.chance(settings.relit_share)
    lit = [relight(own_draws, view, relit) for view in views[:2]]
    for late in views[2:]:
        # A recent moment has the current lighting.
        gain, gamma = lit[1].exposure / views[1].exposure, lit[1].gamma / views[1].gamma
        lit.append(late._replace(exposure=late.exposure * gain, gamma=late.gamma * gamma))
    return lit


def _select_views(condition: Tensor, first: View, second: View) -> View:
    """Return the first view where the condition (B,) holds, else the second; only layers differ."""
    layers = {}
    for name, entry in second.layers.items():
        rows = condition.view((-1,) + (1,) * (entry.dim() - 1))
        layers[name] = torch.where(rows, first.layers[name], entry)
    return second._replace(layers=layers)


def _draw_log_scales(
    draws: UniformDraws, own_draws: UniformDraws, settings: PairSettings
) -> Tensor:
    """Draw the logarithm of the search side's true value over its value, (B,)."""
    usual = draws.normal(settings.scale_deviation)
    wide = own_draws.chance(settings.wide_scale_share)
    return torch.where(wide, own_draws.normal(settings.wide_scale_deviation), usual)


def _draw_offsets(draws: UniformDraws, settings: PairSettings) -> Tensor:
    """Draw the target's centre minus the search image's, in its pixels, (B, 2)."""
    far, reach = draws.chance(settings.far_share)[:, None], settings.reach
    return torch.where(
        far, draws.uniform(-reach, reach, 2), draws.normal(settings.near_deviation, 2)
    ).clamp(-reach, reach)


def _draw_coarseness(draws: UniformDraws, settings: PairSettings) -> Tensor:
    """Draw how many times coarser the frames are than the crops, (B,)."""
    is_coarse = draws.chance(settings.coarse_share)
    return torch.where(is_coarse, draws.log_uniform(1.0, settings.coarsest), 1.0)


def _draw_frame(
    draws: UniformDraws,
    own_draws: UniformDraws,
    box: Tensor,
    square: tuple[Tensor, Tensor],
    settings: PairSettings,
) -> Tensor:
    """Draw the search image's frames, (B, 4) world pixels, some of which end inside the boxes."""
    frame = near_frame(draws, settings.border_share, *square)
    leaving = own_draws.chance(settings.leaving_share)[:, None]
    return torch.where(leaving, cutting_frame(own_draws, box), frame)


def _make_shot(
    draws: UniformDraws,
    view: View,
    camera: Camera,
    center: Tensor,
    side: Tensor,
    size: int,
    frame: Tensor,
    coarse: Tensor,
) -> Shot:
    """Return the shot of a square, `coarse` times coarser than its crop of `size` pixels."""
    pitch = coarse * side / size
    middle = draws.unit(2) - 0.5 - (source_size(size) - 1) / 2
    corner = center + middle * pitch[:, None]
    seen = torch.cat([center - side[:, None] / 2, center + side[:, None] / 2], -1)
    window = (seen - torch.cat([corner, corner], -1)) / pitch[:, None]
    return Shot(view, camera, center, side, corner, pitch, frame, window)
