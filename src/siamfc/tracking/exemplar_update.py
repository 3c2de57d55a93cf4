"""How the exemplar follows later frames: the thesis's open question, and answers to it.

The thesis asks (its conclusions) whether the target's appearance in the previous frame is a better
exemplar than that of the first. Between the two lie a moving average, an average over frames with
a high score alone, and the first and an average together. As the response is linear in the
exemplar's embedding, a mix of embeddings gives the same mix of responses: one correlation serves
for both. The light network's scores and boxes are not linear in it, but both exemplars are
cut out about a box in the same way, so that cells with the same place show the same part.

Nothing here depends on how a tracker finds its box.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray, IntArray
from siamfc.checks import check_number, check_whole
from siamfc.network.matcher import Embedding


@dataclass(frozen=True, kw_only=True)
class UpdateSettings:
    """How much the exemplar follows the target's appearance; the default: not at all."""

    rate: float = 0.0
    """Weight of a new frame in the moving average, 0 to 1; 1: the previous frame alone."""
    lowest_score: float = 0.0
    """Lowest score at which a frame is taken in, 0 to 1; frames in which the target is lost never
    are."""
    first_share: float = 0.0
    """Weight of the first frame's exemplar against the moving average."""
    every: int = 1
    """Fewest frames from one that is taken in to the next."""
    restart_average: bool = False
    """Whether the moving average begins with the first frame that is taken in, and not with the
    video's, which has its own weight."""

    def __post_init__(self) -> None:
        check_number("rate", self.rate, 0, 1)
        check_number("lowest_score", self.lowest_score, 0, 1)
        check_number("first_share", self.first_share, 0, 1)
        check_whole("every", self.every, 1, 1_000_000)

    @property
    def changes_exemplar(self) -> bool:
        """Whether anything but the first frame's exemplar is ever searched for."""
        return self.rate > 0 and self.first_share < 1


def previous_frame() -> UpdateSettings:
    """Return the thesis's proposal: what the target looked like one frame ago."""
    return UpdateSettings(rate=1.0)


def moving_average() -> UpdateSettings:
    """Return a slow average over all frames."""
    return UpdateSettings(rate=0.01)


def sure_average() -> UpdateSettings:
    """Return a slow average over the frames in which the tracker is sure."""
    return UpdateSettings(rate=0.03, lowest_score=0.95)


def first_and_latest() -> UpdateSettings:
    """Return seven tenths of the first frame and a fast average over the sure frames."""
    return UpdateSettings(rate=0.1, lowest_score=0.95, first_share=0.7)


def first_and_recent() -> UpdateSettings:
    """Return half of the first frame and half of an average over recent sure frames."""
    return UpdateSettings(
        rate=0.5, lowest_score=0.97, first_share=0.5, every=10, restart_average=True
    )


UpdateName = Literal["none", "previous", "average", "sure", "both", "recent"]


def update_by_name(name: UpdateName) -> UpdateSettings:
    """Return what a name stands for: the settings of one of the functions above.

    >>> update_by_name("previous") == previous_frame()
    True
    """
    recipes = {
        "none": UpdateSettings,
        "previous": previous_frame,
        "average": moving_average,
        "sure": sure_average,
        "both": first_and_latest,
        "recent": first_and_recent,
    }
    return recipes[name]()


def update_rates(
    scores: FloatArray,
    lost: NDArray[np.bool_],
    waited: IntArray,
    updates: IntArray,
    settings: UpdateSettings,
) -> FloatArray:
    """Weight (N,) of the current frame in each target's average; 0 if it isn't taken in.

    It is if the target is sure, and if the frames since the last that was taken in are enough.

    Args:
        scores: (N,) of the targets.
        lost: (N,) whether they are.
        waited: (N,) frames since the last that was taken in, or since the first.
        updates: (N,) frames that were taken in.
        settings: of the tracker.

    >>> rates = UpdateSettings(rate=0.1, lowest_score=0.5, every=2, restart_average=True)
    >>> lost = np.array([False, False, True, False, False])
    >>> scores, waited = np.array([0.9, 0.4, 0.9, 0.9, 0.9]), np.array([2, 2, 2, 1, 2])
    >>> update_rates(scores, lost, waited, np.array([1, 1, 1, 1, 0]), rates)
    array([0.1, 0. , 0. , 0. , 1. ])
    """
    taken = (scores >= settings.lowest_score) & ~lost & (waited >= settings.every)
    rates = np.where((updates == 0) & settings.restart_average, 1.0, settings.rate)
    return np.where(taken, rates, 0.0)


def mix(embeddings: Embedding, others: Embedding, weights: FloatArray) -> Embedding:
    """Mix embeddings (N, …) of a runtime with others, whose weights (N,) are from 0 to 1.

    A weight of 0 returns the first and one of 1 the second, to the last bit.
    """
    column = weights.reshape(-1, *[1] * (embeddings.ndim - 1))
    if isinstance(embeddings, np.ndarray):
        weight = column.astype(embeddings.dtype)
    else:  # a torch tensor, which cannot be mixed with numpy
        weight = embeddings.new_tensor(column)
    return embeddings * (1 - weight) + others * weight


def join(embeddings: Embedding, others: Embedding) -> Embedding:
    """Two exemplars of each target as one embedding, for networks that look at both together."""
    cells = embeddings.shape[-1]
    shape = (*embeddings.shape[:-1], 2 * cells)
    if isinstance(embeddings, np.ndarray):
        joined = np.empty(shape, dtype=embeddings.dtype)
    else:
        joined = embeddings.new_empty(shape)
    joined[..., :cells], joined[..., cells:] = embeddings, others
    return joined


def put(embeddings: Embedding, rows: Sequence[int], others: Embedding) -> Embedding:
    """Embeddings (N, …) of a runtime, with others in place of some of them; the first stay."""
    changed = embeddings.copy() if isinstance(embeddings, np.ndarray) else embeddings.clone()
    changed[list(rows)] = others
    return changed
