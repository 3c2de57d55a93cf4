"""Triton kernels of the first convolution, whose few channels leave library kernels half idle.

Images are folded to (N, rows, columns, CHANNELS), so that the values under one row of a kernel,
`SPAN` = 6 · CHANNELS of them, are adjacent in memory. The convolution is a matrix product whose
left factor has one row per position of the kernel and 6 · SPAN columns, read directly from the
image. The 96 outputs are split into 64 and 32, since tiles are powers of two.
"""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import triton
import triton.language as tl

OUTPUTS = tl.constexpr(96)
_FIRST = tl.constexpr(64)
_SECOND = tl.constexpr(32)
SLICE = tl.constexpr(192)
"""Rows of the weight gradient that one program computes: three tiles of 64."""


@triton.jit
def _corner(place, places, rows, columns, out_rows, out_columns, CHANNELS: tl.constexpr):
    """Return the offset of the first value under the kernel at each position."""
    x = place % out_columns
    y = place // out_columns % out_rows
    number = place // out_columns // out_rows
    corner = ((number * rows + y) * columns + x) * CHANNELS
    return tl.where(place < places, corner, 0)


@triton.jit
def _seen(start, columns, SPAN: tl.constexpr, CHANNELS: tl.constexpr, SIZE: tl.constexpr):
    """Return offsets, from the corner, of SIZE values under the kernel."""
    number = start + tl.arange(0, SIZE)
    return number // SPAN * (columns * CHANNELS) + number % SPAN


@triton.jit
def convolve_kernel(
    images, weights, output, places, rows, columns, out_rows, out_columns,
    CHANNELS: tl.constexpr, SPAN: tl.constexpr, VALUES: tl.constexpr,
    PLACES: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """Compute the output (places, 96) for weights (VALUES, 96)."""
    place = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    corner = _corner(place, places, rows, columns, out_rows, out_columns, CHANNELS)[:, None]
    first, second = tl.arange(0, _FIRST)[None, :], _FIRST + tl.arange(0, _SECOND)[None, :]
    sum_first = tl.zeros((PLACES, _FIRST), tl.float32)
    sum_second = tl.zeros((PLACES, _SECOND), tl.float32)
    for start in tl.range(0, VALUES, DEPTH):
        seen = tl.load(images + corner + _seen(start, columns, SPAN, CHANNELS, DEPTH)[None, :])
        row = weights + (start + tl.arange(0, DEPTH)[:, None]) * OUTPUTS
        sum_first = tl.dot(seen, tl.load(row + first), sum_first, input_precision="ieee")
        sum_second = tl.dot(seen, tl.load(row + second), sum_second, input_precision="ieee")
    inside = (place < places)[:, None]
    target = output + place.to(tl.int64)[:, None] * OUTPUTS
    tl.store(target + first, sum_first.to(output.dtype.element_ty), mask=inside)
    tl.store(target + second, sum_second.to(output.dtype.element_ty), mask=inside)


@triton.jit
def weight_gradient_kernel(
    images, gradient, partial, places, rows, columns, out_rows, out_columns,
    CHANNELS: tl.constexpr, SPAN: tl.constexpr, VALUES: tl.constexpr,
    PLACES: tl.constexpr, STEPS: tl.constexpr,
):  # fmt: skip
    """Sum STEPS · PLACES positions in program (s, p) for 192 rows of partial[p], (VALUES, 96)."""
    part, begin = tl.program_id(1), tl.program_id(0) * SLICE
    first, second = tl.arange(0, _FIRST)[None, :], _FIRST + tl.arange(0, _SECOND)[None, :]
    low = _seen(begin, columns, SPAN, CHANNELS, 64)[None, :]
    middle = _seen(begin + 64, columns, SPAN, CHANNELS, 64)[None, :]
    high = _seen(begin + 128, columns, SPAN, CHANNELS, 64)[None, :]
    low_first = tl.zeros((64, _FIRST), tl.float32)
    low_second = tl.zeros((64, _SECOND), tl.float32)
    middle_first = tl.zeros((64, _FIRST), tl.float32)
    middle_second = tl.zeros((64, _SECOND), tl.float32)
    high_first = tl.zeros((64, _FIRST), tl.float32)
    high_second = tl.zeros((64, _SECOND), tl.float32)
    for step in tl.range(0, STEPS):
        place = (part * STEPS + step) * PLACES + tl.arange(0, PLACES)
        inside = (place < places)[:, None]
        corner = _corner(place, places, rows, columns, out_rows, out_columns, CHANNELS)[:, None]
        source = gradient + place.to(tl.int64)[:, None] * OUTPUTS
        left = tl.load(source + first, mask=inside, other=0.0)
        right = tl.load(source + second, mask=inside, other=0.0)
        seen = tl.trans(tl.load(images + corner + low))
        low_first = tl.dot(seen, left, low_first, input_precision="ieee")
        low_second = tl.dot(seen, right, low_second, input_precision="ieee")
        seen = tl.trans(tl.load(images + corner + middle))
        middle_first = tl.dot(seen, left, middle_first, input_precision="ieee")
        middle_second = tl.dot(seen, right, middle_second, input_precision="ieee")
        seen = tl.trans(tl.load(images + corner + high))
        high_first = tl.dot(seen, left, high_first, input_precision="ieee")
        high_second = tl.dot(seen, right, high_second, input_precision="ieee")
    row = partial + (part * VALUES + begin + tl.arange(0, 64)[:, None]) * OUTPUTS
    tl.store(row + first, low_first)
    tl.store(row + second, low_second)
    tl.store(row + 64 * OUTPUTS + first, middle_first)
    tl.store(row + 64 * OUTPUTS + second, middle_second)
    tl.store(row + 128 * OUTPUTS + first, high_first)
    tl.store(row + 128 * OUTPUTS + second, high_second)
