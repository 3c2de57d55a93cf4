"""Painting of a view, `render.paint`: front to back, each pixel's visible layer once."""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import torch
import triton
import triton.language as tl
from torch import Tensor

from siamfc.procedural.kernels.arithmetic import blended, rounded
from siamfc.procedural.kernels.camera import TAPS, TILE, apply_camera, covers_window
from siamfc.procedural.kernels.layers import (
    GAIN,
    OFFSET,
    RIM,
    SHADE,
    TEXEL,
    TEXEL_OFFSET,
    TEXTURE,
    shape,
    table_of,
    touches,
)
from siamfc.procedural.render import Camera
from siamfc.procedural.scene import View

_WARPS = 1


def render_source(
    view: View,
    bank: Tensor,
    camera: Camera,
    origin: Tensor,
    pitch: Tensor,
    size: int,
    generator: torch.Generator,
    window: Tensor | None = None,
) -> Tensor:
    """Draw source images, see `render.render_source`; pixels outside the window are undefined."""
    painted = paint(view, bank, camera, origin, pitch, size, window)
    return apply_camera(painted, camera, generator, window)


def paint(
    view: View,
    bank: Tensor,
    camera: Camera,
    origin: Tensor,
    pitch: Tensor,
    size: int,
    window: Tensor | None = None,
) -> Tensor:
    """Paint the scene, before the camera, on the source's pixels: (B, size, size) int32.

    A word holds red, green and blue on 1024, 2048 and 1024 levels; the camera's steps are at least
    four times as large.
    """
    table = table_of(view)
    count, layers, columns = table.shape
    painted = torch.empty((count, size, size), dtype=torch.int32, device=table.device)
    tiles = triton.cdiv(size, TILE) ** 2
    with torch.cuda.device_of(table):
        _paint[(tiles, count)](
            painted,
            table.contiguous(),
            bank,
            origin.contiguous(),
            pitch.contiguous(),
            view.exposure.contiguous(),
            view.gamma.contiguous(),
            camera.motion.contiguous(),
            origin if window is None else window.contiguous(),
            size,
            TEXTURE_SIZE=bank.shape[-1],
            LAYERS=layers,
            COLUMNS=columns,
            WINDOWED=window is not None,
            TILE=TILE,
            num_warps=_WARPS,
        )
    return painted


@triton.jit
def _paint(
    painted,
    table,
    bank,
    origins,
    pitches,
    exposures,
    gammas,
    motions,
    windows,
    size,
    TEXTURE_SIZE: tl.constexpr,
    LAYERS: tl.constexpr,
    COLUMNS: tl.constexpr,
    WINDOWED: tl.constexpr,
    TILE: tl.constexpr,
):
    image = tl.program_id(1)
    across = tl.cdiv(size, TILE)
    top, left = tl.program_id(0) // across * TILE, tl.program_id(0) % across * TILE
    if WINDOWED:
        reach_x = TAPS + tl.ceil(tl.abs(tl.load(motions + 2 * image)))
        reach_y = TAPS + tl.ceil(tl.abs(tl.load(motions + 2 * image + 1)))
        if not covers_window(windows + 4 * image, left, top, reach_x, reach_y, TILE):
            return
    row, column = top + tl.arange(0, TILE)[:, None], left + tl.arange(0, TILE)[None, :]
    pitch = tl.load(pitches + image)
    origin_x, origin_y = tl.load(origins + 2 * image), tl.load(origins + 2 * image + 1)
    x, y = origin_x + column * pitch, origin_y + row * pitch
    x, y = tl.broadcast(x, y)
    half = (TILE - 1) / 2
    middle_x, middle_y = origin_x + (left + half) * pitch, origin_y + (top + half) * pitch

    seen = tl.full((TILE, TILE), -1, tl.int32)
    open_pixels = TILE * TILE + 0 * image
    for layer in range(LAYERS):
        if open_pixels > 0:
            entry = table + (image * LAYERS + layer) * COLUMNS
            last = layer == LAYERS - 1
            if last | touches(entry, middle_x, middle_y, half * pitch):
                u, v, inside = shape(entry, x, y)
                won = (seen < 0) & (last | (inside > 0))
                won_pixels = tl.sum(won.to(tl.int32))
                if won_pixels > 0:
                    texture = bank + tl.load(entry + TEXTURE).to(tl.int64) * TEXTURE_SIZE**2
                    red, green, blue = _surface(entry, texture, TEXTURE_SIZE, u, v, inside, won)
                    color = _apply_exposure(red, exposures + 3 * image, gammas + image, 1023)
                    color |= (
                        _apply_exposure(green, exposures + 3 * image + 1, gammas + image, 2047)
                        << 10
                    )
                    color |= (
                        _apply_exposure(blue, exposures + 3 * image + 2, gammas + image, 1023) << 21
                    )
                    seen = tl.where(won, color, seen)
                    open_pixels -= won_pixels
    place = image.to(tl.int64) * size * size + row * size + column
    tl.store(painted + place, seen, mask=(row < size) & (column < size))


@triton.jit
def _surface(entry, texture, SIZE: tl.constexpr, u, v, inside, won):
    """Return a layer's colour where it is visible: tinted, lit texture; red, green, blue."""
    column = u * tl.load(entry + TEXEL) + tl.load(entry + TEXEL_OFFSET)
    row = v * tl.load(entry + TEXEL + 1) + tl.load(entry + TEXEL_OFFSET + 1)
    left, top = tl.floor(column), tl.floor(row)
    across, down = column - left, row - top
    left, top = left.to(tl.int32) & (SIZE - 1), top.to(tl.int32) & (SIZE - 1)
    right, bottom = (left + 1) & (SIZE - 1), (top + 1) & (SIZE - 1)
    upper, lower = texture + top * SIZE, texture + bottom * SIZE
    texel_a = tl.load(upper + left, mask=won, other=0)
    texel_b = tl.load(upper + right, mask=won, other=0)
    texel_c = tl.load(lower + left, mask=won, other=0)
    texel_d = tl.load(lower + right, mask=won, other=0)
    tilt = tl.load(entry + SHADE) * tl.clamp(u, -1.5, 1.5)
    tilt += tl.load(entry + SHADE + 1) * tl.clamp(v, -1.5, 1.5)
    light = tl.clamp(1 + tilt, 0.3, 1.8)
    light *= 1 - tl.load(entry + RIM) * tl.exp(-tl.maximum(inside, 0.0) / 0.12)
    red = blended(texel_a, texel_b, texel_c, texel_d, 0, across, down)
    green = blended(texel_a, texel_b, texel_c, texel_d, 8, across, down)
    blue = blended(texel_a, texel_b, texel_c, texel_d, 16, across, down)
    red = (red * tl.load(entry + GAIN) + tl.load(entry + OFFSET)) * light
    green = (green * tl.load(entry + GAIN + 1) + tl.load(entry + OFFSET + 1)) * light
    blue = (blue * tl.load(entry + GAIN + 2) + tl.load(entry + OFFSET + 2)) * light
    return red, green, blue


@triton.jit
def _apply_exposure(value, exposure, gamma, LEVELS: tl.constexpr):
    """Apply gamma and exposure to a channel, and quantise it to whole levels."""
    power = tl.load(gamma) * tl.log2(tl.clamp(value, 1e-4, 2.0))
    value = tl.minimum(tl.exp2(power) * tl.load(exposure), 1.0)
    return rounded(value * LEVELS).to(tl.int32)
