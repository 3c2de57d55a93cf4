"""Pairs of the synthetic data set (thesis 4.1.4), drawn on the device that trains.

The folders' colours are those of `SyntheticDataset`. Noise has the same kinds and strengths and is
drawn for every image, so that no image appears twice. Images are drawn at the crop's scale, as a
store would hold them: one grain of noise is one pixel of the crop.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from siamfc.crops.augment import AugmentedPairs, AugmentSettings, augment
from siamfc.crops.pairs import AUGMENTATION_DRAWS
from siamfc.errors import InputError
from siamfc.geometry import exemplar_side
from siamfc.synthetic.dataset import NOISE_KINDS, SyntheticDataset, SyntheticDatasetSettings

_NOISE_DRAWS = 2


class SquarePairs:
    """Draws batches of pairs: two noisy images of one folder.

    The result depends on (seed, step) only; earlier calls have no influence.

    Args:
        batch: number of pairs per batch.
        seed: seed of the choice, the noise and the augmentation.
        folders: numbers of the data set's folders to choose from, with equal probability.
        dataset: sizes, noise and the seed of the colours.
        settings: settings of the augmentation.
        device: device that draws the pairs.

    Raises:
        InputError: no folder.
    """

    def __init__(
        self,
        *,
        batch: int,
        seed: int,
        folders: Sequence[int],
        dataset: SyntheticDatasetSettings | None = None,
        settings: AugmentSettings | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._dataset = dataset or SyntheticDatasetSettings()
        self._settings = settings or AugmentSettings()
        if not len(folders):
            raise InputError("folders: expected at least one, got none")
        self._batch, self._seed = batch, seed
        self._generator = torch.Generator(device)
        source = SyntheticDataset(self._dataset)
        colours = [source.colours(folder) for folder in folders]
        table = [(colour.background, colour.square) for colour in colours]
        self._colours = torch.tensor(table, dtype=torch.float32, device=device)
        square = float(self._dataset.square)
        scale = self._settings.exemplar_size / float(exemplar_side(np.array([square, square])))
        largest = self._settings.search_size + 2 * self._settings.max_shift
        size = math.ceil(largest * (1 + self._settings.max_stretch))
        self._square = square * scale
        """Side of the square in the crop, pixels."""
        self._coverage = _coverage(size, self._square).to(device)
        strengths = [float(getattr(self._dataset, kind)) for kind in NOISE_KINDS]
        self._strengths = torch.tensor(strengths, device=device)

    def __call__(self, step: int) -> AugmentedPairs:
        """Return the batch of a step, which depends on the seed and the step only."""
        draw = self._generator
        key = np.random.SeedSequence((self._seed, step)).generate_state(2, np.uint32)
        draw.manual_seed(int(key[0]) << 31 | int(key[1]) >> 1)
        device, count = draw.device, self._batch
        folder = torch.randint(len(self._colours), (count,), generator=draw, device=device)
        uniforms = torch.rand(
            (count, AUGMENTATION_DRAWS + 2 * _NOISE_DRAWS), generator=draw, device=device
        )
        clean = self._clean(folder)
        noise = uniforms[:, AUGMENTATION_DRAWS:].split_with_sizes([_NOISE_DRAWS] * 2, 1)
        exemplars, searches = (self._noisy(clean, draws) for draws in noise)
        sizes = torch.full((count, 2), self._square, device=device)
        return augment(exemplars, searches, sizes, uniforms[:, :AUGMENTATION_DRAWS], self._settings)

    def _clean(self, folder: Tensor) -> Tensor:
        """Return images without noise, (B, n, n, 3), levels from 0 to 255."""
        background, square = self._colours[folder].unbind(1)
        change = (square - background)[:, None, None]
        return background[:, None, None] + self._coverage * change

    def _noisy(self, clean: Tensor, uniforms: Tensor) -> Tensor:
        """Add noise of a random kind and strength to each image; return uint8."""
        kind = (uniforms[:, 0] * len(NOISE_KINDS)).long().clamp_(max=len(NOISE_KINDS) - 1)
        strength = (uniforms[:, 1] * self._strengths[kind])[:, None, None, None]
        kind = kind[:, None, None, None]
        like: dict[str, Any] = {"generator": self._generator, "device": clean.device}
        normal = torch.randn(clean.shape, **like) * strength
        chance = torch.rand((*clean.shape[:3], 1), **like)
        salted = torch.where(chance < strength / 2, 0.0, clean)
        salted = torch.where(chance >= 1 - strength / 2, 255.0, salted)
        speckled = clean + normal * clean
        by_kind = {"gaussian": clean + normal, "salt_and_pepper": salted, "speckle": speckled}
        images = torch.zeros_like(clean)
        for number, name in enumerate(NOISE_KINDS):
            images = torch.where(kind == number, by_kind[name], images)
        return images.clamp(0, 255).round().to(torch.uint8)


def _coverage(size: int, square: float) -> Tensor:
    """Return the fraction of each pixel that a centred square covers, (size, size, 1)."""
    low, high = (size - square) / 2, (size + square) / 2
    pixels = torch.arange(size, dtype=torch.float64)
    line = ((pixels + 1).clamp(max=high) - pixels.clamp(min=low)).clamp(0, 1)
    return torch.outer(line, line)[..., None].float()
