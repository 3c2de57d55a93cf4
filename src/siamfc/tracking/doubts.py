"""Review of a track: the stretches that are most likely wrong, worst first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from siamfc import boxes as box_formats
from siamfc.array_types import BoolArray, FloatArray
from siamfc.tracking.fusion import AGREEMENT
from siamfc.tracking.results import FrameResult, Status, in_order

LOW_SCORE = 0.7
"""Scores below this are a reason to review a frame."""
LONG_JUMP = 0.5
"""Largest change of velocity between frames, in target sizes, that is no reason to review."""
QUICK_GROWTH = 0.25
"""Largest change of the logarithmic size between frames that is no reason to review."""
_JOINED = 3
"""Doubtful frames at most this far apart belong to one stretch."""
_AGREEMENT_WEIGHT = 0.1
_JUMP_WEIGHT = 0.1


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A stretch of frames in which a target's boxes may be wrong."""

    target: int
    """Number of the target, from 1, as in result files."""
    name: str
    """Name of the target; empty if it has none."""
    start: int
    """First frame."""
    end: int
    """Last frame."""
    worst: int
    """Most doubtful frame, the one to look at."""
    start_time: float
    """Time of the first frame, in seconds from the source's start; NaN if it has no clock."""
    end_time: float
    """Time of the last frame, likewise."""
    doubt: float
    """Doubt about the worst frame, in [0, 1]."""
    reasons: tuple[str, ...]
    """Any of: `lost`, `low score`, `jump`, `sudden growth`, `directions disagree`."""


def review(results: Iterable[FrameResult]) -> list[Doubt]:
    """List the stretches of a track that need a review, the most doubtful first.

    The score counts most: on real videos it is by far the best predictor of wrong boxes. Jumps and
    disagreement between the two directions add a little. A disagreement without any other reason
    is listed as a stretch of its own: usually only one direction was wrong, and the other was used.

    Args:
        results: results of consecutive frames; unknown scores count as 1.
    """
    results = in_order(results)
    if not results:
        return []
    found = [
        doubt
        for target in range(len(results[0].boxes))
        for doubt in _review_target(results, target)
    ]
    return sorted(found, key=lambda one: (-one.doubt, one.start, one.target))


def time_code(seconds: float) -> str:
    """Format a time as `--box` and `--start` accept it: minutes, seconds, tenths; empty for NaN.

    >>> time_code(83.46), time_code(3.2), time_code(3720)
    ('1:23.5', '0:03.2', '1:02:00.0')
    """
    if math.isnan(seconds):
        return ""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def _review_target(results: Sequence[FrameResult], target: int) -> Iterator[Doubt]:
    doubts, reasons = _doubts(results, target)
    names = results[0].names
    *others, disagree = (flags.copy() for flags in reasons.values())
    serious = list(_stretches(np.any(others, axis=0)))
    disagree[[place for places in serious for place in places]] = False
    for places in [*serious, *_stretches(disagree)]:
        worst = places[int(doubts[places].argmax())]
        yield Doubt(
            target=target + 1,
            name=names[target] if names else "",
            start=results[places[0]].index,
            end=results[places[-1]].index,
            worst=results[worst].index,
            start_time=results[places[0]].time,
            end_time=results[places[-1]].time,
            doubt=float(doubts[worst]),
            reasons=tuple(name for name, flags in reasons.items() if flags[places].any()),
        )


def _doubts(
    results: Sequence[FrameResult], target: int
) -> tuple[FloatArray, Mapping[str, BoolArray]]:
    """Return the doubt about each of F boxes, (F,), and a flag (F,) for each possible reason."""
    boxes = np.stack([result.boxes[target] for result in results])
    scores = np.nan_to_num([result.scores[target] for result in results], nan=1.0)
    agreements = np.array([_agreement(result, target) for result in results])
    given = np.array(
        [Status.KEYFRAME in result.statuses[target : target + 1] for result in results]
    )
    lost = np.array(
        [result.lost_flags is not None and result.lost_flags[target] for result in results]
    )
    frames = np.array([result.index for result in results], dtype=np.float64)
    jumps, growths = _jumps(frames, boxes)
    reasons = {
        "lost": lost,
        "low score": scores < LOW_SCORE,
        "jump": jumps > LONG_JUMP,
        "sudden growth": growths > QUICK_GROWTH,
        "directions disagree": agreements < AGREEMENT,
    }
    restless = np.maximum(jumps / LONG_JUMP, growths / QUICK_GROWTH)
    sure = scores * (1 - _AGREEMENT_WEIGHT * (1 - np.nan_to_num(agreements, nan=0.5)))
    sure *= 1 - _JUMP_WEIGHT * np.minimum(restless / 2, 1)
    sure[given] = 1.0
    return 1 - sure, {name: flags & ~given for name, flags in reasons.items()}


def _agreement(result: FrameResult, target: int) -> float:
    return math.nan if result.agreements is None else float(result.agreements[target])


def _jumps(frames: FloatArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return changes of velocity (in target sizes) and of logarithmic size between frames: (F,).

    A change of velocity is twice the distance from the line between the neighbours, which takes
    account of unequal steps between the frames, as a key frame among every tenth makes.
    """
    sizes = np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], np.finfo(float).tiny))
    jumps, growths = np.zeros(len(boxes)), np.zeros(len(boxes))
    if len(frames) > 2:
        centers = box_formats.center(boxes)
        progress = (frames[1:-1] - frames[:-2]) / (frames[2:] - frames[:-2])
        line = centers[:-2] + progress[:, None] * (centers[2:] - centers[:-2])
        jumps[1:-1] = 2 * np.linalg.norm(centers[1:-1] - line, axis=1) / sizes[1:-1]
    growths[1:] = np.abs(np.diff(np.log(sizes)))
    return np.nan_to_num(jumps), np.nan_to_num(growths)


def _stretches(flags: BoolArray) -> Iterator[list[int]]:
    """Yield runs of indices whose flag is set; runs with small gaps between them are merged."""
    places = np.flatnonzero(flags)
    if len(places):
        for run in np.split(places, np.flatnonzero(np.diff(places) > _JOINED) + 1):
            yield list(range(int(run[0]), int(run[-1]) + 1))
