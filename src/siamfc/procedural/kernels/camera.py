"""The camera in one kernel, `render.apply_camera` without the painting, and `render.crop`.

A tile of 16×16 pixels is computed from a square of 32×32, of which only the tile and three pixels
around it are read. The motion blur is applied while reading; blur and cosine transform are products
of small matrices.
"""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import math
from functools import cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from siamfc.procedural.kernels.arithmetic import blended, level, rounded, within
from siamfc.procedural.render import Camera

TILE = 16
_CROP_TILE = 16
TAPS = tl.constexpr(3)
"""Radius of the blur, pixels."""


@cache
def _cosines(device: torch.device) -> Tensor:
    """Return the cosine transform of two adjacent blocks of eight numbers: (16, 16)."""
    k = torch.arange(8, dtype=torch.float64)
    table = torch.cos(math.pi * (k[None, :] + 0.5) * k[:, None] / 8) / 2
    table[0] /= math.sqrt(2)
    blocks: Tensor = torch.block_diag(table, table)
    return blocks.float().to(device)


def apply_camera(
    painted: Tensor, camera: Camera, generator: torch.Generator, window: Tensor | None = None
) -> Tensor:
    """Return source images of `paint`'s result, (B, S, S): packed RGB, int32, S a multiple of 8.

    The noise comes from Philox, as a function of image, pixel and a seed that `generator` draws.
    """
    count, size, _ = painted.shape
    source = torch.empty_like(painted)
    seed = torch.randint(2**62, (1,), generator=generator, device=painted.device)
    tiles = triton.cdiv(size, TILE) ** 2
    with torch.cuda.device_of(painted):
        _apply_camera[(tiles, count)](
            source,
            painted,
            camera.blur.contiguous(),
            camera.motion.contiguous(),
            camera.noise.contiguous(),
            camera.grain.contiguous(),
            camera.quantum.contiguous(),
            camera.grey.contiguous(),
            _cosines(painted.device),
            painted if window is None else window.contiguous(),
            seed,
            size,
            WINDOWED=window is not None,
            TILE=TILE,
            num_warps=4,
        )
    return source


def mean_color(source: Tensor) -> Tensor:
    """Return the mean per channel; see `render.mean_color`."""
    channels = source.view(torch.uint8).unflatten(-1, (-1, 4))
    mean: Tensor = channels.sum((1, 2))[:, :3] / (255 * source[0].numel())
    return mean


@triton.jit
def covers_window(window, left, top, reach_x, reach_y, TILE: tl.constexpr):
    """Return True if the square tile at left, top shows a part of a window or lies near it.

    A tile that overlaps the window is computed completely, because its blocks are compressed as a
    whole; `reach_x` and `reach_y` are the distance in pixels from which it reads.
    """
    first_x = tl.floor((tl.load(window) - 1) / TILE) * TILE
    first_y = tl.floor((tl.load(window + 1) - 1) / TILE) * TILE
    end_x = tl.floor((tl.load(window + 2) + 2) / TILE) * TILE + TILE
    end_y = tl.floor((tl.load(window + 3) + 2) / TILE) * TILE + TILE
    across = (left + TILE > first_x - reach_x) & (left < end_x + reach_x)
    down = (top + TILE > first_y - reach_y) & (top < end_y + reach_y)
    return across & down


@triton.jit
def _apply_camera(
    source,
    painted,
    blurs,
    motions,
    noises,
    grains,
    quanta,
    greys,
    cosines,
    windows,
    seeds,
    size,
    WINDOWED: tl.constexpr,
    TILE: tl.constexpr,
):
    image = tl.program_id(1)
    across = tl.cdiv(size, TILE)
    top, left = tl.program_id(0) // across * TILE, tl.program_id(0) % across * TILE
    window = windows + 4 * image
    if WINDOWED and not covers_window(window, left, top, 0, 0, TILE):
        return
    begin = image.to(tl.int64) * size * size
    red, green, blue = _blur_motion(
        painted + begin,
        size,
        left,
        top,
        tl.load(motions + 2 * image),
        tl.load(motions + 2 * image + 1),
        TILE,
    )
    # Tap j of pixel i lies at j − i − TILE / 2: a matrix, (TILE, 2 TILE).
    apart = tl.arange(0, 2 * TILE)[None, :] - tl.arange(0, TILE)[:, None] - TILE // 2
    ratio = apart.to(tl.float32) / tl.load(blurs + image)
    taps = tl.where(tl.abs(apart) <= TAPS, tl.exp(-0.5 * ratio * ratio), 0.0)
    taps /= tl.sum(taps, 1)[:, None]
    red = _both_ways(taps, red * (1 / 1023))
    green = _both_ways(taps, green * (1 / 2047))
    blue = _both_ways(taps, blue * (1 / 1023))

    row, column = top + tl.arange(0, TILE)[:, None], left + tl.arange(0, TILE)[None, :]
    place = row * size + column
    first, second, third, common = tl.randn4x(tl.load(seeds), image * size * size + place)
    noise = tl.load(noises + image)
    shared = noise * tl.load(grains + image)
    grey = tl.load(greys + image)
    own = tl.where(grey, 0.0, noise - shared)
    mean = (red + green + blue) / 3
    red = tl.where(grey, mean, red) + shared * common + own * first
    green = tl.where(grey, mean, green) + shared * common + own * second
    blue = tl.where(grey, mean, blue) + shared * common + own * third

    quantum = tl.load(quanta + image)
    if quantum > 0:
        red, green, blue = _compressed(red, green, blue, tl.maximum(quantum, 1e-3), cosines, TILE)
    color = level(red) | (level(green) << 8) | (level(blue) << 16)
    tl.store(source + begin + place, color, mask=(row < size) & (column < size))


@triton.jit
def _blur_motion(painted, size, left, top, motion_x, motion_y, TILE: tl.constexpr):
    """Average a square of 2 TILE about a tile along ±motion: red, green, blue in their levels."""
    across, down = (
        tl.arange(0, 2 * TILE)[None, :] - TILE // 2,
        tl.arange(0, 2 * TILE)[:, None] - TILE // 2,
    )
    looked_at = (across >= -TAPS) & (across < TILE + TAPS) & (down >= -TAPS) & (down < TILE + TAPS)
    column = within(left + across, size)
    row = within(top + down, size)
    if (rounded(motion_x) == 0) & (rounded(motion_y) == 0):
        color = tl.load(painted + row * size + column, mask=looked_at, other=0)
        red, green, blue = color & 1023, (color >> 10) & 2047, color >> 21
        scale = 1.0
    else:
        red = tl.zeros((2 * TILE, 2 * TILE), tl.int32)
        green, blue = red, red
        for step in tl.static_range(-3, 4):
            x = within(column + rounded(motion_x * (step / 3)).to(tl.int32), size)
            y = within(row + rounded(motion_y * (step / 3)).to(tl.int32), size)
            color = tl.load(painted + y * size + x, mask=looked_at, other=0)
            red += color & 1023
            green += (color >> 10) & 2047
            blue += color >> 21
        scale = 1 / 7
    return red.to(tl.float32) * scale, green.to(tl.float32) * scale, blue.to(tl.float32) * scale


@triton.jit
def _product(first, second):
    """Multiply matrices with float32 accuracy on tensor cores."""
    return tl.dot(first, second, input_precision="tf32x3")


@triton.jit
def _both_ways(matrix, square):
    """Apply the matrix along the columns and the rows of a square."""
    return _product(_product(matrix, square), tl.trans(matrix))


@triton.jit
def _compressed(red, green, blue, quantum, cosines, TILE: tl.constexpr):
    """Quantise blocks of 8×8 in the cosine domain, like `render._compress`."""
    line = tl.arange(0, TILE)
    cosine = tl.load(cosines + line[:, None] * TILE + line[None, :])
    step = (0.25 + 0.15 * (line[:, None] % 8 + line[None, :] % 8).to(tl.float32)) * quantum
    grey = (red + green + blue) / 3
    first = _quantised(red - grey, cosine, 1.8 * step)
    second = _quantised(green - grey, cosine, 1.8 * step)
    grey = _quantised(grey, cosine, step)
    return grey + first, grey + second, grey - first - second


@triton.jit
def _quantised(plane, cosine, step):
    spectrum = rounded(_both_ways(cosine, plane) / step) * step
    return _both_ways(tl.trans(cosine), spectrum)


def crop(
    source: Tensor,
    origin: Tensor,
    pitch: Tensor,
    center: Tensor,
    side: Tensor,
    size: int,
    frame: Tensor,
    fill: Tensor,
) -> Tensor:
    """Resample source images to `size`² pixels; see `render.crop`."""
    count, extent, _ = source.shape
    image = torch.empty((count, size, size, 3), dtype=torch.uint8, device=source.device)
    with torch.cuda.device_of(source):
        _crop[(triton.cdiv(size, _CROP_TILE) ** 2, count)](
            image,
            source,
            origin.contiguous(),
            pitch.contiguous(),
            center.contiguous(),
            side.contiguous(),
            frame.contiguous(),
            fill.contiguous(),
            extent,
            size,
            TILE=_CROP_TILE,
            num_warps=2,
        )
    return image


@triton.jit
def _crop(
    images,
    source,
    origins,
    pitches,
    centers,
    sides,
    frames,
    fills,
    extent,
    size,
    TILE: tl.constexpr,
):
    image = tl.program_id(1)
    across = tl.cdiv(size, TILE)
    row = tl.program_id(0) // across * TILE + tl.arange(0, TILE)
    column = tl.program_id(0) % across * TILE + tl.arange(0, TILE)
    origin, center, frame = origins + 2 * image, centers + 2 * image, frames + 4 * image
    step, pitch = tl.load(sides + image) / size, tl.load(pitches + image)
    left, right, part_x, outside_x = _sample_axis(
        column, size, step, pitch, center, origin, frame, extent
    )
    top, bottom, part_y, outside_y = _sample_axis(
        row, size, step, pitch, center + 1, origin + 1, frame + 1, extent
    )
    source += image.to(tl.int64) * extent * extent
    upper, lower = source + top[:, None] * extent, source + bottom[:, None] * extent
    a, b = tl.load(upper + left[None, :]), tl.load(upper + right[None, :])
    c, d = tl.load(lower + left[None, :]), tl.load(lower + right[None, :])
    outside = outside_y[:, None] | outside_x[None, :]
    inside = (row < size)[:, None] & (column < size)[None, :]
    place = (image.to(tl.int64) * size * size + row[:, None] * size + column[None, :]) * 3
    for channel in tl.static_range(3):
        value = blended(a, b, c, d, 8 * channel, part_x[None, :], part_y[:, None])
        value = tl.where(outside, tl.load(fills + 3 * image + channel), value)
        tl.store(images + place + channel, rounded(value * 255).to(tl.uint8), mask=inside)


@triton.jit
def _sample_axis(number, size, step, pitch, center, origin, frame, extent):
    """Return source pixels, weight and out-of-frame flag for a crop's pixels on one axis."""
    world = tl.load(center) + (number + 0.5 - size / 2) * step
    position = (world - tl.load(origin)) / pitch
    corner = tl.floor(position)
    first = within(corner.to(tl.int32), extent)
    second = tl.minimum(first + 1, extent - 1)
    outside = (world < tl.load(frame)) | (world > tl.load(frame + 2))
    return first, second, tl.clamp(position - corner, 0.0, 1.0), outside
