"""Ideal matchers in place of the network."""

import numpy as np

from siamfc.network.calibration import Calibration
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
    """Finds a dark target on white: its response peaks exactly at the target's centre.

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


class IdealBoxMatcher:
    """Finds a dark target on white: the cells near its centre give its box to a tenth of a pixel.

    All cells else, and all where nothing is dark, give a box of their own that isn't the target's,
    with a score near 0. Exemplar embeddings (N, 2) are the sizes that were told.
    """

    def __init__(self):
        self.spec = EmbeddingSpec(response_size=16, stride=16)
        self.exemplars = 1
        self.calibration = Calibration()

    def embed_exemplar(self, crops, sizes):
        assert crops.shape == (len(sizes), 127, 127, 3)
        return np.asarray(sizes, dtype=np.float32)

    def locate(self, exemplars, searches):
        assert len(exemplars) == len(searches)
        truth = np.stack([self.box(search) for search in searches])
        return cells_of(truth, self.spec)

    @staticmethod
    def box(search):
        """Left, top, right, bottom in the search image, NaN where nothing is dark."""
        values = np.asarray(search, dtype=np.float64).mean(axis=-1)
        weights = np.where(values < 235, 255 - values, 0.0) / 255
        total, centroid = darkness(search)
        if total < 1:
            return np.full(4, np.nan)
        half = np.array([weights.sum(axis=1).max(), weights.sum(axis=0).max()]) / 2
        return np.concatenate([centroid - half, centroid + half])


def cells_of(truth, spec, *, reach=24.0, logit=12.0):
    """Logits (N, m, m) and boxes (N, 4, m, m) of a network that knows the truth (N, 4).

    Cells within `reach` pixels of a target's centre give its box; the others, with the opposite
    logit, one of 60 × 30 pixels about themselves.
    """
    line = np.arange(spec.response_size) * spec.stride + 0.5
    points = np.stack(np.meshgrid(line, line))[None]
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    away = np.abs(points - middle[:, :, None, None]).max(axis=1)
    near = away < reach
    half = np.reshape([30, 15], (2, 1, 1))
    other = np.concatenate([points - half, points + half], axis=1)
    boxes = np.where(near[:, None], truth[:, :, None, None], other)
    return np.where(near, logit, -logit).astype(np.float32), boxes.astype(np.float32)
