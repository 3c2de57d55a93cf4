"""Random draws as a pure function of uniform numbers.

A scene is a smooth function of a point in the unit cube. Independent points give independent
scenes; a smooth path through the cube gives a video. The modules that build scenes use no other
source of randomness, so that a batch can be drawn, compiled and repeated exactly.
"""

import math

import torch
from torch import Tensor


class UniformDraws:
    """Hands out the columns of `uniforms`, (B, K) in [0, 1], each once and in order."""

    def __init__(self, uniforms: Tensor) -> None:
        self._uniforms = uniforms
        self._spent = 0

    def unit(self, *shape: int) -> Tensor:
        """Draw uniformly from [0, 1], (B, *shape)."""
        count = math.prod(shape)
        first, self._spent = self._spent, self._spent + count
        if self._spent > self._uniforms.shape[1]:
            raise ValueError(
                f"expected {self._spent} uniforms or more a scene, got {self._uniforms.shape[1]}"
            )
        return self._uniforms[:, first : self._spent].reshape(-1, *shape)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Draw uniformly from [low, high], (B, *shape)."""
        return low + (high - low) * self.unit(*shape)

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Draw with a uniform logarithm, (B, *shape)."""
        return torch.exp(self.uniform(math.log(low), math.log(high), *shape))

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """Draw from a normal distribution with mean zero, cut at ±2.8 deviations, (B, *shape)."""
        centered = (2 * self.unit(*shape) - 1) * 0.995
        return deviation * math.sqrt(2) * torch.erfinv(centered)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """Draw True with this probability, (B, *shape) bool."""
        return self.unit(*shape) < probability

    def integer(self, count: int, *shape: int) -> Tensor:
        """Draw uniformly from 0 … count − 1, (B, *shape) int64."""
        return (self.unit(*shape) * count).long().clamp_(max=count - 1)
