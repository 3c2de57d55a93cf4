"""What a tracker remembers from one frame to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from siamfc import geometry
from siamfc.errors import InputError
from siamfc.network.matcher import Embedding, EmbeddingSpec
from siamfc.tracking.box_targets import BoxTargets
from siamfc.tracking.table import FloatArray, TargetTable
from siamfc.tracking.targets import Targets

ByteImage = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerState:
    """All that a tracker remembers of the frames so far."""

    targets: Targets | BoxTargets
    """Of the kind that goes with the network."""
    exemplars: Embedding
    """(N, …) of the first frame, in the matcher's own array type."""
    average: Embedding | None = None
    """Moving average over the frames since, likewise; None: nothing was taken in yet."""
    fill: ByteImage
    """(3,) mean colour of the first frame, shown in place of what lies outside a frame."""

    def take(self, rows: Sequence[int]) -> Self:
        """Some of the targets, in the order of `rows`."""
        chosen = list(rows)
        return replace(
            self,
            targets=self.targets.take(chosen),
            exemplars=self.exemplars[chosen],
            average=None if self.average is None else self.average[chosen],
        )


def exemplar_crops(
    targets: TargetTable, image: ByteImage, fill: ByteImage, spec: EmbeddingSpec
) -> ByteImage:
    """Exemplar images (N, 127, 127, 3) of the targets where they are."""
    return window_crops(image, *targets.exemplar_windows(spec), spec.exemplar_size, fill)


def window_crops(
    image: ByteImage, centers: FloatArray, sides: FloatArray, size: int, fill: ByteImage
) -> ByteImage:
    """Squares about centres (N, 2) with sides (N,) as images (N, size, size, 3)."""
    crops = [
        geometry.crop(image, center, float(side), size, fill)
        for center, side in zip(centers, sides, strict=True)
    ]
    return np.stack(crops) if len(crops) > 1 else crops[0][None]  # one isn't copied again


def foreign_state(expected: str) -> InputError:
    """Say that a state was begun with a network of the other kind."""
    return InputError(f"state: expected one begun with a network that {expected}; begin anew")
