"""Dead leaves, `leaves.throw_leaves`: each tile of a texture with all leaves that touch it."""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

from itertools import accumulate

import torch
import triton
import triton.language as tl
from torch import Tensor

from siamfc.procedural.kernels.arithmetic import level, sine
from siamfc.procedural.leaves import Leaves

_TILE = 16
_WIDTHS = {
    "center": 2,
    "radius": 1,
    "stretch": 1,
    "direction": 2,
    "exponent": 1,
    "first": 3,
    "second": 3,
    "waves": 1,
    "checked": 1,
    "turn": 2,
    "sharpness": 1,
    "kind": 1,
    "relief": 1,
}
_STARTS = dict(zip(_WIDTHS, accumulate(_WIDTHS.values(), initial=0), strict=False))

_CENTER = tl.constexpr(_STARTS["center"])
_RADIUS = tl.constexpr(_STARTS["radius"])
_STRETCH = tl.constexpr(_STARTS["stretch"])
_DIRECTION = tl.constexpr(_STARTS["direction"])
_EXPONENT = tl.constexpr(_STARTS["exponent"])
_FIRST = tl.constexpr(_STARTS["first"])
_SECOND = tl.constexpr(_STARTS["second"])
_WAVES = tl.constexpr(_STARTS["waves"])
_CHECKED = tl.constexpr(_STARTS["checked"])
_TURN = tl.constexpr(_STARTS["turn"])
_SHARPNESS = tl.constexpr(_STARTS["sharpness"])
_KIND = tl.constexpr(_STARTS["kind"])
_RELIEF = tl.constexpr(_STARTS["relief"])


def throw_leaves(canvas: Tensor, relief: Tensor, leaves: Leaves, bare: Tensor) -> Tensor:
    """Cover canvases with leaves; see `leaves.throw_leaves`."""
    count, size, _, _ = canvas.shape
    table = torch.cat([getattr(leaves, name) for name in _WIDTHS], -1)
    packed = torch.empty((count, size, size), dtype=torch.int32, device=canvas.device)
    with torch.cuda.device_of(canvas):
        _throw[(triton.cdiv(size, _TILE) ** 2, count)](
            packed,
            canvas.contiguous(),
            relief.contiguous(),
            table,
            bare,
            SIZE=size,
            LEAVES=len(table) // count,
            COLUMNS=table.shape[1],
            TILE=_TILE,
            num_warps=1,
        )
    return packed


@triton.jit
def _throw(
    packed,
    canvas,
    reliefs,
    table,
    bare,
    SIZE: tl.constexpr,
    LEAVES: tl.constexpr,
    COLUMNS: tl.constexpr,
    TILE: tl.constexpr,
):
    image = tl.program_id(1)
    across: tl.constexpr = SIZE // TILE
    top, left = tl.program_id(0) // across * TILE, tl.program_id(0) % across * TILE
    row, column = top + tl.arange(0, TILE)[:, None], left + tl.arange(0, TILE)[None, :]
    place = image.to(tl.int64) * SIZE * SIZE + row * SIZE + column
    red, green = tl.load(canvas + 3 * place), tl.load(canvas + 3 * place + 1)
    blue = tl.load(canvas + 3 * place + 2)
    relief = tl.load(reliefs + place)
    grown = tl.load(bare + image) == 0
    for layer in range(LEAVES):
        leaf = table + (image * LEAVES + layer) * COLUMNS
        if grown & _touches(leaf, left + TILE / 2, top + TILE / 2, TILE / 2, SIZE):
            cover, mix, light = _leaf(leaf, column + 0.5, row + 0.5, relief, SIZE)
            red = _over(red, leaf, 0, cover, mix, light)
            green = _over(green, leaf, 1, cover, mix, light)
            blue = _over(blue, leaf, 2, cover, mix, light)
    tl.store(packed + place, level(red) | (level(green) << 8) | (level(blue) << 16))


@triton.jit
def _wrapped(distance, SIZE: tl.constexpr):
    """Return the shortest distance on the torus, in −SIZE/2 … SIZE/2."""
    return distance - SIZE * tl.floor(distance / SIZE + 0.5)


@triton.jit
def _touches(leaf, x, y, half, SIZE: tl.constexpr):
    """Return True if a leaf may cover part of the square about x, y with half side `half`."""
    radius, stretch = tl.load(leaf + _RADIUS), tl.load(leaf + _STRETCH)
    long, short = (radius + 1) / stretch, (radius + 1) * stretch
    turn_x, turn_y = tl.abs(tl.load(leaf + _DIRECTION)), tl.abs(tl.load(leaf + _DIRECTION + 1))
    dx, dy = (
        _wrapped(x - tl.load(leaf + _CENTER), SIZE),
        _wrapped(y - tl.load(leaf + _CENTER + 1), SIZE),
    )
    wide, high = turn_x * long + turn_y * short, turn_y * long + turn_x * short
    return (tl.abs(dx) <= wide + half) & (tl.abs(dy) <= high + half)


@triton.jit
def _leaf(leaf, x, y, relief, SIZE: tl.constexpr):
    """Return cover, fraction of the second colour, and brightness of one leaf at texels."""
    dx, dy = (
        _wrapped(x - tl.load(leaf + _CENTER), SIZE),
        _wrapped(y - tl.load(leaf + _CENTER + 1), SIZE),
    )
    cosine_x, sine_x = tl.load(leaf + _DIRECTION), tl.load(leaf + _DIRECTION + 1)
    radius, stretch = tl.load(leaf + _RADIUS), tl.load(leaf + _STRETCH)
    u = (cosine_x * dx + sine_x * dy) / radius * stretch
    v = (cosine_x * dy - sine_x * dx) / radius / stretch
    exponent = tl.load(leaf + _EXPONENT)
    power = tl.exp2(exponent * tl.log2(tl.maximum(tl.abs(u), 1e-12)))
    power += tl.exp2(exponent * tl.log2(tl.maximum(tl.abs(v), 1e-12))) + 1e-9
    distance = tl.exp2(tl.log2(power) / exponent)
    cover = tl.clamp((1 - distance) * radius + 0.5, 0.0, 1.0)

    turn_x, turn_y = tl.load(leaf + _TURN), tl.load(leaf + _TURN + 1)
    along, aside = turn_x * u + turn_y * v, turn_x * v - turn_y * u
    kind = tl.load(leaf + _KIND)
    if kind < 0.3:
        frequency = 3.141592653589793 * tl.load(leaf + _WAVES)
        wave = sine(frequency * along)
        if tl.load(leaf + _CHECKED) > 0:
            wave *= sine(frequency * aside)
        mix = tl.sigmoid(tl.load(leaf + _SHARPNESS) * wave)
    elif kind < 0.6:
        mix = tl.clamp(0.5 + 0.5 * along, 0.0, 1.0)
    elif kind <= 0.85:
        mix = tl.clamp(0.5 + 0.35 * relief, 0.0, 1.0)
    else:
        mix = along * 0
    light = 1 + tl.load(leaf + _RELIEF) * (0.6 * relief + 0.5 * along)
    return cover, mix, tl.clamp(light, 0.3, 1.7)


@triton.jit
def _over(below, leaf, CHANNEL: tl.constexpr, cover, mix, light):
    """Blend one channel of a leaf over the colour below."""
    first, second = tl.load(leaf + _FIRST + CHANNEL), tl.load(leaf + _SECOND + CHANNEL)
    color = (first + (second - first) * mix) * light
    return below + cover * (color - below)
