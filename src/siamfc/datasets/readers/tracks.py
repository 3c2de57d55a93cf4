"""Gathers what annotations say of several targets in one video into a sequence for each."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from siamfc.boxes import is_absent
from siamfc.datasets.readers.text import drop_empty
from siamfc.datasets.sequences import FrameFiles, OnProblem, Problem, Sequence
from siamfc.frames.folder import natural_key


class Observation(NamedTuple):
    """One target in one frame."""

    track: str
    """What tells the target from others in the video."""
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
) -> Iterator[Sequence]:
    """Make a sequence of each track, in natural order of their names: `<video>/<track>`.

    A target that isn't observed in a frame, or without area, is absent there. Observations of
    frames that don't exist are problems, repaired by leaving them out.
    """
    tracks: dict[str, list[Observation]] = {}
    for one in observations:
        if 0 <= one.frame < frame_count:
            tracks.setdefault(one.track, []).append(one)
        else:
            on_problem(_no_such_frame(one, video, frame_count))
    for track in sorted(tracks, key=natural_key):
        boxes = np.full((frame_count, 4), np.nan)
        occluded = np.zeros(frame_count, np.bool_)
        visibility = np.full(frame_count, np.nan)
        for one in tracks[track]:
            boxes[one.frame] = one.box
            occluded[one.frame] = one.occluded
            visibility[one.frame] = one.visibility
        boxes = drop_empty(boxes, sequence=f"{video}/{track}", on_problem=on_problem)
        yield Sequence(
            name=f"{video}/{track}",
            frames=frames,
            boxes=boxes,
            absent=is_absent(boxes),
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
