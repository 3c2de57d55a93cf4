"""Smoothing: a Rauch–Tung–Striebel smoother for the boxes of a whole video.

The centre moves at a constant velocity disturbed by white noise; the logarithm of width and height
is a random walk (Rauch, Tung, Striebel 1965; Särkkä, Bayesian Filtering and Smoothing, 2013,
chapter 8). Lengths are in units of the target's size. The jitter of a box with score 1 is fixed.
Targets differ widely in how they move, so the noise of the motion is chosen from a few values: the
one under which the boxes of the whole path are most probable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from siamfc import boxes as box_formats
from siamfc.array_types import BoolArray, FloatArray
from siamfc.tracking.results import FrameResult, Status, in_order

_CENTER_NOISE = 0.02
"""Standard deviation of the centre of a box whose score is 1, in sizes of the target; chosen by
`benchmarks/key_frames.py`, as is `_SIZE_NOISE`."""
_SIZE_NOISE = 0.05
"""Standard deviation of the logarithm of its width and height, likewise."""
_EXACT = 1e-4
"""Factor on both for a box that the user gave."""
_LEAST_SCORE = 0.1
"""Lowest effective score; lower ones are raised to it."""
_MOTIONS = np.geomspace(1e-5, 1, 11)
"""Standard deviations tried for the motion's noise per frame: of the centre in sizes, and of the
logarithmic size."""
_DIFFUSE = 1e4
"""Variance of the state before the first box."""


def smooth_results(results: Iterable[FrameResult]) -> list[FrameResult]:
    """Smooth the boxes of consecutive frames.

    Boxes given by the user stay as they are. A stretch in which a target is lost is bridged if the
    target is seen before and after it, and gets the status `INTERPOLATED`; otherwise its boxes
    stay. A box counts less the lower its score. Scores, lost flags and frames without a box stay as
    they are.
    """
    results = in_order(results)
    if not results:
        return []
    boxes = np.stack([result.boxes for result in results])
    statuses = [list(_statuses(result)) for result in results]
    frames = np.array([result.index for result in results], dtype=np.float64)
    for target in range(boxes.shape[1]):
        here = [row[target] for row in statuses]
        scores = np.array([result.scores[target] for result in results])
        path = _smooth_path(frames, boxes[:, target], scores, here)
        for row, place in enumerate(np.flatnonzero(path.inside)):
            if here[place] is Status.LOST:
                statuses[place][target] = Status.INTERPOLATED
            elif box_formats.is_absent(boxes[place, target]):
                continue
            boxes[place, target] = path.boxes[row]
    return [
        replace(result, boxes=box, statuses=tuple(row) if _knows_lost(result) else ())
        for result, box, row in zip(results, boxes, statuses, strict=True)
    ]


def _statuses(result: FrameResult) -> Sequence[Status]:
    """Return the origin of each box; if it is unknown, that of one that is lost or not."""
    flags = [False] * len(result.boxes) if result.lost_flags is None else result.lost_flags
    return result.statuses or [Status.LOST if flag else Status.TRACKED for flag in flags]


def _knows_lost(result: FrameResult) -> bool:
    return bool(result.statuses) or result.lost_flags is not None


class _Path(NamedTuple):
    inside: BoolArray
    """(F,) True from the first frame in which the target is seen to the last."""
    boxes: FloatArray
    """(inside, 4)"""


def _smooth_path(
    frames: FloatArray, boxes: FloatArray, scores: FloatArray, statuses: Sequence[Status]
) -> _Path:
    """Smooth one target's boxes (F, 4)."""
    given = np.array([status is Status.KEYFRAME for status in statuses])
    lost = np.array([status is Status.LOST for status in statuses])
    usable = ~box_formats.is_absent(boxes) & (boxes[:, 2:] > 0).all(axis=1)
    seen = usable & ~lost
    places = np.flatnonzero(seen)
    inside = np.zeros(len(frames), dtype=np.bool_)
    if len(places) < 3:
        return _Path(inside, boxes[:0])
    inside[places[0] : places[-1] + 1] = True
    size = np.sqrt(np.exp(np.log(boxes[seen, 2:]).mean(axis=0)).prod())
    noise = 1 / np.maximum(np.nan_to_num(scores, nan=1.0), _LEAST_SCORE)
    noise[given], noise[~seen] = _EXACT, np.inf
    noise, gaps = noise[inside], np.diff(frames[inside])
    centers = box_formats.center(boxes[inside]) / size
    logs = np.log(np.where(usable[:, None], boxes[:, 2:], 1.0))[inside]
    centers = _smooth_values(centers, _CENTER_NOISE * noise, *_constant_velocity(gaps))
    logs = _smooth_values(logs, _SIZE_NOISE * noise, *_random_walk(gaps))
    path = box_formats.from_center(centers * size, np.exp(logs))
    path[given[inside]] = boxes[given & inside]
    return _Path(inside, path)


# --- The smoother ---------------------------------------------------------------------------------


def _constant_velocity(gaps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return transitions and unit noise (F − 1, 2, 2) of a position and its velocity."""
    one, zero = np.ones_like(gaps), np.zeros_like(gaps)
    transitions = np.stack([one, gaps, zero, one], axis=-1)
    noise = np.stack([gaps**3 / 3, gaps**2 / 2, gaps**2 / 2, gaps], axis=-1)
    return transitions.reshape(-1, 2, 2), noise.reshape(-1, 2, 2)


def _random_walk(gaps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return transitions and unit noise (F − 1, 1, 1) of a random walk."""
    return np.ones((len(gaps), 1, 1)), gaps.reshape(-1, 1, 1)


def _smooth_values(
    values: FloatArray, deviations: FloatArray, transitions: FloatArray, noise: FloatArray
) -> FloatArray:
    """Smooth D series (F, D) that have the same noise.

    Args:
        values: (F, D); any number where nothing was measured.
        deviations: (F,) standard deviations of the measurements; infinite: no measurement.
        transitions: (F − 1, n, n) from each state to the next; the first element is measured.
        noise: (F − 1, n, n) covariance of the motion's noise at a standard deviation of 1.
    """
    measured, trials = np.square(deviations), np.square(_MOTIONS)
    evidence = sum(one.evidence for one in _filter(values, measured, transitions, noise, trials))
    best = trials[[int(np.argmax(evidence))]]
    found = list(_filter(values, measured, transitions, noise, best))
    means = np.concatenate([one.mean for one in found])
    covariances = np.concatenate([one.covariance for one in found])
    smoothed = means.copy()
    for place in range(len(values) - 2, -1, -1):
        step = transitions[place]
        ahead = step @ covariances[place] @ step.T + best * noise[place]
        gain = np.linalg.solve(ahead, step @ covariances[place]).T
        smoothed[place] += gain @ (smoothed[place + 1] - step @ means[place])
    return np.ascontiguousarray(smoothed[:, 0])


class _Filtered(NamedTuple):
    """Kalman filter's estimate for D series after one frame, under each of K trials."""

    mean: FloatArray
    """(K, n, D)"""
    covariance: FloatArray
    """(K, n, n), the same for all series."""
    evidence: FloatArray
    """(K,) twice the log likelihood of this measurement given all earlier ones, up to a
    constant."""


def _filter(
    values: FloatArray,
    measured: FloatArray,
    transitions: FloatArray,
    noise: FloatArray,
    trials: FloatArray,
) -> Iterator[_Filtered]:
    """Run a Kalman filter per trial: a factor on the variance of the motion's noise."""
    order, series = transitions.shape[-1], values.shape[1]
    mean = np.zeros((len(trials), order, series))
    mean[:, 0] = values[0]
    covariance = np.broadcast_to(_DIFFUSE * np.eye(order), (len(trials), order, order))
    for place, value in enumerate(values):
        if place:
            step = transitions[place - 1]
            mean = step @ mean
            drift = trials[:, None, None] * noise[place - 1]
            covariance = step @ covariance @ step.T + drift
        evidence = np.zeros(len(trials))
        if np.isfinite(measured[place]):
            innovation = value - mean[:, 0]
            total = covariance[:, 0, 0] + measured[place]
            gain = covariance[:, :, 0] / total[:, None]
            mean = mean + gain[:, :, None] * innovation[:, None]
            covariance = covariance - gain[:, :, None] * covariance[:, None, 0]
            evidence -= np.square(innovation).sum(axis=1) / total + series * np.log(total)
        yield _Filtered(mean, covariance, evidence)
