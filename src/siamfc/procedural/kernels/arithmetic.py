"""Arithmetic helpers shared by the kernels."""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import triton
import triton.language as tl


@triton.jit
def rounded(value):
    """Round to the nearest integer, halves to the even one, for |value| < 2²²."""
    return (value + 12582912.0) - 12582912.0


@triton.jit
def cosine(angle):
    """Return the cosine within 1e-6 for angles of a few turns."""
    turns = angle * 0.15915494309189535
    turns = tl.abs(turns - rounded(turns))
    x = (0.25 - turns) * 6.283185307179586
    square = x * x
    series = 2.7557319e-6 - 2.505210839e-8 * square
    series = -1.984126984e-4 + square * series
    series = 8.333333333e-3 + square * series
    series = -0.16666666667 + square * series
    return x + x * square * series


@triton.jit
def sine(angle):
    """Return the sine within 1e-6 for angles of a few turns."""
    return cosine(angle - 1.5707963267948966)


@triton.jit
def blended(texel_a, texel_b, texel_c, texel_d, SHIFT: tl.constexpr, across, down):
    """Interpolate one channel of four texels bilinearly, in [0, 1]."""
    a, b = ((texel_a >> SHIFT) & 255).to(tl.float32), ((texel_b >> SHIFT) & 255).to(tl.float32)
    c, d = ((texel_c >> SHIFT) & 255).to(tl.float32), ((texel_d >> SHIFT) & 255).to(tl.float32)
    upper, lower = a + (b - a) * across, c + (d - c) * across
    return (upper + (lower - upper) * down) / 255


@triton.jit
def level(value):
    """Quantise a channel in [0, 1] to 256 levels."""
    return rounded(tl.clamp(value, 0.0, 1.0) * 255).to(tl.int32)


@triton.jit
def within(number, size):
    """Clamp the index of an image's row or column to 0 … size − 1."""
    return tl.minimum(tl.maximum(number, 0), size - 1)
