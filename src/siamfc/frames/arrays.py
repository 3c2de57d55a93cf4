"""Source of pictures that a program holds in memory or generates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.errors import InputError, SourceError
from siamfc.frames.frame import Frame
from siamfc.frames.images import check_image


class ArraySource:
    """A list, stack or generator of (H, W, 3) RGB or (H, W) grey arrays of uint8.

    A generator is read only when a frame is requested, in the caller's thread, and only once.

    Args:
        arrays: The pictures; (N, H, W, 3) means N of them.
        frame_rate: Frames per second, which determines the frames' times; None: the times are NaN.

    Raises:
        InputError: `arrays` is a single picture, or `frame_rate` is not above 0; while iterating:
            an element is not a picture.
        SourceError: No pictures, or a generator that has been read before.
    """

    name = "arrays"

    def __init__(self, arrays: Iterable[ArrayLike], *, frame_rate: float | None = None) -> None:
        if isinstance(arrays, np.ndarray) and arrays.ndim < 4 and arrays.shape[-1:] in {(3,), (4,)}:
            raise InputError(
                f"a source needs several pictures, (N, H, W, 3); got one array of shape "
                f"{arrays.shape}: put it into a list"
            )
        check_frame_rate(frame_rate)
        self.frame_rate = frame_rate
        self.frame_count: int | None = None
        self.size: tuple[int, int] | None = None
        self._arrays = arrays
        self._used_up = False
        self._sequence: Sequence[ArrayLike] | NDArray[np.generic] = ()
        if isinstance(arrays, Sequence | np.ndarray):
            self._sequence = arrays
            if len(arrays) == 0:
                raise SourceError("a source needs at least one picture; got an empty list")
            self.frame_count = len(arrays)
            height, width, _ = check_image(arrays[0], what="frame 0").shape
            self.size = (width, height)

    def frames(self, start: int) -> Iterator[Frame]:
        """Yield the frames from an index on, in the caller's thread.

        Raises:
            InputError: There is no frame with this index.
            SourceError: The arrays come from a generator.
        """
        self._check_index(start)
        return map(self.__getitem__, range(start, self.count_frames()))

    def reversed(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Yield the frames before `stop` backwards, the last one first, down to `start`.

        Raises:
            InputError: There are no such frames.
            SourceError: The arrays come from a generator.
        """
        stop = self.count_frames() if stop is None else stop
        self._check_index(start)
        self._check_index(stop - 1)
        return map(self.__getitem__, range(stop - 1, start - 1, -1))

    def count_frames(self) -> int:
        """Return the number of arrays; SourceError if they come from a generator."""
        if self.frame_count is None:
            raise SourceError("a generator of arrays can only be read in order: give a list")
        return self.frame_count

    def __getitem__(self, index: int) -> Frame:
        self._check_index(index)
        image = check_image(self._sequence[index], what=f"frame {index}")
        return Frame(image, index, image_time(index, self.frame_rate))

    def _check_index(self, index: int) -> None:
        count = self.count_frames()
        if not 0 <= index < count:
            raise InputError(f"{self.name} has frames 0 to {count - 1}; got {index}")

    def __iter__(self) -> Iterator[Frame]:
        if self.frame_count is None:
            if self._used_up:
                raise SourceError("this generator of arrays has been read: make a new one")
            self._used_up = True
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        for index, array in enumerate(self._arrays):
            image = check_image(array, what=f"frame {index}")
            yield Frame(image, index, image_time(index, self.frame_rate))

    def close(self) -> None:
        """Do nothing: no resource is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_frame_rate(frame_rate: float | None) -> None:
    """Raise InputError unless a number of frames per second is positive and finite, or unknown."""
    if frame_rate is not None and not 0 < frame_rate < math.inf:
        raise InputError(f"frame_rate must be a positive number of frames/s; got {frame_rate}")


def image_time(index: int, frame_rate: float | None) -> float:
    """Return the seconds since the first of equally spaced pictures; NaN without a rate."""
    return math.nan if frame_rate is None else index / frame_rate
