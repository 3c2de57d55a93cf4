"""Squares of a frame that a GPU crops; of the frame, the part that they show is uploaded."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from siamfc.array_types import ByteImage, FloatArray, IntArray
from siamfc.cropping.resampling import cell_size

_COLUMNS = 13
"""Numbers of a square in a buffer, float64; see `crop_kernel`."""
_ROW_BYTES = 8 * _COLUMNS
_ROWS = 2
"""Rows of a crop that one program of the kernel makes."""
_WARPS = 4
_USUAL_CELL = 64
"""Cell up to which all buffers for a frame's squares are of one size."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Squares of a frame, to be cropped on a GPU to images (N, size, size, 3) uint8.

    The values are those of `crop`, to within one level where the frame's last row or column of
    averaged cells is incomplete, and exactly elsewhere.
    """

    image: ByteImage
    """Frame (H, W, 3), which must not change before the squares are uploaded."""
    centers: FloatArray
    """(N, 2) frame pixels."""
    sides: FloatArray
    """(N,) frame pixels."""
    size: int
    fill: ByteImage
    """(3,) colour outside the frame."""

    def __len__(self) -> int:
        return len(self.sides)

    def __getitem__(self, rows: slice) -> Self:
        return replace(self, centers=self.centers[rows], sides=self.sides[rows])

    def capacity(self, count: int) -> int:
        """Return the bytes of a buffer for `count` squares: mostly the same for the same frame."""
        height, width, _ = self.image.shape
        margin = max(int(self._cells.max()), _USUAL_CELL)
        # All levels of averaged cells together have less than a third of the frame's pixels.
        return int(count * _ROW_BYTES + 4 * (width + margin) * (height + margin))

    def cropped(self, device: torch.device) -> Tensor:
        """Return the images, on a device."""
        buffer = torch.empty(self.capacity(len(self)), dtype=torch.uint8, device=device)
        self.upload(buffer, len(self))
        return make_crops(buffer, len(self), self.size)

    def upload(self, buffer: Tensor, count: int) -> None:
        """Write the squares and what they show into a buffer (capacity,) uint8, without waiting.

        Repeat the first square to get `count` of them.
        """
        cells = self._cells
        left, top, right, bottom = self._seen(int(cells.max()))
        width, height = right - left, bottom - top
        start = count * _ROW_BYTES
        staged = torch.empty(
            start + 3 * width * height, dtype=torch.uint8, pin_memory=buffer.is_cuda
        )
        written = staged.numpy()
        pixels = written[start:].reshape(height, width, 3)
        shown = self.image[top:bottom, left:right]
        rows, columns = shown.shape[:2]
        pixels[:rows, :columns], pixels[rows:], pixels[:, columns:] = shown, self.fill, self.fill

        squares = written[:start].view(np.float64).reshape(count, _COLUMNS)
        table = squares[: len(self)]
        table[:, :2], table[:, 2], end = self.centers, self.sides, len(staged)
        levels = []
        for cell in set(cells.tolist()):
            first, size = start, (height // cell, width // cell, 3)
            if cell > 1:
                first, end = end, end + size[0] * size[1] * 3
                levels.append((cell, buffer[first:end].view(size)))
            extent = (-(-length // cell) for length in self.image.shape[1::-1])
            numbers = (cell, first, size[1], left // cell, top // cell, *extent, *self.fill)
            table[cells == cell, 3:] = numbers
        squares[len(self) :] = squares[0]

        buffer[: len(staged)].copy_(staged, non_blocking=True)
        for cell, level in levels:
            _average(buffer[start : len(staged)].view(height, width, 3), cell, level)

    @cached_property
    def _cells(self) -> IntArray:
        """The `cell_size` of each square."""
        return np.array([cell_size(side / self.size) for side in self.sides.tolist()])

    def _seen(self, cell: int) -> tuple[int, int, int, int]:
        """Return the part of the frame that the squares see: left, top, right, bottom.

        It consists of whole cells; those at its right and bottom may extend beyond the frame.
        """
        reach = (self.sides / 2 + 2 * cell)[:, None]  # the filter extends less than two cells
        low, high = (self.centers - reach).min(0), (self.centers + reach).max(0)
        extent = np.array(self.image.shape[1::-1])
        first = np.minimum(np.maximum(low, 0), extent - 1).astype(int)
        last = np.minimum(np.maximum(high, first + 1), extent).astype(int)
        left, top = (first // cell * cell).tolist()
        right, bottom = (-(-last // cell) * cell).tolist()
        return left, top, right, bottom


def make_crops(buffer: Tensor, count: int, size: int) -> Tensor:
    """Crop `count` squares that `Windows.upload` wrote: (count, size, size, 3) uint8.

    Needs Triton. A CUDA graph can record it, since all that differs comes from the buffer.
    """
    from siamfc.cropping.cuda_kernel import crop_kernel

    crops = torch.empty((count, size, size, 3), dtype=torch.uint8, device=buffer.device)
    crop_kernel[(count, -(-size // _ROWS))](
        crops,
        buffer[: count * _ROW_BYTES].view(torch.float64),
        buffer,
        COLUMNS=_COLUMNS,
        SIZE=size,
        ROWS=_ROWS,
        VALUES=1 << (3 * size - 1).bit_length(),
        num_warps=_WARPS,
    )
    return crops


def _average(part: Tensor, cell: int, level: Tensor) -> None:
    """Average over cell × cell pixels, rounding halves up as Pillow does, into a level."""
    rows, columns = level.shape[:2]
    total = part.view(rows, cell, columns, cell, 3).sum((1, 3), dtype=torch.int32)
    area = cell * cell
    level.copy_((total + area // 2) >> (area.bit_length() - 1))
