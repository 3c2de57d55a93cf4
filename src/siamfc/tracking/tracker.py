"""The tracker as its users meet it: `init` and `update`, or `track` for a whole video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.errors import InputError, SourceError
from siamfc.tracking.results import FrameResult
from siamfc.tracking.settings import TrackerSettings
from siamfc.tracking.step import TrackerState, begin, require_size, step

if TYPE_CHECKING:
    from siamfc.frames import Frame, FrameSource
    from siamfc.network.matcher import Matcher


class Tracker:
    """Follows one target, frame by frame.

    Args:
        matcher: a network ready to track with.
        settings: the defaults of `TrackerSettings` unless given.
    """

    def __init__(self, matcher: Matcher, settings: TrackerSettings | None = None) -> None:
        self.matcher = matcher
        self.settings = settings or TrackerSettings()
        self._state: TrackerState | None = None

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path = "default",
        device: str = "auto",
        settings: TrackerSettings | None = None,
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
        """Sigmoid of the last response's peak, in [0, 1]; 1 after `init`.

        Raises:
            InputError: `init` hasn't been called yet.
        """
        return float(self.state.targets.score[0])

    def init(self, image: NDArray[np.uint8], box: ArrayLike) -> None:
        """Take the target from a frame (H, W, 3) uint8 RGB and its box x, y, w, h there.

        Raises:
            InputError: not an image, or a box that cannot be tracked.
        """
        self._state = begin(image, [box], self.matcher)

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Find the target in the next frame, of the first one's size: its box (4,).

        Raises:
            InputError: not an image, one of another size, or `init` hasn't been called.
        """
        self._state = step(self.state, image, self.matcher, self.settings)
        box: NDArray[np.float64] = self._state.targets.boxes[0]
        return box


def track(
    source: str | Path | int | Iterable[NDArray[np.uint8]] | FrameSource,
    boxes: ArrayLike | Sequence[ArrayLike],
    *,
    weights: str | Path = "default",
    device: str = "auto",
    threads: int | None = None,
    settings: TrackerSettings | None = None,
    matcher: Matcher | None = None,
) -> Iterator[FrameResult]:
    """Follow targets through a video and yield where they are in each frame.

    Nothing is opened before the first result is asked for. A source that is opened here is closed
    at the end; one that was given open is left open.

    Args:
        source: what `siamfc.frames.open_source` takes: a video file, folder, glob, camera
            number, URL, iterable of (H, W, 3) uint8 arrays, or a source that is open already.
        boxes: x, y, w, h of the targets in the first frame: (4,) for one, (N, 4) for several.
        weights: a name that `siamfc models` lists, or a path.
        device: "auto", "cpu" or "cuda".
        threads: of the network on a CPU; None: chosen by the number of cores.
        settings: the defaults of `TrackerSettings` unless given.
        matcher: a network that is loaded already, in place of `weights`, `device`, `threads`.

    Yields:
        One result a frame. The first has the boxes that were given, with scores of 1.

    Raises:
        InputError: a box that cannot be tracked.
        SourceError: a source that cannot be read, has no frame, or whose frames change size.
        CheckpointError: weights that are unknown, damaged or unsafe.
    """
    from siamfc.frames import open_source
    from siamfc.network import load_matcher

    opened = open_source(source)
    try:
        if matcher is None:
            matcher = load_matcher(weights, device=device, threads=threads)
        for _, result in follow(opened, boxes, matcher, settings):
            yield result
    finally:
        if opened is not source:
            opened.close()


def follow(
    frames: Iterable[Frame],
    boxes: ArrayLike | Sequence[ArrayLike],
    matcher: Matcher,
    settings: TrackerSettings | None = None,
) -> Iterator[tuple[Frame, FrameResult]]:
    """Follow targets through frames and yield each frame with its result, as `track` does.

    For whoever wants the pictures as well, to draw on or to show.

    Raises:
        InputError: a box that cannot be tracked.
        SourceError: no frame, or frames that change size.
    """
    settings = settings or TrackerSettings()
    state: TrackerState | None = None
    for frame in frames:
        if state is None:
            state = begin(frame.image, boxes, matcher)
        else:
            try:
                require_size(frame.image, state.targets.frame_size)
            except InputError as error:
                raise SourceError(f"frame {frame.index}: {error}") from None
            state = step(state, frame.image, matcher, settings)
        targets = state.targets
        yield frame, FrameResult(frame.index, frame.time, targets.boxes, targets.score)
    if state is None:
        raise SourceError("expected at least one frame, got none: there is nothing to track")
