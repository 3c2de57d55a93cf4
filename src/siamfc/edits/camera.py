"""The path of a virtual camera: calm, within the frame, and with its target in view.

A path p is the minimum of the sum of its squared accelerations, where |acceleration| ≤ limit and
the cut stays in the frame, plus penalties for the target leaving the dead zone, and the cut. It is
convex, and solved for the whole path at once by ADMM (Boyd et al. 2011, section 5): the linear step
is diagonal under the cosine transform, so a step takes two of NumPy's FFTs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siamfc.array_types import FloatArray

_STEPS = 600
_OVER_RELAXATION = 1.6
_ZONE_WEIGHT = 0.002
_CUT_WEIGHT = 0.2
"""Weights of the squared distances outside the dead zone and outside the cut, in units of the
limit."""
_FRAME_STIFFNESS = 0.003
"""ADMM penalty of the bounded path; that of its acceleration is 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bounds:
    """Lower and upper bounds of one coordinate of the path in each of F frames, (F,) each."""

    zone: tuple[FloatArray, FloatArray]
    """Bounds that hold the target in the dead zone."""
    cut: tuple[FloatArray, FloatArray]
    """Bounds that hold the target in the cut."""
    frame: tuple[FloatArray, FloatArray]
    """Bounds that hold the cut in the frame; never exceeded."""


def plan_path(bounds: Bounds, limit: float) -> FloatArray:
    """Plan one coordinate of the path (F,); its acceleration hardly exceeds `limit` pixels/frame².

    It begins and ends at rest. `limit_acceleration` makes the bound exact.
    """
    (zone_low, zone_high), (cut_low, cut_high), (low, high) = (
        tuple(np.asarray(one) / limit for one in pair)
        for pair in (bounds.zone, bounds.cut, bounds.frame)
    )
    path = np.clip((zone_low + zone_high) / 2, low, high)
    count = len(path)
    if count < 2:
        return path * limit
    eigenvalues = 2 - 2 * np.cos(np.pi * np.arange(count + 1) / count)
    weights = _FRAME_STIFFNESS + eigenvalues**2
    turn, place = second_difference(path), path.copy()
    turn_dual, place_dual = np.zeros(count), np.zeros(count)
    for _ in range(_STEPS):
        target = _FRAME_STIFFNESS * (place - place_dual) + second_difference(turn - turn_dual)
        spectrum = np.fft.rfft(np.concatenate([target, target[::-1]]))
        path = np.fft.irfft(spectrum / weights, 2 * count)[:count]
        bend = _OVER_RELAXATION * second_difference(path) + (1 - _OVER_RELAXATION) * turn
        spot = _OVER_RELAXATION * path + (1 - _OVER_RELAXATION) * place
        turn = np.clip((bend + turn_dual) / 2, -1, 1)
        place = np.clip(
            _proximal_path(spot + place_dual, (zone_low, zone_high), (cut_low, cut_high)), low, high
        )
        turn_dual += bend - turn
        place_dual += spot - place
    return np.asarray(np.clip(path, low, high) * limit)


def _proximal_path(
    path: FloatArray, zone: tuple[FloatArray, FloatArray], cut: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Minimise the penalties plus the squared distance from `path`."""
    stiffness = _FRAME_STIFFNESS
    near = np.clip(path, *zone)
    pulled = (stiffness * path + _ZONE_WEIGHT * near) / (stiffness + _ZONE_WEIGHT)
    edge = np.clip(pulled, *cut)
    total = stiffness + _ZONE_WEIGHT + _CUT_WEIGHT
    both = (stiffness * path + _ZONE_WEIGHT * near + _CUT_WEIGHT * edge) / total
    return np.where(pulled == edge, pulled, both)


def limit_acceleration(paths: FloatArray, limits: FloatArray) -> FloatArray:
    """Smooth paths (F, K) until no acceleration is above its limit (K,), in pixels/frame².

    All coordinates are averaged over neighbouring frames alike, so what is in a frame stays in it:
    where a ≤ x + b·y holds in each frame it holds for averages too.
    """
    smooth = np.array(paths, dtype=np.float64)
    while len(smooth) > 1 and (np.abs(second_difference(smooth)) > limits).any():
        around = np.concatenate([smooth[:1], smooth, smooth[-1:]])
        smooth = around[:-2] / 4 + around[1:-1] / 2 + around[2:] / 4
    return smooth


def second_difference(path: FloatArray) -> FloatArray:
    """Acceleration of a path (F, …) that rests before its first and after its last frame.

    >>> second_difference(np.array([0.0, 0, 1, 3])).tolist()
    [0.0, 1.0, 1.0, -2.0]
    """
    steps = np.diff(path, axis=0)
    rest = np.zeros_like(path[:1])
    return np.diff(np.concatenate([rest, steps, rest]), axis=0)
