"""Knowledge that the network has of the errors of a first box drawn by hand.

    python benchmarks/hand_drawn.py --weights light --sequences FOLDER [FOLDER …]

For each sequence's first frame, boxes drawn as by hand (`held.py`) are exemplars, and the search
image is of the same frame, about the same box. Prints how much of a drawn side's error stands in
the predicted box, 1 being all of it; how exactly it gives back an exact box; and whether the score
of the prediction tells better drawings from worse, among some of one object.

How much a tracker loses by such boxes is what `held.py track --hand 8` measures.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

from held import Hand

from siamfc import geometry
from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import read_sequences
from siamfc.evaluation.scoring.metrics import overlap
from siamfc.network import load_matcher
from siamfc.network.matcher import BoxMatcher, predicts_boxes
from siamfc.tracking.light import start
from siamfc.tracking.targets import exemplar_crops, window_crops

_NEAR = 40
"""Largest distance of a predicted box's centre from the middle, pixels of the search image."""


def predict(
    matcher: BoxMatcher, image: NDArray[np.uint8], boxes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes (N, 4) and logits (N,) of the best cells, each box (N, 4) being its own exemplar."""
    spec = matcher.spec
    fill = geometry.mean_color(image)
    targets = start(boxes, image.shape[1::-1])
    exemplars = matcher.embed_exemplar(
        exemplar_crops(targets, image, fill, spec), targets.exemplar_sizes(spec)
    )
    centers, sides = targets.present_windows(spec)
    crops = window_crops(image, centers, sides, spec.search_size, fill)
    logits, corners = matcher.locate(exemplars, crops)
    logits = logits.reshape(len(boxes), -1)
    corners = corners.reshape(len(boxes), 4, -1) - spec.search_size / 2
    middles = (corners[:, :2] + corners[:, 2:]) / 2
    near = np.hypot(*middles.swapaxes(0, 1)) < _NEAR
    rows = np.arange(len(boxes))
    best = np.where(near, logits, -np.inf).argmax(1)
    found = corners[rows, :, best] * (sides / spec.search_size)[:, None]
    first, last = centers + found[:, :2], centers + found[:, 2:]
    return np.concatenate([first, last - first], 1), logits[rows, best]


def side_errors(boxes: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors (N, 4) of left, top, right and bottom, as fractions of the true width and height."""
    corners, true_corners = (np.concatenate([b[..., :2], b[..., :2] + b[..., 2:]], -1)
                             for b in (boxes, truth))  # fmt: skip
    return (corners - true_corners) / np.tile(truth[2:], 2)


def main() -> None:
    """Print the three answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="light", help="a name or a path")
    parser.add_argument("--sequences", type=Path, nargs="+", required=True)
    parser.add_argument("--drawings", type=int, default=24, help="of each first box")
    arguments = parser.parse_args()
    matcher = load_matcher(arguments.weights, device="cpu", threads=1)
    if not predicts_boxes(matcher):
        raise SystemExit(f"--weights {arguments.weights}: expected a network that predicts boxes")
    drawn, predicted, exact, told = [], [], [], []
    for folder in arguments.sequences:
        for sequence in read_sequences(find_format("otb").open(folder)):
            truth, image = sequence.boxes[0], next(iter(sequence.images()))
            hands = [Hand(number)(truth, sequence.size) for number in range(arguments.drawings)]
            boxes, logits = predict(matcher, image, np.stack([truth, *hands]))
            drawn.append(side_errors(np.stack(hands), truth))
            predicted.append(side_errors(boxes[1:], truth))
            exact.append(overlap(boxes[:1], truth[None])[0])
            overlaps = overlap(np.stack(hands), np.stack([truth] * len(hands)))
            told.append(np.corrcoef(overlaps, logits[1:])[0, 1])
    before, after = np.concatenate(drawn), np.concatenate(predicted)
    slopes = [np.polyfit(*columns, 1)[0] for columns in zip(before.T, after.T, strict=True)]
    print(
        f"errors of the sides: drawn {before.std():.4f}, predicted {after.std():.4f}, slopes",
        end=" ",
    )
    print(*[f"{slope:.2f}" for slope in slopes])
    print(
        f"an exact box is given back with an overlap of {np.mean(exact):.3f}, min {min(exact):.3f}"
    )
    print(f"correlation of the score with the drawing's overlap: {np.mean(told):.2f}")


if __name__ == "__main__":
    sys.exit(main())
