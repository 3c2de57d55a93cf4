"""Sequences for several targets in one video, collected from an annotation."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from siamfc.array_types import BoolArray
from siamfc.boxes import is_absent
from siamfc.datasets.readers.text import drop_empty
from siamfc.datasets.sequences import FrameFiles, OnProblem, Problem, Sequence
from siamfc.errors import DatasetError
from siamfc.frames.folder import natural_key
from siamfc.parsers import MOST_FRAMES

_MOST_ROWS = 20_000_000
"""Most frames times targets of a video in memory: about 800 MB."""


class Observation(NamedTuple):
    """One target in one frame."""

    track: str
    """Identity of the target in the video."""
    frame: int
    """Position in the video, from 0."""
    box: tuple[float, float, float, float]
    """x, y, w, h, 0-based."""
    occluded: bool = False
    visibility: float = float("nan")
    label: str = ""


def gather_tracks(
    observations: Iterable[Observation],
    *,
    video: str,
    frames: FrameFiles | Path,
    frame_count: int,
    on_problem: OnProblem,
    split: str | None = None,
    size: tuple[int, int] | None = None,
    annotated: BoolArray | None = None,
) -> Iterator[Sequence]:
    """Make a sequence of each track, `<video>/<track>`, in natural order of their names.

    A target that is not observed in an annotated frame, or has no area there, is absent. Problems
    are observations of frames that do not exist, which are dropped; and two boxes of one target in
    one frame, which are both dropped.

    Args:
        observations: of all targets.
        video: its name.
        frames: of the video.
        frame_count: number of frames.
        on_problem: called for each problem.
        split: of the data set.
        size: width and height of the frames.
        annotated: (F,) whether each frame was annotated at all; None: every frame.

    Raises:
        DatasetError: more frames or targets than fit into memory.
    """
    if frame_count > MOST_FRAMES:
        raise DatasetError(f"{video}: expected at most {MOST_FRAMES} frames, got {frame_count}")
    tracks: dict[str, list[Observation]] = {}
    for one in observations:
        if 0 <= one.frame < frame_count:
            tracks.setdefault(one.track, []).append(one)
        else:
            on_problem(_no_such_frame(one, video, frame_count))
    if frame_count * len(tracks) > _MOST_ROWS:
        raise DatasetError(
            f"{video}: expected at most {_MOST_ROWS} frames times targets, got {frame_count} "
            f"frames and {len(tracks)} targets: split the video"
        )
    for track in sorted(tracks, key=natural_key):
        name = f"{video}/{track}"
        boxes = np.full((frame_count, 4), np.nan)
        occluded = np.zeros(frame_count, np.bool_)
        visibility = np.full(frame_count, np.nan)
        seen: set[int] = set()
        for one in tracks[track]:
            if one.frame in seen:
                on_problem(_two_boxes(name, one.frame))
            boxes[one.frame] = np.nan if one.frame in seen else one.box
            occluded[one.frame] = one.occluded
            visibility[one.frame] = one.visibility
            seen.add(one.frame)
        boxes = drop_empty(boxes, sequence=name, on_problem=on_problem)
        yield Sequence(
            name=name,
            frames=frames,
            boxes=boxes,
            absent=is_absent(boxes) if annotated is None else is_absent(boxes) & annotated,
            occluded=occluded,
            visibility=visibility,
            label=tracks[track][0].label,
            split=split,
            size=size,
            video=video,
        )


def _no_such_frame(one: Observation, video: str, frame_count: int) -> Problem:
    return Problem(
        kind="wrong count",
        sequence=f"{video}/{one.track}",
        frame=one.frame,
        message=f"expected boxes in the video's {frame_count} frames, got one in frame {one.frame}",
    )


def _two_boxes(name: str, frame: int) -> Problem:
    return Problem(
        kind="two boxes",
        sequence=name,
        frame=frame,
        message=f"expected one box of {name} in frame {frame}, got two: give each target its own "
        "identity",
    )
