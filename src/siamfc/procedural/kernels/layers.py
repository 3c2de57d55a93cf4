"""A view as one table, and the outline of its layers: `render._shape` for kernels.

An additional entry of the layers that bends the outline takes three lines: its width and its column
here, its effect in `shape`, and the same in `render._shape`.
"""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.

from itertools import accumulate

import torch
import triton
import triton.language as tl
from torch import Tensor

from siamfc.procedural.kernels.arithmetic import cosine, sine
from siamfc.procedural.scene import View

WIDTHS = {
    "to_local": 4,
    "shift": 2,
    "depth": 2,
    "wave": 2,
    "wave_size": 2,
    "wave_phase": 1,
    "exponent": 1,
    "harmonics": 6,
    "reach": 1,
    "edge": 1,
    "texture": 1,
    "texel": 2,
    "texel_offset": 2,
    "gain": 3,
    "offset": 3,
    "shade": 2,
    "rim": 1,
}
"""Number of table columns for each entry of a view's layers."""
_STARTS = dict(zip([*WIDTHS, "bounds"], accumulate(WIDTHS.values(), initial=0), strict=True))

TO_LOCAL = tl.constexpr(_STARTS["to_local"])
SHIFT = tl.constexpr(_STARTS["shift"])
DEPTH = tl.constexpr(_STARTS["depth"])
WAVE = tl.constexpr(_STARTS["wave"])
WAVE_SIZE = tl.constexpr(_STARTS["wave_size"])
WAVE_PHASE = tl.constexpr(_STARTS["wave_phase"])
EXPONENT = tl.constexpr(_STARTS["exponent"])
HARMONICS = tl.constexpr(_STARTS["harmonics"])
REACH = tl.constexpr(_STARTS["reach"])
EDGE = tl.constexpr(_STARTS["edge"])
TEXTURE = tl.constexpr(_STARTS["texture"])
TEXEL = tl.constexpr(_STARTS["texel"])
TEXEL_OFFSET = tl.constexpr(_STARTS["texel_offset"])
GAIN = tl.constexpr(_STARTS["gain"])
OFFSET = tl.constexpr(_STARTS["offset"])
SHADE = tl.constexpr(_STARTS["shade"])
RIM = tl.constexpr(_STARTS["rim"])
BOUNDS = tl.constexpr(_STARTS["bounds"])

_TABLE = "table"
_EVERYWHERE = 1e30
_ROOM = 1e-3
"""Relative margin of a layer's bounds, for rounding errors."""


def prepare(view: View) -> View:
    """Return the view with its layers in one table, (B, L, columns), including their bounds."""
    return view._replace(layers={_TABLE: table_of(view)})


def table_of(view: View) -> Tensor:
    """Return the table of a view, prepared or not: (B, L, columns) float32."""
    layers = view.layers
    if _TABLE in layers:
        return layers[_TABLE]
    count, number = layers["reach"].shape
    columns = [layers[name].reshape(count, number, width) for name, width in WIDTHS.items()]
    return torch.cat([*columns, _bounds(layers)], -1)


def _bounds(layers: dict[str, Tensor]) -> Tensor:
    """Return each layer's bounds before perspective: smallest u, v and largest u, v, (B, L, 4).

    The outline extends no farther than its ripples, the wave moves it by at most its swing, and
    perspective turns the resulting rectangle into a quadrilateral.
    """
    reach = layers["reach"] + layers["harmonics"][..., 0].abs().sum(-1)
    reach, phase = reach[..., None], layers["wave_phase"][..., None]
    ends = torch.stack([layers["wave_size"] * (side - torch.sin(phase)) for side in (-1, 1)])
    (left, top), (right, bottom) = (
        (-reach - ends.amax(0)).unbind(-1),
        (reach - ends.amin(0)).unbind(-1),
    )
    corners = torch.stack(
        [torch.stack([u, v], -1) for u in (left, right) for v in (top, bottom)], -2
    )
    shrinking = 1 - (layers["depth"][..., None, :] * corners).sum(-1)
    corners = corners / shrinking[..., None]
    least, largest = corners.amin(-2), corners.amax(-2)
    # On steeper slopes the depth is clamped, or the horizon becomes visible.
    steep = ((shrinking.amin(-1) < 0.05) | (shrinking.amax(-1) > 2.5))[..., None]
    least = torch.where(steep, -_EVERYWHERE, least - _ROOM * (1 + least.abs()))
    largest = torch.where(steep, _EVERYWHERE, largest + _ROOM * (1 + largest.abs()))
    least = torch.where(reach > 0, least, _EVERYWHERE)
    return torch.cat([least, largest], -1)


@triton.jit
def shape(entry, x, y):
    """Compute `render._shape` of the layer whose table row is at `entry`: u, v, inside."""
    u = tl.load(entry + TO_LOCAL) * x + tl.load(entry + TO_LOCAL + 1) * y + tl.load(entry + SHIFT)
    v = tl.load(entry + TO_LOCAL + 2) * x + tl.load(entry + TO_LOCAL + 3) * y
    v += tl.load(entry + SHIFT + 1)
    depth = 1 + tl.load(entry + DEPTH) * u + tl.load(entry + DEPTH + 1) * v
    nearness = 1 / tl.maximum(depth, 0.4)
    u *= nearness
    v *= nearness
    phase = tl.load(entry + WAVE_PHASE)
    swing = sine(tl.load(entry + WAVE) * u + tl.load(entry + WAVE + 1) * v + phase) - sine(phase)
    u += tl.load(entry + WAVE_SIZE) * swing
    v += tl.load(entry + WAVE_SIZE + 1) * swing

    exponent = tl.load(entry + EXPONENT)
    wide, high = tl.abs(u), tl.abs(v)
    longer = tl.maximum(tl.maximum(wide, high), 1e-12)
    ratio = tl.minimum(wide, high) / longer
    power = 1 + tl.exp2(exponent * tl.log2(tl.maximum(ratio, 1e-12)))
    radius = longer * tl.exp2(tl.log2(power) / exponent)

    # The arctangent of the ratio, within 2e-6, extended to all four quadrants.
    square = ratio * ratio
    series = 0.05264733 - 0.01171912 * square
    series = -0.1164265 + square * series
    series = 0.19354041 + square * series
    series = -0.33262284 + square * series
    angle = ratio * (0.99997722 + square * series)
    angle = tl.where(high > wide, 1.5707963267948966 - angle, angle)
    angle = tl.where(u < 0, 3.141592653589793 - angle, angle)
    angle = tl.where(v < 0, -angle, angle)
    outline = tl.load(entry + REACH)
    for ripple in tl.static_range(2):
        row = entry + HARMONICS + 3 * ripple
        outline += tl.load(row) * cosine(tl.load(row + 1) * angle + tl.load(row + 2))
    return u, v, outline - radius


@triton.jit
def touches(entry, x, y, half):
    """Return True if a layer may be visible in the square about x, y with half side `half`."""
    a, b = tl.load(entry + TO_LOCAL), tl.load(entry + TO_LOCAL + 1)
    c, d = tl.load(entry + TO_LOCAL + 2), tl.load(entry + TO_LOCAL + 3)
    u = a * x + b * y + tl.load(entry + SHIFT)
    v = c * x + d * y + tl.load(entry + SHIFT + 1)
    wide, high = (tl.abs(a) + tl.abs(b)) * half, (tl.abs(c) + tl.abs(d)) * half
    across = (u + wide >= tl.load(entry + BOUNDS)) & (u - wide <= tl.load(entry + BOUNDS + 2))
    down = (v + high >= tl.load(entry + BOUNDS + 1)) & (v - high <= tl.load(entry + BOUNDS + 3))
    return across & down
