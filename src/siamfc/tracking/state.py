"""What a tracker remembers from one frame to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from siamfc.array_types import ByteImage, IntArray
from siamfc.errors import InputError
from siamfc.network.matcher import Embedding
from siamfc.tracking.exemplar_update import UpdateSettings, join, mix, put, update_rates
from siamfc.tracking.targets import TargetBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerState:
    """All that a tracker remembers of the frames so far."""

    targets: TargetBatch
    """Of the network's kind."""
    exemplars: Embedding
    """(N, …) what is searched for, in the matcher's own array type."""
    first: Embedding
    """Likewise, of the first frame."""
    average: Embedding
    """Likewise, of the frames since; as `first` where nothing was taken in yet."""
    waited: IntArray
    """(N,) frames since the last that was taken in, or since the first."""
    updates: IntArray
    """(N,) frames that were taken in."""
    fill: ByteImage
    """(3,) mean colour of the first frame, shown in place of what lies outside a frame."""
    together: bool = False
    """Whether the network looks at the first frame's exemplar and the average side by side; else
    at a mix of both."""

    @classmethod
    def begin(
        cls,
        targets: TargetBatch,
        exemplars: Embedding,
        fill: ByteImage,
        *,
        together: bool = False,
    ) -> Self:
        """The state after a first frame."""
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
        """Some of the targets, in the order of `rows`."""
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

    def with_exemplars(self, row: int, other: Self) -> Self:
        """The state with another state's exemplars, of one target, in place of a row's."""
        return replace(
            self,
            exemplars=put(self.exemplars, [row], other.exemplars),
            average=put(self.average, [row], other.average),
            updates=put(self.updates, [row], other.updates),
        )

    def update(self, settings: UpdateSettings, embed: Callable[[list[int]], Embedding]) -> Self:
        """Take the current frame into the average of the targets that are sure and have waited.

        `embed` returns the exemplars of some of the targets, by rows, where they are in this frame.
        """
        if not settings.changes_exemplar:
            return self
        targets, waited = self.targets, self.waited + 1
        rates = update_rates(targets.score, targets.lost, waited, self.updates, settings)
        rows = np.flatnonzero(rates * ~targets.partly_outside).tolist()
        if not rows:
            return replace(self, waited=waited)
        waited[rows] = 0
        average = mix(self.average[rows], embed(rows), rates[rows])
        first = self.first[rows]
        if self.together:
            searched = join(first, average)
        else:
            searched = mix(average, first, np.full(len(rows), settings.first_share))
        return replace(
            self,
            exemplars=put(self.exemplars, rows, searched),
            average=put(self.average, rows, average),
            waited=waited,
            updates=self.updates + (rates > 0),
        )


def foreign_state(expected: str) -> InputError:
    """Say that a state was begun with a network of the other kind."""
    return InputError(f"state: expected one begun with a network that {expected}; begin anew")
