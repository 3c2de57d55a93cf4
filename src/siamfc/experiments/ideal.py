"""An ideal matcher in place of the network, so that only geometric errors remain.

It recognises dark targets on white, such as the synthetic video's square. Like a correlation, it
responds where the search image shows the target as the exemplar image shows it.
"""

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray
from siamfc.network.matcher import EmbeddingSpec

_LIGHT = 235
"""Levels from here up are background; the fill beyond the border must not count as target either.
"""
_PEAK_WIDTH = 1.5
"""Standard deviation of the response's peak, cells."""
_PEAK_HEIGHT = 8.0
_FLOOR = -4.0
"""Logit of cells far from the target."""


class IdealMatcher:
    """A `Matcher` whose response peaks exactly at the target.

    The position is relative to that in the exemplar. The peak is lower for a scale that shows the
    target in another size than the exemplar did.
    """

    spec = EmbeddingSpec()

    def embed_exemplar(self, crops: NDArray[np.uint8]) -> FloatArray:
        """Embed exemplar images (N, n, n, 3) as (N, 3): darkness, and the target's offset.

        The offset from the image's middle is in crop pixels, x and y.
        """
        weight, place_crop = _measure(crops)
        return np.concatenate([weight[..., None], place_crop], axis=-1)

    def respond(self, exemplars: FloatArray, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compare embeddings with search images (N, S, m, m, 3): logits (N, S, r, r)."""
        weight, place_crop = _measure(searches)
        exemplar_weight, exemplar_place = exemplars[:, None, 0], exemplars[:, None, 1:]
        cells = self.spec.response_size
        peak = (place_crop - exemplar_place) / self.spec.stride + (cells - 1) / 2
        index = np.arange(cells)
        across = np.exp(-((index - peak[..., :1]) ** 2) / (2 * _PEAK_WIDTH**2))
        down = np.exp(-((index - peak[..., 1:]) ** 2) / (2 * _PEAK_WIDTH**2))
        alike = 1 - np.abs(np.log(weight / exemplar_weight))
        height = _PEAK_HEIGHT * alike[..., None, None]
        logits: NDArray[np.float32] = (
            height * down[..., :, None] * across[..., None, :] + _FLOOR
        ).astype(np.float32)
        return logits


def _measure(crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
    """Measure crops (…, n, n, 3): darkness (…), and its centroid's offset from the middle (…, 2).

    Offsets are in crop pixels.
    """
    levels = np.asarray(crops, dtype=np.float64).mean(axis=-1)
    darkness = np.where(levels < _LIGHT, 255 - levels, 0.0)
    size = darkness.shape[-1]
    middles = np.arange(size) + 0.5 - size / 2
    total = np.maximum(darkness.sum(axis=(-2, -1)), 1e-9)
    x = (darkness.sum(axis=-2) * middles).sum(axis=-1) / total
    y = (darkness.sum(axis=-1) * middles).sum(axis=-1) / total
    return total, np.stack([x, y], axis=-1)
