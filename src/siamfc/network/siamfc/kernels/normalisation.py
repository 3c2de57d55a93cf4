"""Batch normalisation, ReLU and max pooling as one step with its gradient, on a GPU.

Separate layers read and write the convolution's output, the network's largest tensors, about ten
times in a forward and a backward pass. This step reads it twice forward and once backward (twice
without pooling), and writes its gradient once. It needs Triton, which comes with torch for CUDA,
and computes the same as `JointArithmetic` in `training_pass`, up to rounding.

A feature map is a list of its groups, (N, C/g, H, W) channels last, so that each group of a
convolution finds its own channels adjacent in memory.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.kernels import normalisation_triton as kernels

FOLDED_CHANNELS = 16
"""Channels of a folded image: 2×2 pixels of 3, and 4 zeros, which the matrix units need."""
_PIECES = 2
"""Number of parts, halves of its channels, in which every feature map is processed."""
_PARTS = 256
"""Maximum number of programs that share the sums of one block of channels."""
_SUM_TILE, _SUM_COLUMNS, _SUM_WARPS = 2048, 64, 8
"""Values that a program of the sums reads at once, its maximum of channels, and its warps."""


def fold_images(images: Tensor, normalisation: Normalisation, dtype: torch.dtype) -> Tensor:
    """Fold (N, H, W, 3) uint8 to (N, 16, ⌈H/2⌉, ⌈W/2⌉), channels last; the last 4 are zero."""
    count, height, width, _ = images.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    shape = (count, rows, columns, FOLDED_CHANNELS)
    folded = torch.empty(shape, dtype=dtype, device=images.device)
    cells, block = count * rows * columns, 128
    kernels.fold_kernel[(_divide(cells, block),)](
        images.contiguous(), folded, cells, height, width, rows, columns,
        *normalisation.multiplier, *normalisation.offset,
        BLOCK=block, CHANNELS=FOLDED_CHANNELS,
    )  # fmt: skip
    return folded.permute(0, 3, 1, 2)


def normalise(
    norm: nn.BatchNorm2d, images: Sequence[Sequence[Tensor]], *, pool: bool, groups: int
) -> list[list[Tensor]]:
    """Apply batch normalisation, ReLU and, with `pool`, max pooling 3×3 with stride 2.

    Args:
        norm: batch normalisation in training mode; its running statistics are updated.
        images: feature maps, each a list of 1 or 2 groups; they share their statistics.
        pool: apply max pooling.
        groups: number of groups to return, 1 or 2.

    Returns:
        A list of groups for each feature map.
    """
    given = len(images[0])
    flat = _Normalise.apply(  # type: ignore[no-untyped-call]
        norm.weight, norm.bias, norm, pool, given, groups, *(t for image in images for t in image)
    )
    return [list(flat[k : k + groups]) for k in range(0, len(flat), groups)]


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        bias: Tensor,
        norm: nn.BatchNorm2d,
        pool: bool,
        given: int,
        groups: int,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        tensors = tuple(t.contiguous(memory_format=torch.channels_last) for t in tensors)
        maps = [_Map(tensors[k : k + given]) for k in range(0, len(tensors), given)]
        channels, device = len(weight), weight.device
        ctx.count = sum(each.pixels for each in maps)
        partial, parts = _partial_sums(maps, channels)
        for each, rows in zip(maps, parts, strict=True):
            grid = (_PIECES * each.blocks(_SUM_COLUMNS), len(rows))
            kernels.moments_kernel[grid](
                *each.halves, rows, each.pixels, each.stride, channels,
                **each.tiles(_SUM_TILE, _SUM_COLUMNS), num_warps=_SUM_WARPS,
            )  # fmt: skip
        scale, shift, mean, deviation = torch.empty((4, channels), device=device).unbind()
        kernels.normalisation_kernel[(_divide(channels, 16),)](
            partial, weight, bias, norm.running_mean, norm.running_var,
            scale, shift, mean, deviation,
            len(partial), channels, ctx.count, norm.momentum, norm.eps, ROWS=64, COLUMNS=16,
        )  # fmt: skip
        outputs: list[Tensor] = []
        kept: list[Tensor] = []
        for each in maps:
            result = each.like(groups, pool=pool)
            if pool:
                kept += _pool(each, result, scale, shift)
            else:
                tiles = each.tiles(2048)
                grid = (_PIECES * each.blocks(), _divide(each.pixels, tiles["ROWS"]))
                kernels.rectify_kernel[grid](
                    *each.halves, *result.halves, scale, shift,
                    each.pixels, each.stride, result.stride, **tiles,
                )  # fmt: skip
            outputs += result.groups
        ctx.save_for_backward(scale, shift, mean, deviation, *tensors, *kept)
        ctx.pool, ctx.given, ctx.groups, ctx.images = pool, given, groups, len(maps)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale, shift, mean, deviation, *saved = ctx.saved_tensors
        gradients = tuple(g.contiguous(memory_format=torch.channels_last) for g in gradients)
        size, given, groups = ctx.images, ctx.given, ctx.groups
        maps = [_Map(saved[k * given : (k + 1) * given]) for k in range(size)]
        sent = [_Map(gradients[k * groups : (k + 1) * groups]) for k in range(size)]
        kept = saved[size * given :]
        channels = len(scale)
        partial, parts = _partial_sums(sent, channels)
        for k, (gradient, rows) in enumerate(zip(sent, parts, strict=True)):
            values, stride = maps[k].halves, maps[k].stride
            if ctx.pool:
                peaks = kept[2 * k]
                values, stride = (peaks[0], peaks[1]), peaks.shape[-1]
            kernels.gradient_moments_kernel[(_PIECES * gradient.blocks(_SUM_COLUMNS), len(rows))](
                *gradient.halves, *values, scale, shift, mean, rows,
                gradient.pixels, gradient.stride, stride, channels,
                **gradient.tiles(_SUM_TILE, _SUM_COLUMNS), num_warps=_SUM_WARPS,
            )  # fmt: skip
        weight, bias, slope, intercept = torch.empty((4, channels), device=scale.device).unbind()
        kernels.normalisation_gradient_kernel[(_divide(channels, 16),)](
            partial, scale, mean, deviation, weight, bias, slope, intercept,
            len(partial), channels, ctx.count, ROWS=64, COLUMNS=16,
        )  # fmt: skip
        results: list[Tensor] = []
        for k, (each, gradient) in enumerate(zip(maps, sent, strict=True)):
            result = each.like(given, pool=False)
            if ctx.pool:
                places = kept[2 * k + 1]
                _unpool(each, gradient, result, places, scale, slope, intercept)
            else:
                tiles = each.tiles(2048)
                grid = (_PIECES * each.blocks(), _divide(each.pixels, tiles["ROWS"]))
                kernels.rectify_gradient_kernel[grid](
                    *gradient.halves, *each.halves, *result.halves, scale, shift, slope, intercept,
                    each.pixels, gradient.stride, each.stride, result.stride, **tiles,
                )  # fmt: skip
            results += result.groups
        return (weight, bias, None, None, None, None, *results)


class _Map:
    """A feature map (N, C, H, W): its groups, and its two halves, with one row per pixel."""

    def __init__(self, groups: Sequence[Tensor]) -> None:
        self.groups = list(groups)
        first = self.groups[0]
        self.count, width, self.height, self.width = first.shape
        self.pixels = self.count * self.height * self.width
        self.stride = width
        """Distance between two pixels, in values."""
        self.half = width * len(self.groups) // _PIECES
        """Channels per half."""
        if len(self.groups) == _PIECES:
            self.halves = (self.groups[0], self.groups[1])
        else:
            self.halves = (first[:, : self.half], first[:, self.half :])

    def like(self, groups: int, *, pool: bool) -> "_Map":
        """Create an empty map with as many channels, in `groups` groups."""
        height, width = self.height, self.width
        if pool:
            height, width = (height - 3) // 2 + 1, (width - 3) // 2 + 1
        shape = (self.count, self.half * _PIECES // groups, height, width)
        first = self.groups[0]
        empty = [
            torch.empty(
                shape, dtype=first.dtype, device=first.device, memory_format=torch.channels_last
            )
            for _ in range(groups)
        ]
        return _Map(empty)

    def blocks(self, most: int = 128) -> int:
        """Return the number of blocks of at most `most` channels, a power of two, in a half."""
        return self.half // min(most, self.half & -self.half)

    def tiles(self, size: int, most: int = 128) -> dict[str, int]:
        """Return a kernel's arguments: blocks per half, and a tile of `size` values."""
        columns = self.half // self.blocks(most)
        return {"PIECE": self.blocks(most), "ROWS": size // columns, "COLUMNS": columns}


def _partial_sums(maps: list[_Map], channels: int) -> tuple[Tensor, list[Tensor]]:
    """Allocate two sums per channel and program, (P, 2, C); return it and its rows for each map."""
    rows = [each.tiles(_SUM_TILE, _SUM_COLUMNS)["ROWS"] for each in maps]
    sizes = [min(_PARTS, _divide(m.pixels, r)) for m, r in zip(maps, rows, strict=True)]
    partial = torch.empty((sum(sizes), 2, channels), device=maps[0].groups[0].device)
    return partial, list(partial.split_with_sizes(sizes))


def _pool(each: _Map, result: _Map, scale: Tensor, shift: Tensor) -> list[Tensor]:
    """Fill `result`; return the maxima before normalisation and their positions in the window."""
    shape = (_PIECES, result.count, result.height, result.width, each.half)
    first = each.groups[0]
    peaks = torch.empty(shape, dtype=first.dtype, device=first.device)
    places = torch.empty(shape, dtype=torch.uint8, device=first.device)
    tiles = each.tiles(1024)
    grid = (_PIECES * each.blocks(), _divide(result.pixels, tiles["ROWS"]))
    kernels.pool_kernel[grid](
        *each.halves, *result.halves, peaks, places, scale, shift,
        result.pixels, each.height, each.width, result.height, result.width,
        each.stride, result.stride, **tiles, num_warps=8,
    )  # fmt: skip
    return [peaks, places]


def _unpool(
    each: _Map,
    gradient: _Map,
    result: _Map,
    places: Tensor,
    scale: Tensor,
    slope: Tensor,
    intercept: Tensor,
) -> None:
    """Fill `result` with the gradient of `each`, given the gradient of `_pool`'s result."""
    quads = each.count * math.ceil(each.height / 2) * math.ceil(each.width / 2)
    tiles = each.tiles(1024)
    grid = (_PIECES * each.blocks(), _divide(quads, tiles["ROWS"]))
    kernels.pool_gradient_kernel[grid](
        *gradient.halves, *each.halves, *result.halves, places, scale, slope, intercept,
        quads, gradient.pixels, each.height, each.width, gradient.height, gradient.width,
        gradient.stride, each.stride, result.stride, **tiles,
    )  # fmt: skip


def _divide(count: int, size: int) -> int:
    return -(-count // size)
