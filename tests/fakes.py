"""A matcher that knows the truth, in the network's place."""

import numpy as np

from siamfc.network.matcher import EmbeddingSpec

_BLOB_WIDTH = 1.5
"""Standard deviation of the response's peak, cells."""


def darkness(crops):
    """Weight (..., n, n) and centroid (..., 2), crop pixels, of all that is darker than light grey.

    The light grey of the fill doesn't count, so that the frame's border attracts nothing.
    """
    values = np.asarray(crops, dtype=np.float64).mean(axis=-1)
    weights = np.where(values < 235, 255 - values, 0.0)
    middles = np.arange(weights.shape[-1]) + 0.5
    total = np.maximum(weights.sum(axis=(-2, -1)), 1e-9)
    x = (weights.sum(axis=-2) * middles).sum(axis=-1) / total
    y = (weights.sum(axis=-1) * middles).sum(axis=-1) / total
    return total, np.stack([x, y], axis=-1)


class IdealMatcher:
    """Knows a dark target on white: its response peaks exactly where the target's centre is.

    The peak of a scale that shows the target in another size than the exemplar did is lower.
    """

    def __init__(self, spec=None):
        self.spec = spec or EmbeddingSpec()

    def embed_exemplar(self, crops):
        return darkness(crops)[0]

    def respond(self, exemplars, searches):
        total, centroid_crop = darkness(searches)
        spec = self.spec
        offset = (centroid_crop - spec.search_size / 2) / spec.stride
        peak = offset + (spec.response_size - 1) / 2
        index = np.arange(spec.response_size)
        across = np.exp(-((index - peak[..., :1]) ** 2) / (2 * _BLOB_WIDTH**2))
        down = np.exp(-((index - peak[..., 1:]) ** 2) / (2 * _BLOB_WIDTH**2))
        unlike = np.abs(np.log(total / np.asarray(exemplars)[:, None]))
        response = 8 * (1 - unlike)[..., None, None] * down[..., :, None] * across[..., None, :]
        return (response - 4).astype(np.float32)
