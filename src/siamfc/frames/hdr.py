"""Tone mapping from high to standard dynamic range: PQ or HLG video as BT.709.

PQ and HLG are decoded to light according to ITU-R BT.2100, BT.2020 primaries are converted to
BT.709, and the range up to 1000 cd/m² is mapped to that of a display whose white is BT.2408's
reference white, 203 cd/m², by the curve of BT.2390 (a Hermite spline above the knee, per channel).
All of this is one table, from the picture's coded values to 8-bit ones.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter

PQ, HLG = 16, 18
"""Transfer functions by their numbers in H.273."""

_SOURCE_PEAK = 1000.0
"""Peak luminance in cd/m² of the nominal HLG display, and of most PQ mastering."""
_WHITE = 203.0
_GAMMA = 2.4
"""Gamma of BT.1886, the display for which BT.709 video is intended."""
_HLG_SYSTEM_GAMMA = 1.2
_TABLE_SIZE = 33

FloatArray = NDArray[np.float64]

_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
"""Matrix from linear BT.2020 (ITU-R BT.2087)."""
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])


@lru_cache(2)
def tone_map(transfer: int) -> ImageFilter.Color3DLUT:
    """Return the table for a transfer function, `PQ` or `HLG`, as a Pillow filter."""
    steps = np.linspace(0, 1, _TABLE_SIZE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
    coded = np.stack([red, green, blue], axis=-1)
    light = _pq_to_light(coded) if transfer == PQ else _hlg_to_light(coded)
    shown = _roll_off(np.clip(light @ _TO_BT709.T, 0, _SOURCE_PEAK))
    values = np.clip(shown / _WHITE, 0, 1) ** (1 / _GAMMA)
    return ImageFilter.Color3DLUT(_TABLE_SIZE, values.ravel().tolist())


def _pq_to_light(coded: FloatArray) -> FloatArray:
    """Convert PQ values in 0–1 to cd/m² (SMPTE ST 2084)."""
    power = coded ** (32 / 2523)
    return np.asarray(
        10000
        * (np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)) ** (16384 / 2610)
    )


def _light_to_pq(light: FloatArray) -> FloatArray:
    power = (light / 10000) ** (2610 / 16384)
    return np.asarray(
        ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    )


def _hlg_to_light(coded: FloatArray) -> FloatArray:
    """Convert HLG to cd/m² on the nominal display (ARIB STD-B67, BT.2100's system gamma)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    luminance = np.maximum(scene @ _LUMINANCE, 1e-6)[..., None]
    return np.asarray(_SOURCE_PEAK * luminance ** (_HLG_SYSTEM_GAMMA - 1) * scene)


def _roll_off(light: FloatArray) -> FloatArray:
    """Apply BT.2390's curve from the source's peak to the display's white; black stays black."""
    peak = _light_to_pq(np.array(_SOURCE_PEAK))
    top = _light_to_pq(np.array(_WHITE)) / peak
    coded = _light_to_pq(light) / peak
    knee = 1.5 * top - 0.5
    t = (np.maximum(coded, knee) - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * top
    )
    return _pq_to_light(np.where(coded < knee, coded, spline) * peak)
