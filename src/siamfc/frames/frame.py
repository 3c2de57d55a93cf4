"""What this package offers the others: a frame, and a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""An RGB picture, (H, W, 3) uint8."""


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One picture of a source.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright. It may be shared with the source: not to be altered.
        index: Position in the source, 0-based. A camera or stream that drops pictures because
            they are read too slowly leaves gaps.
        time: Seconds since the source's first frame; NaN when the source has no clock.
    """

    image: Image
    index: int
    time: float


@runtime_checkable
class FrameSource(Protocol):
    """Pictures in order: a video, a folder, a camera, a stream or arrays.

    Iterating starts at the first frame, as often as one likes, except for a camera or stream
    (each iteration goes on with what comes now) and for a generator of arrays (once only).
    """

    @property
    def name(self) -> str:
        """A short name for messages and titles."""
        ...

    @property
    def frame_count(self) -> int | None:
        """Number of frames, for progress; None when unknown.

        Exact for images and lists of arrays. For a video it is what the container states, or
        else duration × rate, so a few more or fewer frames may come.
        """
        ...

    @property
    def frame_rate(self) -> float | None:
        """Mean number of frames per second, None when unknown."""
        ...

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first frame in pixels; None when unknown before reading."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order."""
        ...

    def close(self) -> None:
        """Stop reading and let go of files, devices and threads; may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class IndexedSource(FrameSource, Protocol):
    """A source whose frames can be read from any place and backwards: video, images, a list.

    Frame `i` by index is frame `i` in order.
    """

    def count_frames(self) -> int:
        """The exact number of frames; a video may be decoded for it."""
        ...

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on; InputError if there is none of this index."""
        ...

    def reversed(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Yield the frames before `stop` backwards, down to `start`, in bounded memory."""
        ...

    def __getitem__(self, index: int) -> Frame:
        """Read one frame; InputError if there is none of this index."""
        ...
