"""The tracker frame by frame: `init` and `update`, or `follow` through a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.errors import InputError, SourceError
from siamfc.tracking.defaults import Settings, fitting_settings
from siamfc.tracking.results import FrameResult
from siamfc.tracking.state import TrackerState
from siamfc.tracking.step import begin, require_size, step

if TYPE_CHECKING:
    from siamfc.frames import Frame
    from siamfc.network.matcher import Network


class Tracker:
    """Follows one target, frame by frame.

    Args:
        matcher: a network ready to track with.
        settings: the defaults that go with the network unless given.

    Raises:
        InputError: settings that don't go with the network.
    """

    def __init__(self, matcher: Network, settings: Settings | None = None) -> None:
        self.matcher = matcher
        self.settings = fitting_settings(matcher, settings)
        self._state: TrackerState | None = None

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path = "default",
        device: str = "auto",
        settings: Settings | None = None,
    ) -> Self:
        """Make a tracker from weights: a name that `siamfc models` lists, or a path.

        Raises:
            CheckpointError: weights that are unknown, damaged or unsafe.
        """
        from siamfc.network import load_matcher

        return cls(load_matcher(weights, device=device), settings)

    @property
    def state(self) -> TrackerState:
        """All that the tracker remembers; a value, which later updates leave alone.

        Raises:
            InputError: `init` hasn't been called yet.
        """
        if self._state is None:
            raise InputError("expected init(image, box) first, got none: the target is unknown")
        return self._state

    @property
    def score(self) -> float:
        """How sure the network is of the last box, in [0, 1]; 1 after `init`.

        SiamFC's is the sigmoid of the response's peak. That of a network which gives boxes is the
        chance that the box overlaps the true one by more than half (IoU), if its weights are
        calibrated: see `BoxMatcher.calibration`.

        Raises:
            InputError: `init` hasn't been called yet.
        """
        return float(self.state.targets.score[0])

    @property
    def lost(self) -> bool:
        """Whether the score says that the last box is not to be trusted; see `LostSettings`.

        Raises:
            InputError: `init` hasn't been called yet.
        """
        return bool(self.state.targets.lost[0])

    def init(self, image: NDArray[np.uint8], box: ArrayLike) -> None:
        """Take the target from a frame (H, W, 3) uint8 RGB and its box x, y, w, h there.

        Raises:
            InputError: not an image, or a box that cannot be tracked.
        """
        self._state = begin(image, [box], self.matcher, self.settings)

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Find the target in the next frame, of the first one's size: its box (4,).

        Raises:
            InputError: not an image, one of another size, or `init` hasn't been called.
        """
        self._state = step(self.state, image, self.matcher, self.settings)
        box: NDArray[np.float64] = self._state.targets.boxes[0]
        return box


def follow(
    frames: Iterable[Frame],
    boxes: ArrayLike | Sequence[ArrayLike],
    matcher: Network,
    settings: Settings | None = None,
) -> Iterator[tuple[Frame, FrameResult]]:
    """Follow targets through frames and yield each frame with its result.

    The first result has the boxes that were given, with scores of 1.

    Raises:
        InputError: a box that cannot be tracked, or settings that don't go with the network.
        SourceError: no frame, or frames that change size.
    """
    settings = fitting_settings(matcher, settings)
    state: TrackerState | None = None
    for frame in frames:
        if state is None:
            state = begin(frame.image, boxes, matcher, settings)
        else:
            try:
                require_size(frame.image, state.targets.frame_size)
            except InputError as error:
                raise SourceError(f"frame {frame.index}: {error}") from None
            state = step(state, frame.image, matcher, settings)
        targets = state.targets
        yield (
            frame,
            FrameResult(frame.index, frame.time, targets.boxes, targets.score, targets.lost),
        )
    if state is None:
        raise SourceError("expected at least one frame, got none: there is nothing to track")
