"""Training pairs: two views of a procedural scene, cropped as the tracker crops.

`PairGenerator` is deterministic in (seed, step): nothing depends on what was drawn before.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.data.procedural.dice import Dice
from siamfc.data.procedural.render import (
    CAMERA_DRAWS,
    crop,
    draw_camera,
    photograph,
    target_box,
    visible_share,
)
from siamfc.data.procedural.scene import SCENE_DRAWS, VIEW_DRAWS, Scene, draw_scene, draw_view
from siamfc.data.procedural.textures import TextureSettings, draw_textures
from siamfc.errors import InputError

_PAIR_DRAWS = 48
_SOURCE_MARGIN = 9


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
    """Deviation of the exemplar box's edges, as annotators err, as a share of its size."""
    occluded_share: float = 0.25
    """Share of search images in which the occluder may cover the target."""
    grey_share: float = 0.25
    """Share of pairs without colour (thesis 4.1.6's source code, Bertinetto et al.)."""
    border_share: float = 0.15
    """Share of search images that reach over the frame's border."""
    coarse_share: float = 0.4
    """Share of pairs whose frames are coarser than the crop, which then enlarges."""

    def __post_init__(self) -> None:
        if not 0 < self.exemplar_size <= self.search_size:
            raise InputError(f"expected 0 < exemplar_size <= search_size, got {self}")
        shares = ("far", "occluded", "grey", "border", "coarse")
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


def exemplar_side(size: Tensor) -> Tensor:
    """Side of the exemplar's square for boxes of w, h (B, 2): sqrt((w + p)(h + p)), p=(w+h)/2."""
    margin = size.mean(-1)
    return torch.sqrt((size[:, 0] + margin) * (size[:, 1] + margin))


def true_box(scene: Scene, view_box: Tensor, position: Tensor, size: Tensor) -> Tensor:
    """The target's box: measured, or the piece of background about `position`, (B, 4)."""
    piece = torch.cat([position - size / 2, size], -1)
    return torch.where(scene.on_background[:, None], piece, view_box)


def draw_pairs(
    uniforms: Tensor, noise: tuple[Tensor, Tensor], bank: Tensor, settings: PairSettings
) -> Pairs:
    """Pairs as a pure function of uniform numbers (B, `PAIR_UNIFORMS`) and normal noise."""
    widths = (SCENE_DRAWS, VIEW_DRAWS, VIEW_DRAWS, CAMERA_DRAWS, CAMERA_DRAWS, _PAIR_DRAWS)
    of_scene, first, second, camera_a, camera_b, rest = uniforms.split(widths, dim=1)
    dice = Dice(rest)
    count = len(uniforms)
    scene = draw_scene(of_scene, len(bank))
    origin = torch.zeros((count, 2), device=uniforms.device)
    hidden = dice.chance(settings.occluded_share)
    # Some pairs are neighbours in time: their views lie close together in the cube.
    near = dice.chance(0.3)[:, None]
    second = torch.where(near, first + 0.25 * (second - first), second)
    away = torch.full_like(scene.lighting, 6.0)
    view_a = draw_view(scene, first, origin, away)
    view_b = draw_view(scene, second, origin, torch.where(hidden, 0.0, away))
    size = 2 * scene.target.half_size
    box_a = true_box(scene, target_box(view_a, origin), origin, size)
    box_b = true_box(scene, target_box(view_b, origin), origin, size)

    # The exemplar's box as somebody would draw it.
    center_a = box_a[:, :2] + box_a[:, 2:] / 2
    center_a = center_a + dice.normal(settings.box_noise, 2) * box_a[:, 2:]
    drawn = box_a[:, 2:] * torch.exp(dice.normal(settings.box_noise, 2))
    side_a = exemplar_side(drawn)
    ratio = settings.search_size / settings.exemplar_size

    # The search side follows the target's change of size, less the error of the tracker's scale.
    growth = torch.sqrt(box_b[:, 2:].prod(-1) / box_a[:, 2:].prod(-1).clamp(min=1))
    growth = torch.where(scene.on_background, 1.0, growth.clamp(0.5, 2.0))
    log_scales = dice.normal(settings.scale_deviation)
    side_b = side_a * ratio * growth * torch.exp(-log_scales)
    far = dice.chance(settings.far_share)[:, None]
    offsets = torch.where(
        far,
        dice.uniform(-settings.reach, settings.reach, 2),
        dice.normal(settings.near_deviation, 2),
    ).clamp(-settings.reach, settings.reach)
    center_b = box_b[:, :2] + box_b[:, 2:] / 2 - offsets * (side_b / settings.search_size)[:, None]

    grey = dice.chance(settings.grey_share)
    coarse = torch.where(
        dice.chance(settings.coarse_share), dice.log_uniform(1.0, 5.0), torch.ones_like(side_a)
    )
    bounds = _frame(dice, settings, center_b, side_b)
    far_bounds = torch.tensor([-1e6, -1e6, 1e6, 1e6], device=bank.device).expand(count, 4)
    crops = []
    fill: Tensor | None = None
    for view, camera, pixels, center, side, frame, extent in (
        (view_a, camera_a, noise[0], center_a, side_a, far_bounds, settings.exemplar_size),
        (view_b, camera_b, noise[1], center_b, side_b, bounds, settings.search_size),
    ):
        pitch = coarse * side / extent
        spread = pixels.shape[1]
        corner = center + (dice.unit(2) - 0.5 - (spread - 1) / 2) * pitch[:, None]
        source = photograph(view, bank, draw_camera(camera, grey), corner, pitch, pixels)
        fill = source.mean((1, 2)) if fill is None else fill
        crops.append(crop(source, corner, pitch, center, side, extent, frame, fill))
    scaled = settings.search_size / side_b[:, None]
    boxes = torch.cat([(box_b[:, :2] - center_b) * scaled, box_b[:, 2:] * scaled], -1)
    boxes[:, :2] += settings.search_size / 2
    visible = torch.where(scene.on_background, 1.0, visible_share(view_b, box_b))
    return Pairs(crops[0], crops[1], offsets, log_scales, visible, boxes)


PAIR_UNIFORMS = SCENE_DRAWS + 2 * VIEW_DRAWS + 2 * CAMERA_DRAWS + _PAIR_DRAWS


def _frame(dice: Dice, settings: PairSettings, center: Tensor, side: Tensor) -> Tensor:
    """The frame's first and last x, y, (B, 4) world pixels; few frames end within the crop."""
    cut = dice.chance(settings.border_share)
    which = dice.integer(4)
    place = dice.uniform(0.22, 0.5)
    far = torch.full((len(cut), 4), 1e6, device=cut.device)
    far[:, :2] *= -1
    sign = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=cut.device)
    edge = torch.cat([center, center], -1) + sign * (place * side)[:, None]
    chosen = cut[:, None] & (torch.arange(4, device=cut.device) == which[:, None])
    return torch.where(chosen, edge, far)


class PairGenerator:
    """Draws batches of pairs on one device.

    Args:
        batch: pairs in a batch.
        seed: of the bank and of every batch.
        device: where the pairs are made.
        settings: how they are cropped.
        textures: how large the bank is.
        compiled: fuse the drawing with torch.compile; pays on a GPU alone.
    """

    def __init__(
        self,
        *,
        batch: int,
        seed: int,
        device: torch.device | str = "cpu",
        settings: PairSettings | None = None,
        textures: TextureSettings | None = None,
        compiled: bool = False,
    ) -> None:
        self.settings = settings or PairSettings()
        self._batch = batch
        self._seed = seed
        self._generator = torch.Generator(device)
        self._generator.manual_seed(seed)
        self._bank = draw_textures(
            textures or TextureSettings(), self._generator, compile_painter=compiled
        )
        self._draw = torch.compile(draw_pairs, dynamic=False) if compiled else draw_pairs

    def __call__(self, step: int) -> Pairs:
        """The batch of this step: the same whenever and wherever in the run it is drawn."""
        generator, device = self._generator, self._generator.device
        # A large odd multiplier keeps the streams of neighbouring seeds apart.
        generator.manual_seed((self._seed * 0x9E3779B1 + step + 1) % 2**62)
        uniforms = torch.rand((self._batch, PAIR_UNIFORMS), generator=generator, device=device)
        noise = [
            torch.randn((self._batch, side, side, 4), generator=generator, device=device)
            for side in map(_source_size, (self.settings.exemplar_size, self.settings.search_size))
        ]
        return self._draw(uniforms, (noise[0], noise[1]), self._bank, self.settings)


def _source_size(size: int) -> int:
    """Side of the source image for a crop of `size`: a margin, and whole blocks of 8."""
    return -(-(size + _SOURCE_MARGIN) // 8) * 8
