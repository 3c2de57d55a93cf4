"""Videos on which trackers are compared: the thesis's synthetic ones, and real ones."""

from collections.abc import Sequence as AbstractSequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import FrameFiles, Sequence, read_sequences
from siamfc.errors import InputError, suggest
from siamfc.experiments.thesis import STEPS
from siamfc.synthetic import SquareVideo, SquareVideoSettings, write_otb

DEFAULT_COUNT = 6
"""Number of real videos if none are named, as in the thesis."""


def square_video(step: int, frames: int) -> SquareVideo:
    """Return one of the thesis's videos 1 to 3: 255 pixels, a square of 40, steps up to `step`."""
    return SquareVideo(SquareVideoSettings(frames=frames, max_displacement=step))


def video_name(step: int) -> str:
    """Return the name of a synthetic video.

    >>> video_name(4)
    'square, steps up to 4 px'
    """
    return f"square, steps up to {step} px"


def synthetic_sequences(folder: Path, frames: int) -> list[Sequence]:
    """Return videos 1 to 3, writing them to `folder` if they are missing.

    Raises:
        OutputError: they cannot be written.
    """
    sequences = []
    for step in STEPS:
        place = folder / f"steps-{step}"
        if not place.exists():
            write_otb(place, square_video(step, frames))
        (video,) = find_format("otb").open(place)
        (sequence,) = video.read()
        sequences.append(replace(sequence, name=video_name(step), video=video_name(step)))
    return sequences


def real_sequences(
    layout: str,
    root: Path,
    *,
    names: AbstractSequence[str] = (),
    frames: int | None = None,
) -> list[Sequence]:
    """Return sequences of a data set: the named ones, or six at equal distances in its list.

    Args:
        layout: the data set's, such as `otb`.
        root: its folder.
        names: of sequences.
        frames: number of first frames of each; None: all.

    Raises:
        DatasetError: there is no such layout, or no such data set there.
        InputError: an unknown name, or too few frames.
    """
    if frames is not None and frames < 2:
        raise InputError(f"frames: expected at least 2, got {frames}")
    known = list(read_sequences(find_format(layout).open(root.absolute())))
    if names:
        by_name = {one.name: one for one in known}
        chosen = [_find(name, by_name) for name in dict.fromkeys(names)]
    else:
        places = np.linspace(0, len(known) - 1, min(DEFAULT_COUNT, len(known))).round()
        chosen = [known[int(place)] for place in places]
    return [one if frames is None else first_frames(one, frames) for one in chosen]


def first_frames(sequence: Sequence, count: int) -> Sequence:
    """Return the first `count` frames of a sequence, or fewer if it is shorter."""
    frames = sequence.frames
    return Sequence(
        name=sequence.name,
        frames=frames[:count] if isinstance(frames, FrameFiles) else frames,
        boxes=sequence.boxes[:count],
        attributes=sequence.attributes,
        label=sequence.label,
        size=sequence.size,
    )


def _find(name: str, known: dict[str, Sequence]) -> Sequence:
    if name in known:
        return known[name]
    advice = suggest(name, known, f"there are {len(known)} others")
    raise InputError(f"no sequence {name!r}: {advice}")
