"""Training pairs: two views of a procedural scene, cropped as the tracker crops.

`PairGenerator` is deterministic in (seed, step): nothing depends on what was drawn before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from siamfc.data.procedural.dice import Dice
from siamfc.data.procedural.drawing import Drawing, drawing_on
from siamfc.data.procedural.recording import Recorded
from siamfc.data.procedural.render import CAMERA_DRAWS, Camera, draw_camera
from siamfc.data.procedural.scene import SCENE_DRAWS, VIEW_DRAWS, Scene, View, draw_scene, draw_view
from siamfc.data.procedural.textures import TextureSettings, draw_textures
from siamfc.errors import InputError

_PAIR_DRAWS = 48
_SOURCE_MARGIN = 9
_PLANNED_BATCHES = 8
"""Batches decided at once: deciding is many small steps, whatever the number of pairs."""
OCCLUDER_AWAY = 6.0
"""Distance in target half sizes at which an occluder hides nothing."""


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """How pairs are cropped; what they show is in `scene` and `render`."""

    exemplar_size: int = 127
    """Side of the exemplar image, pixels."""
    search_size: int = 255
    """Side of the search image, pixels."""
    far_share: float = 0.35
    """Share of pairs whose target lies anywhere in the response's reach; else it lies near."""
    near_deviation: float = 14.0
    """Deviation of a near target's place, pixels of the search image."""
    reach: float = 60.0
    """Largest distance of the target from the centre on each axis, pixels of the search image."""
    scale_deviation: float = 0.06
    """Deviation of the logarithm of search side over its true side."""
    box_noise: float = 0.04
    """Deviation of the exemplar box's place and of its sides' logarithm, as a share of its size.

    Nobody draws the tightest box. The true box in the search image is off by the same: what was
    drawn is followed.
    """
    piece_share: float = 0.2
    """Share of targets without an outline, pieces of the background that were boxed."""
    occluded_share: float = 0.25
    """Share of search images in which the occluder may cover the target."""
    grey_share: float = 0.25
    """Share of pairs without colour (thesis 4.1.6's source code, Bertinetto et al.)."""
    border_share: float = 0.15
    """Share of search images that reach over the frame's border."""
    coarse_share: float = 0.4
    """Share of pairs whose frames are coarser than the crop, which then enlarges."""
    coarsest: float = 5.0
    """Largest enlargement."""
    neighbour_share: float = 0.3
    """Share of pairs whose two views are alike, as frames are that follow each other."""

    def __post_init__(self) -> None:
        if not 0 < self.exemplar_size <= self.search_size:
            raise InputError(f"expected 0 < exemplar_size <= search_size, got {self}")
        shares = ("far", "piece", "occluded", "grey", "border", "coarse", "neighbour")
        for name in (f"{share}_share" for share in shares):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}: expected 0 to 1, got {getattr(self, name)}")


class Pairs(NamedTuple):
    """A batch of B pairs with their truth."""

    exemplars: Tensor
    """(B, 127, 127, 3) uint8 RGB."""
    searches: Tensor
    """(B, 255, 255, 3) uint8 RGB."""
    offsets: Tensor
    """Target's centre less the search image's, its pixels, (B, 2) float32 x, y."""
    log_scales: Tensor
    """Logarithm of the target's size over the size that the exemplar has, (B,) float32."""
    visible: Tensor
    """Share of the target that is not hidden in the search image, (B,) float32."""
    boxes: Tensor
    """Target's true box in the search image, its pixels, (B, 4) float32 x, y, w, h."""
    exemplar_sizes: Tensor
    """Width and height of the target's box in the exemplar image, its pixels, (B, 2) float32."""


def exemplar_side(size: Tensor) -> Tensor:
    """Side of the exemplar's square for boxes of w, h (B, 2): sqrt((w + p)(h + p)), p=(w+h)/2."""
    margin = size.mean(-1)
    return torch.sqrt((size[:, 0] + margin) * (size[:, 1] + margin))


def true_box(drawing: Drawing, scene: Scene, view: View, position: Tensor) -> Tensor:
    """The target's box: measured, or that of the piece of background, (B, 4) world x, y, w, h."""
    half = scene.target.half_size
    piece = torch.cat([position - half, 2 * half], -1)
    return torch.where(scene.on_background[:, None], piece, drawing.target_box(view, position))


class Shot(NamedTuple):
    """One image of a scene, decided and not yet drawn."""

    view: View
    camera: Camera
    center: Tensor
    """Of the crop, world pixels, (B, 2)."""
    side: Tensor
    """Of the crop, world pixels, (B,)."""
    origin: Tensor
    """Centre of the source image's first pixel, world pixels, (B, 2)."""
    pitch: Tensor
    """Distance of two source pixels, world pixels, (B,)."""
    frame: Tensor
    """First and last x, y of the frame, world pixels, (B, 4)."""
    window: Tensor
    """First and last x, y that the crop looks at, source pixels, (B, 4)."""


class Truth(NamedTuple):
    """What is known of a pair; the fields of `Pairs`."""

    offsets: Tensor
    log_scales: Tensor
    visible: Tensor
    boxes: Tensor
    exemplar_sizes: Tensor


def plan_pairs(
    uniforms: Tensor, textures: int, settings: PairSettings, drawing: Drawing | None = None
) -> tuple[Shot, Shot, Truth]:
    """Decide pairs as a pure function of uniform numbers, (B, `PAIR_UNIFORMS`).

    Measured and later drawn by `drawing`, by default the fastest of the device.
    """
    drawing = drawing or drawing_on(uniforms.device)
    widths = (SCENE_DRAWS, VIEW_DRAWS, VIEW_DRAWS, CAMERA_DRAWS, CAMERA_DRAWS, _PAIR_DRAWS)
    ends = tuple(accumulate(widths[:-1]))
    of_scene, first, second, camera_a, camera_b, rest = uniforms.tensor_split(ends, dim=1)
    dice = Dice(rest)
    count = len(uniforms)
    scene = draw_scene(of_scene, textures, settings.piece_share)
    origin = torch.zeros((count, 2), device=uniforms.device)
    hidden = dice.chance(settings.occluded_share)
    # Some pairs are neighbours in time: their views lie close together in the cube.
    near = dice.chance(settings.neighbour_share)[:, None]
    second = torch.where(near, first + 0.25 * (second - first), second)
    away = torch.full_like(scene.lighting, OCCLUDER_AWAY)
    view_a = drawing.prepare(draw_view(scene, first, origin, away))
    view_b = drawing.prepare(draw_view(scene, second, origin, torch.where(hidden, 0.0, away)))
    box_a, box_b = (true_box(drawing, scene, view, origin) for view in (view_a, view_b))

    # The box as somebody would draw it, here and there.
    moved, grown = dice.normal(settings.box_noise, 2), dice.normal(settings.box_noise, 2)
    drawn_a, drawn_b = (_redraw(box, moved, grown) for box in (box_a, box_b))
    center_a, side_a = drawn_a[:, :2] + drawn_a[:, 2:] / 2, exemplar_side(drawn_a[:, 2:])

    # The search side follows the target's change of size, less the error of the tracker's scale.
    growth = (exemplar_side(drawn_b[:, 2:]) / side_a).clamp(0.4, 2.5)
    log_scales = dice.normal(settings.scale_deviation)
    ratio = settings.search_size / settings.exemplar_size
    side_b = side_a * ratio * growth * torch.exp(-log_scales)
    far = dice.chance(settings.far_share)[:, None]
    reach = settings.reach
    offsets = torch.where(
        far, dice.uniform(-reach, reach, 2), dice.normal(settings.near_deviation, 2)
    ).clamp(-reach, reach)
    scale = settings.search_size / side_b[:, None]
    center_b = drawn_b[:, :2] + drawn_b[:, 2:] / 2 - offsets / scale

    grey = dice.chance(settings.grey_share)
    is_coarse = dice.chance(settings.coarse_share)
    coarse = torch.where(is_coarse, dice.log_uniform(1.0, settings.coarsest), 1.0)
    shots = []
    for view, camera, center, side, size, frame in (
        (view_a, camera_a, center_a, side_a, settings.exemplar_size, whole_frame(center_a)),
        (
            view_b,
            camera_b,
            center_b,
            side_b,
            settings.search_size,
            _frame(dice, settings, center_b, side_b),
        ),
    ):
        pitch = coarse * side / size
        middle = dice.unit(2) - 0.5 - (source_size(size) - 1) / 2
        corner = center + middle * pitch[:, None]
        seen = torch.cat([center - side[:, None] / 2, center + side[:, None] / 2], -1)
        window = (seen - torch.cat([corner, corner], -1)) / pitch[:, None]
        shots.append(
            Shot(view, draw_camera(camera, grey), center, side, corner, pitch, frame, window)
        )
    corner = (drawn_b[:, :2] - center_b) * scale + settings.search_size / 2
    boxes = torch.cat([corner, drawn_b[:, 2:] * scale], -1)
    sizes = drawn_a[:, 2:] * (settings.exemplar_size / side_a[:, None])
    visible = torch.where(scene.on_background, 1.0, drawing.visible_share(view_b, box_b))
    return shots[0], shots[1], Truth(offsets, log_scales, visible, boxes, sizes)


def _redraw(box: Tensor, moved: Tensor, grown: Tensor) -> Tensor:
    """Boxes (B, 4) moved by shares of their size, sides times exp(grown); (B, 2) each."""
    center, size = box[:, :2] + box[:, 2:] / 2 + moved * box[:, 2:], box[:, 2:] * torch.exp(grown)
    return torch.cat([center - size / 2, size], -1)


def render_pairs(
    drawing: Drawing,
    shots: tuple[Shot, Shot],
    bank: Tensor,
    settings: PairSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Draw exemplar and search images, uint8, with the camera's noise from `generator`."""
    sizes = (settings.exemplar_size, settings.search_size)
    # The exemplar's whole source counts: its mean fills what lies outside the frame.
    windows = (None, shots[1].window)
    sources = [
        drawing.photograph(
            shot.view,
            bank,
            shot.camera,
            shot.origin,
            shot.pitch,
            source_size(size),
            generator,
            window,
        )
        for shot, size, window in zip(shots, sizes, windows, strict=True)
    ]
    fill = drawing.mean_color(sources[0])
    crops = [
        drawing.crop(
            source, shot.origin, shot.pitch, shot.center, shot.side, size, shot.frame, fill
        )
        for source, shot, size in zip(sources, shots, sizes, strict=True)
    ]
    return crops[0], crops[1]


PAIR_UNIFORMS = SCENE_DRAWS + 2 * VIEW_DRAWS + 2 * CAMERA_DRAWS + _PAIR_DRAWS


def whole_frame(center: Tensor) -> Tensor:
    """A frame without a border in sight, (B, 4) world pixels."""
    far = torch.full_like(center, 1e6)
    return torch.cat([-far, far], -1)


def _frame(dice: Dice, settings: PairSettings, center: Tensor, side: Tensor) -> Tensor:
    """The frame's first and last x, y, (B, 4) world pixels; few frames end within the crop."""
    cut = dice.chance(settings.border_share)
    which = dice.integer(4)
    place = dice.uniform(0.22, 0.5)
    sign = torch.where(torch.arange(4, device=cut.device) < 2, -1.0, 1.0)
    edge = torch.cat([center, center], -1) + sign * (place * side)[:, None]
    chosen = cut[:, None] & (torch.arange(4, device=cut.device) == which[:, None])
    return torch.where(chosen, edge, whole_frame(center))


def _rows(value: Any, rows: slice) -> Any:
    """The same rows of every tensor in nested tuples and dictionaries."""
    if isinstance(value, Tensor):
        return value[rows]
    if isinstance(value, dict):
        return {name: _rows(entry, rows) for name, entry in value.items()}
    return type(value)(*(_rows(entry, rows) for entry in value))


_Plan = Callable[[Tensor], tuple[Shot, Shot, Truth]]


class PairGenerator:
    """Draws batches of pairs on one device.

    Args:
        batch: pairs in a batch.
        seed: of the bank and of every batch.
        device: where the pairs are made.
        settings: how they are cropped.
        textures: how large the bank is.
        drawing: what draws them; by default the fastest of the device.
    """

    def __init__(
        self,
        *,
        batch: int,
        seed: int,
        device: torch.device | str = "cpu",
        settings: PairSettings | None = None,
        textures: TextureSettings | None = None,
        drawing: Drawing | None = None,
    ) -> None:
        self.settings = settings or PairSettings()
        self._batch = batch
        self._seed = seed
        self._generator = torch.Generator(device)
        self._textures = textures or TextureSettings()
        self._drawing = drawing or drawing_on(self._generator.device)
        self.renew(0)
        on_gpu = self._generator.device.type == "cuda"
        self._plan: _Plan = Recorded(self._decide) if on_gpu else self._decide
        self._planned: tuple[int, tuple[Shot, Shot, Truth]] | None = None

    def __call__(self, step: int) -> Pairs:
        """The batch of this step: the same whenever and wherever in the run it is drawn."""
        group, place = divmod(step, _PLANNED_BATCHES)
        if self._planned is None or self._planned[0] != group:
            count = self._batch * _PLANNED_BATCHES
            uniforms = torch.rand((count, PAIR_UNIFORMS), **self._stream(group, salt=1))
            exemplar, search, truth = self._plan(uniforms)
            # The truth is handed out, and must outlast the next plan.
            self._planned = (group, (exemplar, search, Truth(*(part.clone() for part in truth))))
        rows = slice(place * self._batch, (place + 1) * self._batch)
        exemplar, search, truth = (_rows(part, rows) for part in self._planned[1])
        images = render_pairs(
            self._drawing,
            (exemplar, search),
            self.bank,
            self.settings,
            self._stream(step, salt=2)["generator"],
        )
        return Pairs(*images, *truth)

    def _decide(self, uniforms: Tensor) -> tuple[Shot, Shot, Truth]:
        return plan_pairs(uniforms, self._textures.count, self.settings, self._drawing)

    def renew(self, number: int) -> None:
        """Draw the textures anew: another bank for each number."""
        generator = self._stream(number, salt=3)["generator"]
        self.bank = draw_textures(self._textures, generator, drawing=self._drawing)

    def _stream(self, number: int, salt: int) -> dict[str, Any]:
        """Keywords that draw from a stream of its own for each seed, number and salt."""
        key = np.random.SeedSequence((self._seed, salt, number)).generate_state(2, np.uint32)
        self._generator.manual_seed(int(key[0]) << 31 | int(key[1]) >> 1)
        return {"generator": self._generator, "device": self._generator.device}


def source_size(size: int) -> int:
    """Side of the source image for a crop of `size`: a margin, and whole blocks of 8."""
    return -(-(size + _SOURCE_MARGIN) // 8) * 8
