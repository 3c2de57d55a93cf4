"""Normalisation of pixel values for the network's input; stored in the checkpoint."""

import math
from dataclasses import dataclass

from siamfc.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """An affine map per channel: input = (value · scale − mean) / std, values 0 to 255.

    >>> Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)).offset
    (-2.0, -2.0, -2.0)
    """

    scale: float = 1 / 255
    """Factor on a pixel's value, 0 to 255, before mean and std are applied."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted after scaling; red, green, blue."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divisor, applied last; red, green, blue."""

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3:
            raise InputError(f"normalisation: expected a mean and std of 3 channels, got {self}")
        if not all(map(math.isfinite, (self.scale, *self.mean, *self.std))):
            raise InputError(f"normalisation: expected finite numbers, got {self}")
        if min(self.scale, *self.std) <= 0:
            raise InputError(f"normalisation: expected scale and std above 0, got {self}")

    @property
    def multiplier(self) -> tuple[float, ...]:
        """Factor on each channel's value: scale / std."""
        return tuple(self.scale / std for std in self.std)

    @property
    def offset(self) -> tuple[float, ...]:
        """Addend of each channel after the factor: −mean / std."""
        return tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))
