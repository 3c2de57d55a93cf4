"""Triton kernel that resamples squares as Pillow does: the same fixed-point numbers, on a GPU."""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import triton
import triton.language as tl

_BITS = tl.constexpr(22)
"""Precision of Pillow's weights, bits after the point."""
_ONE, _HALF = tl.constexpr(1 << 22), tl.constexpr(1 << 21)
_TAPS = tl.constexpr(5)
"""Cells under the filter along one axis: it is at most two wide on either side."""


@triton.jit
def crop_kernel(
    crops,
    squares,
    pixels,
    COLUMNS: tl.constexpr,
    SIZE: tl.constexpr,
    ROWS: tl.constexpr,
    VALUES: tl.constexpr,
):
    """Crop N squares to `crops` (N, SIZE, SIZE, 3) uint8.

    `squares` (N, COLUMNS) float64 hold the centre x, y and the side, frame pixels; the side of the
    frame's cells that suit the square; where, in `pixels` uint8, that part of the frame begins
    which the square touches, its width, and its left and top in the frame, in cells; width and
    height of the frame, in cells; and the colour outside it.
    """
    index = tl.program_id(0)
    square = squares + COLUMNS * index
    side = tl.load(square + 2)
    cell = tl.load(square + 3).to(tl.int32)
    part = pixels + tl.load(square + 4).to(tl.int64)
    part_width = tl.load(square + 5).to(tl.int32)
    left, top = tl.load(square + 6).to(tl.int32), tl.load(square + 7).to(tl.int32)
    width, height = tl.load(square + 8).to(tl.int32), tl.load(square + 9).to(tl.int32)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    value = tl.arange(0, VALUES)
    column, channel = value // 3, value % 3
    fill = tl.load(square + 10 + channel).to(tl.int32)[None, :]
    x_first, x_last, x_low, x_start, x_ratio = _span(tl.load(square), side, width, cell, SIZE)
    y_first, y_last, y_low, y_start, y_ratio = _span(tl.load(square + 1), side, height, cell, SIZE)
    x_center = x_start + (column - x_first + 0.5) * x_ratio
    y_center = y_start + (row - y_first + 0.5) * y_ratio
    x_scale, y_scale = _weight_scale(x_center, x_ratio), _weight_scale(y_center, y_ratio)
    total = tl.full((ROWS, VALUES), _HALF, tl.int32)
    for tap in range(_TAPS):
        y, y_weight = _tap(y_center, y_ratio, y_scale, tap)
        y = (y + y_low)[:, None]
        across = tl.full((ROWS, VALUES), _HALF, tl.int32)
        for other in tl.static_range(_TAPS):
            x, x_weight = _tap(x_center, x_ratio, x_scale, other)
            x = (x + x_low)[None, :]
            shown = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            pixel = part + 3 * ((y - top) * part_width + x - left) + channel[None, :]
            across += tl.where(shown, tl.load(pixel, shown, 0), fill) * x_weight[None, :]
        total += _rounded(across) * y_weight[:, None]
    seen = ((row >= y_first) & (row < y_last))[:, None]
    seen = seen & ((column >= x_first) & (column < x_last))[None, :]
    place = crops + (index.to(tl.int64) * SIZE + row[:, None]) * (3 * SIZE) + value[None, :]
    inside = (row < SIZE)[:, None] & (column < SIZE)[None, :]
    tl.store(place, tl.where(seen, _rounded(total), fill).to(tl.uint8), inside)


@triton.jit
def _span(center, side, cells, cell, SIZE: tl.constexpr):
    """Do what `resampling.span` does; the start is relative to the lowest cell, in cells."""
    ratio = side / SIZE
    edge = center - side / 2
    reach = tl.maximum(ratio, cell * 1.0)
    before = (-reach - edge) / ratio - 0.5
    after = (cells * cell + reach - edge) / ratio - 0.5
    first = tl.floor(tl.minimum(tl.maximum(before, -1.0), SIZE)).to(tl.int32) + 1
    last = tl.ceil(tl.minimum(tl.maximum(after, 0.0), SIZE)).to(tl.int32)
    low = tl.floor((edge + (first + 0.5) * ratio - reach) / cell).to(tl.int32)
    low = tl.minimum(low, cells - 1)
    # Pillow takes the ends as float32.
    start = ((edge + first * ratio) / cell - low).to(tl.float32)
    end = ((edge + last * ratio) / cell - low).to(tl.float32)
    step = (end - start).to(tl.float64) / tl.maximum(last - first, 1)
    return first, last, low, start.to(tl.float64), step


@triton.jit
def _weight(center, ratio, place):
    """Return the triangle filter's value at a cell, not normalised."""
    distance = (place - center + 0.5) * (1.0 / tl.maximum(ratio, 1.0))
    return tl.maximum(1.0 - tl.abs(distance), 0.0)


@triton.jit
def _first_cell(center, ratio):
    lowest = (center - tl.maximum(ratio, 1.0) + 0.5).to(tl.int32)
    return tl.maximum(lowest, 0)


@triton.jit
def _weight_scale(center, ratio):
    """Return the factor that makes the weights sum to one in fixed point."""
    first = _first_cell(center, ratio)
    total = _weight(center, ratio, first)
    for tap in tl.static_range(1, _TAPS):
        total += _weight(center, ratio, first + tap)
    return _ONE / tl.where(total > 0, total, 1.0)


@triton.jit
def _tap(center, ratio, scale, tap):
    """Return a cell under the filter and its weight in fixed point."""
    place = _first_cell(center, ratio) + tap
    return place, (_weight(center, ratio, place) * scale + 0.5).to(tl.int32)


@triton.jit
def _rounded(value):
    """Round a fixed-point number to 0…255."""
    return tl.minimum(tl.maximum(value >> _BITS, 0), 255)
