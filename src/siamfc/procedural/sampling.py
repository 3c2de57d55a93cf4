"""Sampling of pairs: the content of both views, the positions of the crops, and the ground truth.

Everything here is small numbers; no image is drawn.
"""

import math
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.checks import check_number
from siamfc.errors import InputError
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.figures import FIGURE_DRAWS
from siamfc.procedural.framing import (
    beyond_frame,
    cutting_frame,
    exemplar_side,
    followed,
    followed_piece,
    inside_share,
    near_frame,
    part_of,
    redrawn,
    source_size,
    true_box,
    whole_frame,
)
from siamfc.procedural.render import CAMERA_DRAWS, Camera, draw_camera
from siamfc.procedural.renderer import Renderer, renderer_for
from siamfc.procedural.scene import (
    SCENE_DRAWS,
    TARGET,
    VIEW_DRAWS,
    Scene,
    SceneSettings,
    View,
    draw_scene,
    draw_view,
    lit_otherwise,
)

_COMMON_DRAWS = 24
_OWN_DRAWS = 24
"""Number of draws for optional features; switching one off leaves all else unchanged."""
PAIR_UNIFORMS = SCENE_DRAWS + 2 * VIEW_DRAWS + 2 * CAMERA_DRAWS + _COMMON_DRAWS + _OWN_DRAWS
_LATE_DRAWS = 40
"""Number of draws for later additions: absent targets, rough boxes, and the recent exemplar."""
LATE_UNIFORMS = VIEW_DRAWS + CAMERA_DRAWS + _LATE_DRAWS + 3 * FIGURE_DRAWS
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


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Settings of the crops of pairs; `scene` and `render` determine their content."""

    exemplar_size: int = 127
    """Side of the exemplar image, pixels."""
    search_size: int = 255
    """Side of the search image, pixels."""
    far_share: float = 0.35
    """Fraction of pairs whose target lies anywhere in the response's reach; otherwise it is
    near."""
    near_deviation: float = 14.0
    """Standard deviation of a near target's position, pixels of the search image."""
    reach: float = 60.0
    """Largest distance of the target from the centre per axis, pixels of the search image."""
    scale_deviation: float = 0.06
    """Standard deviation of the logarithm of the search side over its true value."""
    box_noise: float = 0.04
    """Standard deviation of the exemplar box's position and log sides, relative to its size.

    Nobody draws the tightest box. The ground truth box in the search image has the same error,
    because the tracker follows what was drawn.
    """
    piece_share: float = 0.2
    """Fraction of targets without an outline: boxed pieces of the background."""
    occluded_share: float = 0.25
    """Fraction of search images in which the occluder may cover the target."""
    grey_share: float = 0.25
    """Fraction of grey pairs (thesis 4.1.6's source code, Bertinetto et al.)."""
    border_share: float = 0.15
    """Fraction of search images that extend beyond the frame's border."""
    coarse_share: float = 0.4
    """Fraction of pairs whose frames are coarser than the crop, which then enlarges."""
    coarsest: float = 5.0
    """Largest enlargement of a crop."""
    neighbour_share: float = 0.3
    """Fraction of pairs whose two views are as similar as consecutive frames."""

    scene: SceneSettings = field(default_factory=SceneSettings)
    """Frequencies of difficulties in the scene."""
    exemplar_occluded_share: float = 0.0
    """Fraction of exemplar images in which the occluder may cover up to half of the target."""
    wide_scale_share: float = 0.0
    """Fraction of pairs whose scale errs by `wide_scale_deviation`: targets that grew or shrank."""
    wide_scale_deviation: float = 0.4
    """Standard deviation of the logarithm of the search side over its true value in these pairs."""
    leaving_share: float = 0.0
    """Fraction of search images whose frame ends inside the target.

    If it is above 0, all boxes end at the frame's border, as annotators draw them, and parts beyond
    it count as hidden. If it is 0, boxes that `border_share` cuts by chance stay whole.
    """
    relit_share: float = 0.0
    """Fraction of pairs with independent lighting."""
    part_share: float = 0.0
    """Fraction of outlined targets of which only a part is boxed, like a face on a head."""
    exact_pieces: bool = False
    """Let the box of a background piece turn and stretch with it, and occluders hide it. Otherwise
    its box in the search image is the exemplar's, and it counts as visible."""
    recent: bool = False
    """Add a third image: an exemplar from a moment close to the search image's, cropped around a
    box with a tracker's error."""
    recent_noise: float = 0.06
    """Standard deviation of that box's position and of its sides' logarithm, relative to its
    size."""
    drifted_share: float = 0.1
    """Fraction of these boxes with four times that error."""
    absent_share: float = 0.0
    """Fraction of search images of the same scene without the target: either it is removed, or the
    crop lies elsewhere."""
    rough_share: float = 0.0
    """Fraction of whole outlined targets whose exemplar box is rough: moved by up to a tenth of its
    size, its sides up to 15 % off. The ground truth is exact, because a rough box means the
    object."""

    def __post_init__(self) -> None:
        if not 0 < self.exemplar_size <= self.search_size:
            raise InputError(f"expected 0 < exemplar_size <= search_size, got {self}")
        for name in (item.name for item in fields(self) if item.name.endswith("_share")):
            check_number(name, getattr(self, name), 0, 1)
        for name in ("near_deviation", "reach", "scale_deviation", "box_noise", "recent_noise"):
            check_number(name, getattr(self, name), 0)
        check_number("wide_scale_deviation", self.wide_scale_deviation, 0, 1)
        check_number("coarsest", self.coarsest, 1)

    @property
    def uniforms(self) -> int:
        """Number of uniform draws per pair."""
        shares = self.absent_share, self.rough_share, self.scene.figure_share
        return PAIR_UNIFORMS + (LATE_UNIFORMS if self.recent or any(shares) else 0)


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
    widths = [SCENE_DRAWS, VIEW_DRAWS, VIEW_DRAWS, CAMERA_DRAWS, CAMERA_DRAWS, _COMMON_DRAWS]
    widths += [_OWN_DRAWS, VIEW_DRAWS, CAMERA_DRAWS, _LATE_DRAWS]
    of_scene, first, second, *cameras, common, own, third, late_camera, late, figures = (
        uniforms.tensor_split(tuple(accumulate(widths)), dim=1)
    )
    draws, own_draws, late_draws = UniformDraws(common), UniformDraws(own), UniformDraws(late)
    scene = draw_scene(
        of_scene,
        textures,
        settings.scene,
        settings.piece_share,
        figures if settings.scene.figure_share > 0 else None,
    )
    moments = (first, second, third) if settings.recent else (first, second)
    views, boxes, whole = _look(scene, moments, settings, renderer, draws, own_draws, late_draws)

    # The box as a user would draw it, in both images.
    moved, grown = draws.normal(settings.box_noise, 2), draws.normal(settings.box_noise, 2)
    drawn_a, drawn_b = (redrawn(box, moved, grown) for box in boxes[:2])
    if settings.rough_share > 0:
        is_rough = (late_draws.chance(settings.rough_share) & whole)[:, None]
        move, side = late_draws.uniform(-0.1, 0.1, 2), late_draws.uniform(0.85, 1.15, 2)
        rough = redrawn(boxes[0], move, torch.log(side))
        drawn_a = torch.where(is_rough, rough, drawn_a)
        drawn_b = torch.where(is_rough, boxes[1], drawn_b)
    center_a, side_a = drawn_a[:, :2] + drawn_a[:, 2:] / 2, exemplar_side(drawn_a[:, 2:])

    # The search side follows the target's change of size, except for the tracker's error in scale.
    growth = (exemplar_side(drawn_b[:, 2:]) / side_a).clamp(0.4, 2.5)
    log_scales = _draw_log_scales(draws, own_draws, settings)
    ratio = settings.search_size / settings.exemplar_size
    side_b = side_a * ratio * growth * torch.exp(-log_scales)
    offsets = _draw_offsets(draws, settings)
    scale = settings.search_size / side_b[:, None]
    center_b = drawn_b[:, :2] + drawn_b[:, 2:] / 2 - offsets / scale
    absent = torch.zeros_like(scene.on_background)
    if settings.absent_share > 0:
        absent, views, elsewhere = _take_away(scene, views, settings, late_draws)
        center_b = center_b + elsewhere * side_b[:, None]
    views = tuple(map(renderer.prepare, views))

    grey = draws.chance(settings.grey_share)
    is_coarse = draws.chance(settings.coarse_share)
    coarse = torch.where(is_coarse, draws.log_uniform(1.0, settings.coarsest), 1.0)
    endless = whole_frame(center_a)
    frame = near_frame(draws, settings.border_share, center_b, side_b)
    leaving = own_draws.chance(settings.leaving_share)[:, None]
    frame = torch.where(leaving, cutting_frame(own_draws, drawn_b), frame)
    squares = [
        (center_a, side_a, settings.exemplar_size, endless),
        (center_b, side_b, settings.search_size, frame),
    ]
    shots = [
        _aim(draws, view, draw_camera(camera, grey), *square, coarse)
        for view, camera, square in zip(views[:2], cameras, squares, strict=True)
    ]
    recent_sizes = uniforms[:, :0]
    if settings.recent:
        drawn_c = _drawn_by_tracker(late_draws, boxes[2], (moved, grown), settings)
        side_c = exemplar_side(drawn_c[:, 2:])
        recent_sizes = drawn_c[:, 2:] * (settings.exemplar_size / side_c[:, None])
        square = (drawn_c[:, :2] + drawn_c[:, 2:] / 2, side_c, settings.exemplar_size, endless)
        camera = draw_camera(late_camera, grey)
        shots.append(_aim(late_draws, views[2], camera, *square, coarse))

    # If targets may leave the frame, the ground truth ends at its border.
    border = frame if settings.leaving_share > 0 else endless
    visible = renderer.visible_share(views[1], boxes[1], border)
    if not settings.exact_pieces:
        visible = torch.where(scene.on_background, inside_share(boxes[1], border), visible)
    before, after = beyond_frame(drawn_b, border)
    corner = (drawn_b[:, :2] + before - center_b) * scale + settings.search_size / 2
    truth = Truth(
        offsets=offsets + (before - after) / 2 * scale,
        log_scales=log_scales,
        visible=torch.where(absent, 0.0, visible),
        boxes=torch.cat([corner, (drawn_b[:, 2:] - before - after) * scale], -1),
        exemplar_sizes=drawn_a[:, 2:] * (settings.exemplar_size / side_a[:, None]),
        recent_sizes=recent_sizes,
    )
    return tuple(shots), truth


def _drawn_by_tracker(
    draws: UniformDraws, box: Tensor, drawn: tuple[Tensor, Tensor], settings: PairSettings
) -> Tensor:
    """Return boxes (B, 4) drawn by a user, with a tracker's error, sometimes a large one."""
    noise = settings.recent_noise
    error = (1 + 3 * draws.chance(settings.drifted_share).float())[:, None]
    moved, grown = error * draws.normal(noise, 2), error * draws.normal(noise, 2)
    return redrawn(redrawn(box, *drawn), moved, grown)


def _take_away(
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


def _look(
    scene: Scene,
    uniforms: tuple[Tensor, ...],
    settings: PairSettings,
    renderer: Renderer,
    draws: UniformDraws,
    own_draws: UniformDraws,
    late_draws: UniformDraws,
) -> tuple[tuple[View, ...], tuple[Tensor, ...], Tensor]:
    """Return the views, the true box in each, and flags of targets that are boxed whole.

    The first view is the exemplar's, the second the search image's, and a third is close to that.
    """
    first, second, *third = uniforms
    origin = torch.zeros((len(first), 2), device=first.device)
    hidden = draws.chance(settings.occluded_share)
    # Some pairs are close in time: their views lie close together in the cube.
    near = draws.chance(settings.neighbour_share)[:, None]
    second = torch.where(near, first + 0.25 * (second - first), second)
    away = torch.full_like(scene.lighting, OCCLUDER_AWAY)
    occluders = [away, torch.where(hidden, 0.0, away)]
    moments = [first, second]
    if third:
        closeness = late_draws.log_uniform(*_RECENT, 1)
        moments.append(second + closeness * (third[0] - second))
        still_hidden = late_draws.chance(_RECENT_HIDDEN)
        occluders.append(torch.where(hidden & still_hidden, 0.0, away))
    views = [
        draw_view(scene, moment, origin, occluder)
        for moment, occluder in zip(moments, occluders, strict=True)
    ]
    boxes = []
    for number, view in enumerate(views):
        piece = None
        if number and settings.exact_pieces:
            piece = followed_piece(scene, origin, views[0], view)
        boxes.append(true_box(renderer, scene, renderer.prepare(view), origin, piece))
    is_part = own_draws.chance(settings.part_share) & ~scene.on_background
    part = part_of(own_draws, boxes[0])
    if settings.part_share > 0:
        parts = [part, *(followed(part, TARGET.start, views[0], view) for view in views[1:])]
        boxes = [torch.where(is_part[:, None], *both) for both in zip(parts, boxes, strict=True)]
    relit = own_draws.chance(settings.relit_share)
    lit = [lit_otherwise(own_draws, view, relit) for view in views[:2]]
    if third:
        # A recent moment has the current lighting.
        gain, gamma = lit[1].exposure / views[1].exposure, lit[1].gamma / views[1].gamma
        late = views[2]
        lit.append(late._replace(exposure=late.exposure * gain, gamma=late.gamma * gamma))
    views = lit
    covered = own_draws.chance(settings.exemplar_occluded_share)
    if settings.exemplar_occluded_share > 0:
        veil = replace(scene, occluder_nearness=scene.occluder_nearness.clamp(max=_VEIL_NEARNESS))
        veiled = draw_view(veil, first, origin, torch.zeros_like(away))
        seen = renderer.visible_share(renderer.prepare(veiled), boxes[0], whole_frame(origin))
        views[0] = _chosen(covered & (seen >= _LEAST_EXEMPLAR), veiled, views[0])
    return tuple(views), tuple(boxes), ~scene.on_background & ~is_part


def _chosen(condition: Tensor, first: View, second: View) -> View:
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


def _aim(
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
