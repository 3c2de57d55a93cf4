"""The synthetic video of the thesis (4.1.5): a black square that moves over white."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from siamfc.checks import check_whole
from siamfc.errors import InputError

BLACK, WHITE = 0, 255


@dataclass(frozen=True, kw_only=True)
class SquareVideoSettings:
    """Settings of the square video; the defaults are the thesis's.

    Attributes:
        frames: number of frames.
        size: side of the frame in pixels.
        target: side of the square in pixels.
        max_displacement: longest step between frames per axis, in pixels.
        seed: seed of the path.
    """

    frames: int = 300
    size: int = 255
    target: int = 40
    max_displacement: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("frames", self.frames, 1, 1_000_000)
        check_whole("size", self.size, 1, 16_384)
        check_whole("target", self.target, 1)
        check_whole("max_displacement", self.max_displacement, 0)
        check_whole("seed", self.seed, 0)
        if self.target > self.size:
            raise InputError(
                f"target: expected at most the frame's size of {self.size} pixels, "
                f"got {self.target}"
            )


class SquareVideo:
    """A video of a square, drawn frame by frame, with its exact boxes.

    A sequence of (size, size, 3) uint8 RGB frames. The square is aligned with the pixels: a square
    of 40 pixels covers exactly 40 × 40 of them, and its box `x, y, 40, 40` has the same edges.

    Args:
        settings: size, length and path; None: the thesis's.

    Attributes:
        boxes: (F, 4) float64, the square in each frame.

    >>> video = SquareVideo(SquareVideoSettings(frames=5, size=9, target=3, seed=1))
    >>> frame, (x, y, w, h) = video[4], video.boxes[4].astype(int)
    >>> bool((frame[y : y + h, x : x + w] == 0).all()), int((frame == 0).sum())
    (True, 27)
    """

    def __init__(self, settings: SquareVideoSettings | None = None) -> None:
        self.settings = settings or SquareVideoSettings()
        corners = _random_walk(self.settings)
        sides = np.full_like(corners, self.settings.target)
        self.boxes = np.concatenate([corners, sides], axis=1).astype(np.float64)
        self.boxes.flags.writeable = False

    def __len__(self) -> int:
        return self.settings.frames

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        x, y, w, h = self.boxes[index].astype(int)
        frame = np.full((self.settings.size, self.settings.size, 3), WHITE, dtype=np.uint8)
        frame[y : y + h, x : x + w] = BLACK
        return frame

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[index] for index in range(len(self)))

    @property
    def visibility(self) -> NDArray[np.float64]:
        """Visible fraction of the square in each frame, always 1: (F,)."""
        return np.ones(len(self))


def _random_walk(settings: SquareVideoSettings) -> NDArray[np.int64]:
    """Return the upper left corners (F, 2) of a random walk from the middle of the frame.

    On each axis, a step is drawn uniformly from the integers up to the longest step in either
    direction that keep the square inside the frame. Away from the border, every step is as likely
    as its opposite.
    """
    generator = np.random.Generator(np.random.PCG64(settings.seed))
    last = settings.size - settings.target
    longest = settings.max_displacement
    corners = np.empty((settings.frames, 2), dtype=np.int64)
    corners[0] = last // 2
    for index in range(1, settings.frames):
        low = np.maximum(corners[index - 1] - longest, 0)
        high = np.minimum(corners[index - 1] + longest, last)
        corners[index] = generator.integers(low, high, endpoint=True)
    return corners
