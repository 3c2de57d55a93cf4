"""Augmentation of decoded pairs, on the device that trains: stretch, shift, colour, blur, grey.

A pure function of pairs and uniform numbers: the same pair gives the same result (up to rounding)
on any device and in any batch.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from siamfc.checks import check_number, check_whole
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.pairs import AUGMENTATION_DRAWS
from siamfc.errors import InputError
from siamfc.geometry import CONTEXT_AMOUNT

_BLUR_TAPS = 4  # to either side of a pixel: three deviations of the strongest blur
_GREY = (0.299, 0.587, 0.114)  # Rec. 601, as in the public implementations


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Strength of the augmentation; the defaults are the paper's where it names a number.

    Attributes:
        exemplar_size: side of the exemplar image in pixels.
        search_size: side of the search image in pixels.
        max_shift: largest shift of the target in the search image per axis, in its pixels.
        exemplar_shift: largest shift of the exemplar's square per axis, pixels: boxes are never
            exact.
        max_stretch: largest stretch of either image per axis, as a fraction.
        max_zoom: largest change of the search image's scale, as a logarithm.
        box_noise: largest change of the target's box, the same in both images: of its centre, as a
            fraction of its size, and of the logarithm of its sides.
        fit: limit shift and zoom to what a store's crops show, instead of refusing small crops.
        brightness: largest change of an image's brightness, as a fraction.
        contrast: largest change of contrast, as a fraction.
        saturation: largest change of saturation, as a fraction.
        colour: largest change of one channel's gain, as a fraction.
        blur_share: fraction of images that are blurred.
        most_blur: largest standard deviation of the blur in pixels.
        grey_share: fraction of grey pairs (thesis 4.1.6: a quarter).
    """

    exemplar_size: int = 127
    search_size: int = 255
    max_shift: float = 4.0
    exemplar_shift: float = 4.0
    max_stretch: float = 0.05
    max_zoom: float = 0.0
    box_noise: float = 0.0
    fit: bool = False
    brightness: float = 0.1
    contrast: float = 0.1
    saturation: float = 0.2
    colour: float = 0.05
    blur_share: float = 0.1
    most_blur: float = 1.3
    grey_share: float = 0.25

    def __post_init__(self) -> None:
        check_whole("exemplar_size", self.exemplar_size, 1)
        check_whole("search_size", self.search_size, self.exemplar_size)
        check_number("max_shift", self.max_shift, 0, self.search_size / 2)
        check_number("exemplar_shift", self.exemplar_shift, 0, self.exemplar_size / 2)
        check_number("most_blur", self.most_blur, 0.1, _BLUR_TAPS / 3)
        for name in (
            "max_stretch", "max_zoom", "box_noise", "brightness", "contrast", "saturation",
            "colour", "blur_share", "grey_share",
        ):  # fmt: skip
            check_number(name, getattr(self, name), 0, 1)

    def check_store(self, store: CurationSettings) -> None:
        """Raise InputError unless a store's crops are large enough for these settings."""
        shown = self.search_size + (0 if self.fit else 2 * self.max_shift)
        needed = shown * (1 + self.max_stretch)
        if store.exemplar_size != self.exemplar_size:
            raise InputError(
                f"exemplar_size: expected the store's {store.exemplar_size} pixels, "
                f"got {self.exemplar_size}"
            )
        if needed > store.crop_size:
            raise InputError(
                f"max_shift {self.max_shift:g} and max_stretch {self.max_stretch:g} need crops of "
                f"{needed:g} pixels, the store has {store.crop_size}; choose less, or curate with "
                "more"
            )


class AugmentedPairs(NamedTuple):
    """B pairs as the network sees them, with their ground truth."""

    exemplars: Tensor
    """(B, exemplar_size, exemplar_size, 3) uint8 RGB."""
    searches: Tensor
    """(B, search_size, search_size, 3) uint8 RGB."""
    offsets: Tensor
    """(B, 2) float32, the target's centre minus the search image's, in its pixels."""
    log_scales: Tensor
    """(B,) float32, logarithm of the target's size divided by its size in the exemplar."""
    boxes: Tensor
    """(B, 4) float32, the target's box in the search image, in its pixels."""
    exemplar_sizes: Tensor
    """(B, 2) float32, width and height of the target's box in the exemplar image, in its pixels."""
    visible: Tensor
    """(B,) float32, 1, or 0 for a search image without the exemplar's target."""


def augment(
    exemplars: Tensor,
    searches: Tensor,
    search_sizes: Tensor,
    uniforms: Tensor,
    settings: AugmentSettings,
    *,
    exemplar_sizes: Tensor | None = None,
    present: Tensor | None = None,
    context_amount: float = CONTEXT_AMOUNT,
) -> AugmentedPairs:
    """Cut exemplar and search images out of crops and augment them.

    Each image is resampled once, at exactly the positions that `siamfc.geometry` defines. Shift and
    stretch change the ground truth along with the image.

    Args:
        exemplars: (B, n, n, 3) uint8 RGB, with the target in the centre.
        searches: (B, n, n, 3) uint8 RGB, with the target in the centre.
        search_sizes: (B, 2) width and height of the target in the search crop.
        uniforms: (B, AUGMENTATION_DRAWS) in [0, 1).
        settings: sizes and strengths.
        exemplar_sizes: (B, 2) the same in the exemplar crop; None: those in the search crop.
        present: (B,) 0 where the search crop shows another target; None: 1.
        context_amount: margin of the crops around the target, as a fraction of w + h.

    Raises:
        InputError: `uniforms` has another shape.
    """
    if uniforms.shape != (len(exemplars), AUGMENTATION_DRAWS):
        raise InputError(
            f"uniforms: expected shape ({len(exemplars)}, {AUGMENTATION_DRAWS}), "
            f"got {tuple(uniforms.shape)}"
        )
    place, rest = uniforms[:, :8] * 2 - 1, uniforms[:, 8:]
    box = search_sizes if exemplar_sizes is None else exemplar_sizes
    # Another box on the target, in both images: the network must follow what it is given.
    grown, moved = torch.exp(settings.box_noise * place[:, 0:2]), settings.box_noise * place[:, 4:6]
    drawn = box * grown
    side = _exemplar_side(drawn, context_amount) / _exemplar_side(box, context_amount)
    exemplar_stretch = (1 + settings.max_stretch * place[:, 0:2]) * side
    exemplar_shift = settings.exemplar_shift * place[:, 4:6] + moved * box
    zoom = torch.exp(settings.max_zoom * (rest[:, 15:16] * 2 - 1))
    largest_stretch = searches.shape[1] / settings.search_size
    search_stretch = zoom * (1 + settings.max_stretch * place[:, 2:4]) * side
    search_stretch = search_stretch.clamp(max=largest_stretch)
    # In pixels of the search image; in the crop it grows with the stretch.
    reach = ((searches.shape[1] / search_stretch - settings.search_size) / 2).clamp(min=0)
    offsets = torch.minimum(torch.full_like(reach, settings.max_shift), reach) * place[:, 6:8]
    grey = rest[:, 0] < settings.grey_share
    exemplar_images = _resample(exemplars, settings.exemplar_size, exemplar_stretch, exemplar_shift)
    search_shift = -offsets * search_stretch
    search_images = _resample(searches, settings.search_size, search_stretch, search_shift)
    sizes = search_sizes / search_stretch
    centers = offsets + moved * sizes
    sizes = sizes * grown
    corners = settings.search_size / 2 + centers - sizes / 2
    log_scales = (exemplar_stretch.log() - search_stretch.log()).mean(dim=1)
    return AugmentedPairs(
        exemplars=_degrade(exemplar_images, rest[:, 1:8], grey, settings),
        searches=_degrade(search_images, rest[:, 8:15], grey, settings),
        offsets=centers,
        log_scales=log_scales,
        boxes=torch.cat([corners, sizes], dim=1),
        exemplar_sizes=drawn / exemplar_stretch,
        visible=torch.ones_like(log_scales) if present is None else present,
    )


def _exemplar_side(size: Tensor, context_amount: float) -> Tensor:
    """Return the side of the exemplar's square for boxes of size w, h (B, 2): (B, 1)."""
    return (size + context_amount * size.sum(1, keepdim=True)).prod(1, keepdim=True).sqrt()


def _resample(crops: Tensor, size: int, stretch: Tensor, shift: Tensor) -> Tensor:
    """Resample `size · stretch` pixels of crops, about their centre plus `shift`, to `size` pixels.

    Pixel i samples position n/2 + shift + (i + 0.5 − size/2) · stretch, with continuous edges.
    Returns (B, 3, size, size) float32.
    """
    extent = crops.shape[1]
    steps = torch.arange(size, device=crops.device, dtype=torch.float32) + 0.5 - size / 2
    # grid_sample expects positions from −1 to 1 between the crop's edges.
    position = (shift[:, None] + steps[:, None] * stretch[:, None]) * (2 / extent)
    grid = torch.empty((len(crops), size, size, 2), device=crops.device)
    grid[..., 0] = position[:, None, :, 0]
    grid[..., 1] = position[:, :, None, 1]
    pixels = crops.permute(0, 3, 1, 2).float()
    return functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def _degrade(image: Tensor, draws: Tensor, grey: Tensor, settings: AugmentSettings) -> Tensor:
    """Recolour and blur images (B, 3, H, W) as `draws` (B, 7) say; return (B, H, W, 3) uint8."""
    image = _recolour(image, draws[:, :5], grey, settings)
    image = _blur(image, draws[:, 5:], settings)
    return image.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _recolour(image: Tensor, draws: Tensor, grey: Tensor, settings: AugmentSettings) -> Tensor:
    """Change the channels' gain, saturation, contrast and brightness of images (B, 3, H, W)."""
    change = draws * 2 - 1
    luma = torch.tensor(_GREY, device=image.device)
    # Two numbers make three gains whose product is about 1: a change of the light's colour.
    warm, green = settings.colour * change[:, 0], settings.colour * change[:, 1]
    gains = torch.stack([1 + warm, 1 + green, 1 - warm], dim=1)
    image = image * gains[:, :, None, None]
    saturation = torch.where(grey, 0.0, 1 + settings.saturation * change[:, 2])
    flat = (image * luma[:, None, None]).sum(dim=1, keepdim=True)
    image = flat + (image - flat) * saturation[:, None, None, None]
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    contrast = (1 + settings.contrast * change[:, 3])[:, None, None, None]
    brightness = (1 + settings.brightness * change[:, 4])[:, None, None, None]
    return mean * brightness + (image - mean) * contrast


def _blur(image: Tensor, draws: Tensor, settings: AugmentSettings) -> Tensor:
    """Blur a fraction of images (B, 3, H, W), each with a Gaussian of its own deviation."""
    count, channels, height, width = image.shape
    blurred = draws[:, 0] < settings.blur_share
    deviation = 0.3 + (settings.most_blur - 0.3) * draws[:, 1]
    taps = torch.arange(-_BLUR_TAPS, _BLUR_TAPS + 1, device=image.device)
    kernel = torch.exp(-0.5 * (taps / deviation[:, None]) ** 2)
    kernel = torch.where(blurred[:, None], kernel, (taps == 0).float())
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    planes = image.reshape(1, count * channels, height, width)
    planes = functional.pad(planes, [_BLUR_TAPS] * 4, mode="replicate")
    planes = functional.conv2d(planes, kernel[:, None, None, :], groups=count * channels)
    planes = functional.conv2d(planes, kernel[:, None, :, None], groups=count * channels)
    return planes.reshape(count, channels, height, width)
