"""Film strips: a few frames of a sequence with the ground truth and the trackers' boxes."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.errors import SiamFCError
from siamfc.frames import Image, draw_boxes, read_image
from siamfc.frames.draw import PALETTE
from siamfc.report.study import Study

TRUTH_COLOR = (255, 255, 255)
_WIDTH = 320
"""Width of a picture, pixels."""
_LINE_WIDTH = 3.0
"""Pixels; the pictures are shown at about half their size."""
_QUALITY = 72


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A frame of a strip."""

    frame: int
    """Index of the frame, from 0."""
    overlap: float
    """Overlap of the first tracker; NaN without a ground-truth box."""
    source: str
    """The picture as a `data:` URL."""
    width: int
    height: int


def film_strip(study: Study, sequence: Sequence, count: int) -> list[Snapshot]:
    """Return snapshots at equal distances from the first to the last ground-truth box.

    The list is empty if the frames are missing or unreadable, since a report must not depend on
    them.
    """
    annotated = np.flatnonzero(sequence.annotated)
    if not count or not annotated.size:
        return []
    places = np.linspace(annotated[0], annotated[-1], min(count, len(annotated)))
    frames = sorted({int(place) for place in places.round()})
    try:
        return [
            _snapshot(study, sequence, frame, image)
            for frame, image in zip(frames, _images(sequence, frames), strict=True)
        ]
    except (SiamFCError, OSError, ValueError):
        return []


def _images(sequence: Sequence, frames: list[int]) -> list[Image]:
    if isinstance(sequence.frames, FrameFiles):
        return [read_image(sequence.frames[frame]) for frame in frames]
    wanted = set(frames)
    return [image for frame, image in enumerate(sequence.images()) if frame in wanted]


def _snapshot(study: Study, sequence: Sequence, frame: int, image: Image) -> Snapshot:
    results = [entry.results[sequence.name] for entry in study.entries]
    scale = min(1.0, _WIDTH / image.shape[1])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = np.asarray(PillowImage.fromarray(image).resize(size, PillowImage.Resampling.BOX))
    # The first tracker is drawn on top of the others, and all of them on the ground truth.
    boxes = [sequence.boxes[frame], *(one.boxes[frame] for one in reversed(results))]
    colors = [PALETTE[entry.index % len(PALETTE)] for entry in reversed(study.entries)]
    drawn = draw_boxes(
        small,
        np.array(boxes) * scale,
        labels=[""] * len(boxes),
        colors=[TRUTH_COLOR, *colors],
        line_width=_LINE_WIDTH,
    )
    buffer = io.BytesIO()
    PillowImage.fromarray(drawn).save(buffer, "WEBP", quality=_QUALITY, method=4)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Snapshot(
        frame=frame,
        overlap=float(results[0].overlaps[frame]),
        source=f"data:image/webp;base64,{code}",
        width=size[0],
        height=size[1],
    )
