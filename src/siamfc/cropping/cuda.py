"""Crops made on a GPU, of the part of a frame that they show; needs Triton."""

import math

import numpy as np
import torch
from torch import Tensor

from siamfc.array_types import ByteImage, FloatArray, IntArray
from siamfc.cropping.cuda_kernel import crop_kernel

_ROWS = 2
"""Rows of a crop that one program makes."""
_WARPS = 4


def crop_windows(
    image: ByteImage,
    centers: FloatArray,
    sides: FloatArray,
    size: int,
    fill: ByteImage,
    device: torch.device,
) -> Tensor:
    """Crop squares with centres (N, 2) and sides (N,) of a frame: (N, size, size, 3) on `device`.

    The values are those of `crop`, to within one level where the frame's last row or column of
    averaged cells is incomplete, and exactly elsewhere. The call does not wait for the GPU.
    """
    cells = _cell_sizes(sides / size)
    order = np.argsort(cells, kind="stable")
    cells = cells[order]
    squares = np.column_stack([order, centers[order], sides[order]])
    origin, part, table = _upload(image, squares, int(cells[-1]), fill, device)
    crops = torch.empty((len(sides), size, size, 3), dtype=torch.uint8, device=device)
    ends = [*(np.flatnonzero(np.diff(cells)) + 1).tolist(), len(cells)]
    for first, last in zip([0, *ends], ends, strict=False):
        cell = int(cells[first])
        level = _averaged(part, cell)
        crop_kernel[(last - first, -(-size // _ROWS))](
            crops,
            table[first:last],
            level,
            level.shape[1],
            *(start // cell for start in origin),
            *(-(-length // cell) for length in image.shape[1::-1]),
            cell,
            *fill.tolist(),
            SIZE=size,
            ROWS=_ROWS,
            VALUES=1 << (3 * size - 1).bit_length(),
            num_warps=_WARPS,
        )
    return crops


def _cell_sizes(ratios: FloatArray) -> IntArray:
    """Return `cell_size` of each ratio."""
    exponents: IntArray = np.frexp(np.maximum(ratios, 1.0))[1].astype(np.int64) - 1
    return 1 << exponents


def _upload(
    image: ByteImage,
    squares: FloatArray,
    cell: int,
    fill: ByteImage,
    device: torch.device,
) -> tuple[tuple[int, int], Tensor, Tensor]:
    """Upload squares (N, 4), row, centre and side, with the part of the frame that they see.

    Returns the part's corner (x, y); the part in whole cells, where those that the frame's border
    cuts are completed with the fill; and the squares. One copy takes both.
    """
    centers, sides = squares[:, 1:3], squares[:, 3:]
    reach = sides / 2 + 2 * cell  # the filter extends less than two cells
    extent = np.array(image.shape[1::-1])
    first = np.clip((centers - reach).min(0), 0, extent - 1).astype(int) // cell * cell
    last = -(-np.clip((centers + reach).max(0), first + 1, extent).astype(int) // cell) * cell
    (left, top), (right, bottom) = first.tolist(), last.tolist()
    shown = image[top:bottom, left:right]
    size = bottom - top, right - left, 3
    both = torch.empty(
        squares.nbytes + math.prod(size), dtype=torch.uint8, pin_memory=device.type == "cuda"
    )
    written = both.numpy()
    written[: squares.nbytes].view(np.float64)[:] = squares.ravel()
    pixels = written[squares.nbytes :].reshape(size)
    height, width = shown.shape[:2]
    pixels[:height, :width], pixels[height:], pixels[:, width:] = shown, fill, fill
    there = both.to(device, non_blocking=True)
    table = there[: squares.nbytes].view(torch.float64).view(squares.shape)
    return (left, top), there[squares.nbytes :].view(size), table


def _averaged(part: Tensor, cell: int) -> Tensor:
    """Average over cell × cell pixels, rounding halves up as Pillow does."""
    if cell == 1:
        return part
    rows, columns = part.shape[0] // cell, part.shape[1] // cell
    total = part.view(rows, cell, columns, cell, 3).sum((1, 3), dtype=torch.int32)
    return ((total + cell * cell // 2) // (cell * cell)).to(torch.uint8)
