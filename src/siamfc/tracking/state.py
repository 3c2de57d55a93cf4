"""State that a tracker carries from one frame to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from siamfc.array_types import ByteImage, IntArray
from siamfc.errors import InputError
from siamfc.network.matcher import Embedding
from siamfc.tracking.exemplar_update import UpdateSettings, join, mix, put, take, update_rates
from siamfc.tracking.targets import TargetBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerState:
    """Everything that a tracker remembers of the frames so far."""

    targets: TargetBatch
    """Targets, of the class that the network uses."""
    exemplars: Embedding
    """(N, …) embeddings to search with, in the matcher's own array type."""
    first: Embedding
    """(N, …) embeddings of the first frame."""
    average: Embedding
    """(N, …) average over later frames; equal to `first` until one enters it."""
    waited: IntArray
    """(N,) frames since the last one that entered the average, or since the first frame."""
    updates: IntArray
    """(N,) number of frames that have entered the average."""
    fill: ByteImage
    """(3,) mean colour of the first frame, shown outside the frame's border."""
    together: bool = False
    """Give the network both the first frame's exemplar and the average, side by side, instead of a
    mix of the two."""

    @classmethod
    def begin(
        cls,
        targets: TargetBatch,
        exemplars: Embedding,
        fill: ByteImage,
        *,
        together: bool = False,
    ) -> Self:
        """Create the state after a first frame."""
        return cls(
            targets=targets,
            together=together,
            exemplars=join(exemplars, exemplars) if together else exemplars,
            first=exemplars,
            average=exemplars,
            waited=np.zeros(len(targets), dtype=np.int64),
            updates=np.zeros(len(targets), dtype=np.int64),
            fill=fill,
        )

    def take(self, rows: Sequence[int]) -> Self:
        """Return some of the targets, in the order of `rows`."""
        chosen = list(rows)
        return replace(
            self,
            targets=self.targets.take(chosen),
            exemplars=self.exemplars[chosen],
            first=self.first[chosen],
            average=self.average[chosen],
            waited=self.waited[chosen],
            updates=self.updates[chosen],
        )

    def restart(self, rows: list[int]) -> Self:
        """Return a copy in which some rows have the exemplars of the first frame alone."""
        first = take(self.first, rows)
        searched = join(first, first) if self.together else first
        return replace(
            self,
            exemplars=put(self.exemplars, rows, searched),
            average=put(self.average, rows, first),
            updates=put(self.updates, rows, np.zeros(len(rows), dtype=np.int64)),
        )

    def update(self, settings: UpdateSettings, embed: Callable[[list[int]], Embedding]) -> Self:
        """Add the current frame to the averages of targets whose score and waiting time allow it.

        `embed` returns the exemplar embeddings of the given rows' targets at their boxes in this
        frame.
        """
        if not settings.changes_exemplar:
            return self
        targets, waited = self.targets, self.waited + 1
        rates = update_rates(targets.score, targets.lost, waited, self.updates, settings)
        rows = np.flatnonzero(rates * ~targets.partly_outside).tolist()
        if not rows:
            return replace(self, waited=waited)
        waited[rows] = 0
        updates = self.updates.copy()
        updates[rows] += 1
        average = mix(take(self.average, rows), embed(rows), rates[rows])
        first = take(self.first, rows)
        if self.together:
            searched = join(first, average)
        else:
            searched = mix(average, first, np.full(len(rows), settings.first_weight))
        return replace(
            self,
            exemplars=put(self.exemplars, rows, searched),
            average=put(self.average, rows, average),
            waited=waited,
            updates=updates,
        )


def foreign_state(expected: str) -> InputError:
    """Return the error for a state from a network of the other kind."""
    return InputError(f"state: expected one from a network that {expected}; start a new one")
