"""Networks on pairs of frames of real sequences: finding the target of one frame in another.

    python benchmarks/held_pairs.py --weights light OTHER.safetensors --sequences FOLDER [FOLDER …]

A track hangs by threads: a first box that is moved by 1 % can change the mean of 54 sequences by
0.01. Pairs have no history, and there are thousands of them, so that weights which differ by 0.004
can be told apart. They say nothing of the tracker: how it moves, what it remembers, how it searches
for what it lost.

Of every sequence in the layout of OTB and every distance of 3, 10, 30 and 90 frames 12 pairs are
drawn, the same in every run. The exemplar shows the true box in the first frame. The search window
lies about the true box in the second, displaced by up to a quarter of its side, its size off by
e^±0.12. What counts is the box of the highest score. A network that compares two exemplars gets the
first one twice.

Printed are the mean overlap (IoU); its difference from the first weights by sequence, with the
interval that holds 95 % of its bootstrap means; the overlap at each distance; the fraction that is
located, with an overlap above 0.4; the overlap of these where the proportions changed by more than
15 %, and elsewhere; and which fraction of that change the box follows.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("OMP_NUM_THREADS", "1")

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.network import load_matcher
from siamfc.network.matcher import BoxMatcher, EmbeddingSpec, predicts_boxes
from siamfc.report.statistics import paired_difference

DISTANCES = (3, 10, 30, 90)
COUNT = 12
"""Pairs of each sequence and distance."""
_DISPLACED, _RESIZED = 0.25, 0.12
_SMALLEST, _LOCATED, _CHANGED = 3.0, 0.4, 0.15


class Pair(NamedTuple):
    """An exemplar image and a search image."""

    distance: int
    exemplar: NDArray[np.uint8]
    size: NDArray[np.float64]
    """Width and height (2,) of the target in the exemplar image."""
    search: NDArray[np.uint8]
    truth: NDArray[np.float64]
    """Box (4,) in the search image."""


def cut(
    image: NDArray[np.uint8], center: NDArray[np.float64], side: float, size: int
) -> NDArray[np.uint8]:
    """Crop a square with the image's mean colour around it, as the tracker does."""
    return geometry.crop(image, center, side, size, geometry.mean_color(image))


def draw_pairs(
    sequence: Sequence, spec: EmbeddingSpec, random: np.random.Generator
) -> Iterator[Pair]:
    """Draw pairs of frames that have a box."""
    images, boxes = list(sequence.images()), sequence.boxes
    usable = np.asarray((boxes[:, 2:] > _SMALLEST).all(1))  # False for absent ones, NaN
    for distance in DISTANCES:
        firsts = np.flatnonzero(usable[:-distance] & usable[distance:])
        for first in random.choice(firsts, COUNT) if len(firsts) else ():
            before, after = images[first], images[first + distance]
            old, new = boxes[first], boxes[first + distance]
            side = geometry.exemplar_side(old[2:], spec.context_amount)
            window = geometry.search_side(
                geometry.exemplar_side(new[2:], spec.context_amount),
                spec.exemplar_size,
                spec.search_size,
            ) * np.exp(random.normal(0, _RESIZED))
            center = box_formats.center(new) + random.uniform(-_DISPLACED, _DISPLACED, 2) * window
            corners = box_formats.to_corners(new).reshape(2, 2)
            seen = geometry.frame_to_crop(corners, center, float(window), spec.search_size)
            yield Pair(
                distance,
                cut(before, box_formats.center(old), float(side), spec.exemplar_size),
                old[2:] * (spec.exemplar_size / side),
                cut(after, center, float(window), spec.search_size),
                box_formats.from_corners(seen.reshape(4)),
            )


def locate(matcher: BoxMatcher, pair: Pair) -> NDArray[np.float64]:
    """Return the box (4,) of the highest score in the search image."""
    exemplar = matcher.embed_exemplar(pair.exemplar[None], pair.size[None])
    together = np.concatenate([np.asarray(exemplar)] * matcher.exemplars, axis=-1)
    logits, corners = matcher.locate(together, pair.search[None])
    found: NDArray[np.float64] = corners.reshape(4, -1)[:, logits.argmax()].astype(np.float64)
    return box_formats.from_corners(found)


def measure(names: list[str], folders: list[Path]) -> dict[str, NDArray[np.float64]]:
    """Return by weights a row for each pair, (P, 5).

    It holds the number of the sequence, the distance, the overlap, and by how much the logarithm of
    width over height changes, truly and in the box.
    """
    matchers = [load_matcher(name, device="cpu", threads=1) for name in names]
    boxing = [matcher for matcher in matchers if predicts_boxes(matcher)]
    if len(boxing) < len(matchers):
        raise SystemExit("--weights: expected networks that predict boxes")
    rows: dict[str, list[list[float]]] = {name: [] for name in names}
    random, number = np.random.default_rng(0), 0
    for folder in folders:
        for sequence in read_sequences(find_format("otb").open(folder)):
            for pair in draw_pairs(sequence, boxing[0].spec, random):
                old, new = (np.log(w / h) for w, h in (pair.size, pair.truth[2:]))
                for name, matcher in zip(names, boxing, strict=True):
                    box = locate(matcher, pair)
                    overlap = float(box_formats.iou(box, pair.truth))
                    change = np.log(max(box[2], 1) / max(box[3], 1)) - old
                    rows[name].append([number, pair.distance, overlap, new - old, change])
            number += 1
    return {name: np.array(found) for name, found in rows.items()}


def by_sequence(rows: NDArray[np.float64]) -> list[float]:
    """Return the mean overlap of each sequence."""
    return [float(rows[rows[:, 0] == number, 2].mean()) for number in np.unique(rows[:, 0])]


def mean_of(values: NDArray[np.float64]) -> float:
    """Return the mean, NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def print_table(rows: dict[str, NDArray[np.float64]]) -> None:
    """Print a line for each of the weights."""
    distances = "  ".join(f"{distance:5d}" for distance in DISTANCES)
    print(f"{'weights':20s}  {'IoU':5s}  {distances}  located  changed  else   followed")
    first = next(iter(rows.values()))
    for name, found in rows.items():
        _, distance, overlap, true, followed = found.T
        located = overlap > _LOCATED
        changed = np.abs(true) > _CHANGED
        slope = (true * followed)[located].sum() / (true**2)[located].sum()
        cells = [
            f"{Path(name).stem[:20]:20s}  {overlap.mean():.4f}",
            *(f"{mean_of(overlap[distance == one]):5.3f}" for one in DISTANCES),
            f"{located.mean():.4f} ",
            f"{mean_of(overlap[located & changed]):.3f}  ",
            f"{mean_of(overlap[located & ~changed]):.3f}",
            f"{slope:.2f}",
        ]
        if found is not first:
            other = paired_difference(by_sequence(found), by_sequence(first))
            cells.append(f"{other.mean:+.4f} ({other.low:+.4f} … {other.high:+.4f})")
        print("  ".join(cells), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", nargs="+", default=["light"], help="names or paths")
    parser.add_argument("--sequences", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    rows = measure(list(dict.fromkeys(options.weights)), options.sequences)
    print(f"{len(next(iter(rows.values())))} pairs")
    print_table(rows)


if __name__ == "__main__":
    main()
