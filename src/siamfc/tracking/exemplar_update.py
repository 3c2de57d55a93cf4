"""Exemplar update: rules by which the exemplar follows later frames, the thesis's open question.

The thesis asks (its conclusions) whether the target's appearance in the previous frame is a better
exemplar than that in the first. Rules between these two extremes are a moving average, an average
over frames with a high score only, and the first exemplar together with an average. The response is
linear in the exemplar's embedding, so a mix of embeddings gives the same mix of responses and one
correlation serves for both. The light network's scores and boxes are not linear in it, but both
exemplars are cropped around a box in the same way, so cells at the same position match.

Nothing here depends on how a tracker finds its box.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray, IntArray
from siamfc.checks import check_number, check_whole
from siamfc.network.matcher import Embedding


@dataclass(frozen=True, kw_only=True)
class UpdateSettings:
    """Settings of the exemplar update; by default the exemplar stays the first frame's."""

    rate: float = 0.0
    """Weight of a new frame in the moving average, 0 to 1; 1: the previous frame only."""
    lowest_score: float = 0.0
    """Lowest score at which a frame enters the average, 0 to 1; frames in which the target is lost
    never do."""
    first_weight: float = 0.0
    """Weight of the first frame's exemplar against the moving average."""
    every: int = 1
    """Minimum number of frames between two that enter the average."""
    restart_average: bool = False
    """Start the moving average with the first frame that enters it instead of the first frame of
    the video, which has its own weight."""

    def __post_init__(self) -> None:
        check_number("rate", self.rate, 0, 1)
        check_number("lowest_score", self.lowest_score, 0, 1)
        check_number("first_weight", self.first_weight, 0, 1)
        check_whole("every", self.every, 1, 1_000_000)

    @property
    def changes_exemplar(self) -> bool:
        """True if the exemplar can ever differ from the first frame's."""
        return self.rate > 0 and self.first_weight < 1


def previous_frame() -> UpdateSettings:
    """Return the thesis's proposal: the appearance in the previous frame."""
    return UpdateSettings(rate=1.0)


def moving_average() -> UpdateSettings:
    """Return a slow average over all frames."""
    return UpdateSettings(rate=0.01)


def sure_average() -> UpdateSettings:
    """Return a slow average over the frames with a high score."""
    return UpdateSettings(rate=0.03, lowest_score=0.95)


def first_and_latest() -> UpdateSettings:
    """Return 0.7 of the first frame and 0.3 of a fast average over frames with a high score."""
    return UpdateSettings(rate=0.1, lowest_score=0.95, first_weight=0.7)


def first_and_recent() -> UpdateSettings:
    """Return half of the first frame and half of a recent average over high-scoring frames."""
    return UpdateSettings(
        rate=0.5, lowest_score=0.97, first_weight=0.5, every=10, restart_average=True
    )


UpdateName = Literal["none", "previous", "average", "sure", "both", "recent"]


def update_by_name(name: UpdateName) -> UpdateSettings:
    """Return the settings that a name stands for, those of one of the functions above.

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
    """Return the weight (N,) of the current frame in each target's average; 0: it does not enter.

    It enters if the target's score is high enough, the target is not lost, and enough frames have
    passed since the last one that entered.

    Args:
        scores: (N,) scores of the targets.
        lost: (N,) True where a target is lost.
        waited: (N,) frames since the last one that entered the average, or since the first frame.
        updates: (N,) number of frames that have entered the average.
        settings: the update's settings.

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
    """Mix embeddings (N, …) of a runtime with others, whose weights (N,) lie between 0 and 1.

    A weight of 0 returns `embeddings` and a weight of 1 `others`, bit for bit.
    """
    column = weights.reshape(-1, *[1] * (embeddings.ndim - 1))
    weight: Any
    if isinstance(embeddings, np.ndarray):
        weight = column.astype(embeddings.dtype)
    elif (weights == weights[0]).all():  # need not be copied to a GPU, which would be waited for
        weight = float(np.float32(weights[0]))
    else:  # a torch tensor, which cannot be mixed with numpy
        weight = embeddings.new_tensor(column)
    return embeddings * (1 - weight) + others * weight


def join(embeddings: Embedding, others: Embedding) -> Embedding:
    """Concatenate two exemplars per target, for networks that use both at once."""
    cells = embeddings.shape[-1]
    shape = (*embeddings.shape[:-1], 2 * cells)
    if isinstance(embeddings, np.ndarray):
        joined = np.empty(shape, dtype=embeddings.dtype)
    else:
        joined = embeddings.new_empty(shape)
    joined[..., :cells], joined[..., cells:] = embeddings, others
    return joined


def take(embeddings: Embedding, rows: Sequence[int]) -> Embedding:
    """Return some rows, in ascending order, of embeddings (N, …)."""
    return embeddings if len(rows) == len(embeddings) else embeddings[list(rows)]


def put(embeddings: Embedding, rows: Sequence[int], others: Embedding) -> Embedding:
    """Return embeddings (N, …) whose given rows, in ascending order, are replaced by `others`."""
    if len(rows) == len(embeddings):
        return others
    changed = embeddings.copy() if isinstance(embeddings, np.ndarray) else embeddings.clone()
    changed[list(rows)] = others
    return changed
