"""OTB's robustness protocols: other starts in time (TRE) and space (SRE).

From the benchmark's toolkit (Wu et al., TPAMI 2015): `splitSeqTRE.m`, `shiftInitBB.m`, and
`genPerfMat.m`, which scores all runs of a sequence as one.
"""

from functools import partial

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.boxes import is_absent
from siamfc.datasets.sequences import Sequence
from siamfc.evaluation.runs import Pass

SEGMENTS = 20
"""Starts per sequence in TRE."""
SHORTEST_SEGMENT = 20
"""Frames that remain after the last start."""
SHIFTS = (
    "left",
    "right",
    "up",
    "down",
    "topLeft",
    "topRight",
    "bottomLeft",
    "bottomRight",
    "scale_8",
    "scale_9",
    "scale_11",
    "scale_12",
)
"""Initial boxes in SRE, by the toolkit's names: moved by a tenth of the size, one corner moved out
by a tenth, and scaled by 0.8, 0.9, 1.1 and 1.2.
"""

_SHIFT = 0.1
_FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])
_SIDES = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "down": (1, 1)}


def temporal_runs(sequence: Sequence) -> list[Pass]:
    """Return runs from each of 20 frames to the sequence's end.

    Fewer than 38 usable frames repeat some of them. A run can start in a frame whose box does not
    start left of or above the frame. Deviation: the toolkit's list of frames to leave out
    (`initOmit`) is not part of the data set.
    """
    starts = segment_starts(sequence.boxes)
    count = len(sequence)
    return [
        Pass(
            sequence=sequence,
            name=f"{sequence.name}/segment_{number:02d}",
            frames=range(start, count),
        )
        for number, start in enumerate(starts, 1)
    ]


def spatial_runs(sequence: Sequence) -> list[Pass]:
    """Return runs from the sequence's first box, with each of 12 errors in it."""
    return [
        Pass(
            sequence=sequence,
            name=f"{sequence.name}/{shift}",
            frames=range(len(sequence)),
            perturb=partial(shifted_box, shift=shift),
        )
        for shift in SHIFTS
    ]


def segment_starts(boxes: FloatArray) -> list[int]:
    """Return the frames in which TRE starts, ascending: 20, or fewer for very short sequences.

    >>> segment_starts(np.ones((100, 4)))[:3]
    [0, 4, 8]
    """
    count = len(boxes)
    usable = np.flatnonzero(~is_absent(boxes) & (boxes + _FIRST_PIXEL > 0).all(axis=1))
    last = np.flatnonzero(count - usable >= SHORTEST_SEGMENT)
    if not last.size:
        return [int(usable[0]) if usable.size else 0]
    # As in the toolkit, positions count from 1: every (last / 19)th, then the last itself.
    end = int(last[-1]) + 1
    step = end / (SEGMENTS - 1)
    places = [int(1 + number * step) for number in range(int((end - 1) / step + 1e-9) + 1)]
    return [int(usable[place - 1]) for place in [*places, end]]


def shifted_box(box: FloatArray, size: tuple[int, int], shift: str) -> FloatArray:
    """Return an initial box of SRE.

    As in the toolkit, coordinates are rounded to whole pixels. The box is cut at the right and
    lower border of a frame of `size` (width, height), and moved at the left and upper ones.

    >>> shifted_box(np.array([20.0, 30, 40, 10]), (100, 100), "topLeft")
    array([16., 29., 44., 11.])
    """
    x, y, w, h = box + _FIRST_PIXEL
    if shift.startswith("scale_"):
        ratio = int(shift.removeprefix("scale_")) / 10
        shifted = _round([x + w / 2 * (1 - ratio), y + h / 2 * (1 - ratio), ratio * w, ratio * h])
    elif shift in _SIDES:
        axis, sign = _SIDES[shift]
        shifted = np.array([x, y, w, h])
        shifted[axis] += sign * np.ceil(_SHIFT * shifted[axis + 2])
    else:
        left, top, right, bottom = x, y, x + w - 1, y + h - 1
        if shift.endswith("Left"):
            left = _round(x - _SHIFT * w)
        else:
            right = _round(right + _SHIFT * w)
        if shift.startswith("top"):
            top = _round(y - _SHIFT * h)
        else:
            bottom = _round(bottom + _SHIFT * h)
        shifted = np.array([left, top, right - left + 1, bottom - top + 1])
    shifted[:2] = np.maximum(shifted[:2], 1)
    shifted[2:] = np.minimum(shifted[2:], np.array(size) - shifted[:2] + 1)
    return np.asarray(shifted - _FIRST_PIXEL)


def _round(value: "float | list[float]") -> FloatArray:
    """Round halves away from zero, as MATLAB does."""
    number = np.asarray(value, dtype=np.float64)
    return np.asarray(np.copysign(np.floor(np.abs(number) + 0.5), number))
