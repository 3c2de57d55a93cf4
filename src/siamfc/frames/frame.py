"""Interfaces of this package: a frame, and a source of frames."""

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
    """One picture of a source."""

    image: Image
    """(H, W, 3) uint8 RGB, upright. It may be shared with the source: do not modify it."""
    index: int
    """Position in the source, 0-based. Cameras and streams leave gaps if pictures are dropped
    because they are read too slowly."""
    time: float
    """Seconds since the source's first frame; NaN if the source has no clock."""

    @property
    def pixels(self) -> Image:
        """The same as `image`, for code that takes only slices `pixels[rows, columns]` of it.

        A frame of a video that was opened with `lazy` converts those alone. `geometry.crop`
        averages a frame of a video before its conversion, so that crops of large squares differ
        from those of `image` by rounding, about one level. `siamfc.track` uses `pixels`.
        """
        return self.image


@runtime_checkable
class FrameSource(Protocol):
    """Pictures in order: a video, a folder, a camera, a stream or arrays.

    Each iteration starts at the first frame, except for a camera or stream (it continues with the
    current frame) and for a generator of arrays (it can be read only once).
    """

    @property
    def name(self) -> str:
        """Short name for messages and titles."""
        ...

    @property
    def frame_count(self) -> int | None:
        """Number of frames, for progress; None if unknown.

        It is exact for images and lists of arrays. For a video it is the number that the container
        states, or else duration × rate, and may differ by a few frames.
        """
        ...

    @property
    def frame_rate(self) -> float | None:
        """Mean number of frames per second; None if unknown."""
        ...

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first frame in pixels; None if unknown before reading."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order."""
        ...

    def close(self) -> None:
        """Stop reading and release files, devices and threads; may be called twice."""
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
    """A source whose frames can be read from any position and backwards: video, images, a list.

    Frame `i` by index is frame `i` in order.
    """

    def count_frames(self) -> int:
        """Return the exact number of frames; this may require decoding the whole video."""
        ...

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on; InputError if there is no such frame."""
        ...

    def reversed(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Yield the frames before `stop` backwards, down to `start`, in bounded memory."""
        ...

    def __getitem__(self, index: int) -> Frame:
        """Read one frame; InputError if there is no frame with this index."""
        ...
