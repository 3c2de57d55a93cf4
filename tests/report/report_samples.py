"""Small sequences with frames, and possible results of trackers."""

from pathlib import Path

import numpy as np
from PIL import Image

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.evaluation.formats import TrackerResults
from siamfc.evaluation.runs import RunRecord

FRAMES, WIDTH, HEIGHT = 8, 64, 48


def make_sequence(folder: Path, name: str, step: float, attributes: tuple[str, ...]) -> Sequence:
    """A black square of 12 pixels on grey that moves right by `step` pixels per frame."""
    folder.mkdir(parents=True)
    boxes = np.array([[5 + step * frame, 10, 12, 12] for frame in range(FRAMES)], dtype=float)
    for frame, (x, y, w, h) in enumerate(boxes.astype(int)):
        image = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
        image[y : y + h, x : x + w] = 0
        Image.fromarray(image).save(folder / f"{frame}.png")
    return Sequence(
        name=name,
        frames=FrameFiles(folder, [f"{frame}.png" for frame in range(FRAMES)]),
        boxes=boxes,
        attributes=attributes,
        size=(WIDTH, HEIGHT),
    )


def make_results(
    name: str, sequences: list[Sequence], shift: tuple[float, float]
) -> TrackerResults:
    """Results with the ground truth, moved by `shift` (x, y) after the first frame."""
    tracks = {}
    for one in sequences:
        boxes = one.boxes.copy()
        boxes[1:, :2] += shift
        tracks[one.name] = RunRecord(
            sequence=one.name,
            boxes=boxes,
            scores=np.full(len(boxes), np.nan),
            seconds=np.full(len(boxes), 0.01),
        )
    return TrackerResults(name=name, path=Path(name), format="otb", tracks=tracks)
