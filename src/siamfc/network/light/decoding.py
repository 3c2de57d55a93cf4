"""From the boxes of all cells to one box, inside an ONNX graph.

It repeats, in single precision, what `siamfc.tracking.light` does in NumPy, so that a program that
deploys the graph only has to crop the search image and put the box back into the frame.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.checks import check_number
from siamfc.network.graph import GraphBuilder
from siamfc.network.light.architecture import SEARCH_CELLS
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.metadata import Metadata

_CELLS = SEARCH_CELLS**2
SMALLEST_SIZE = 1e-3
"""Of a box, pixels of the search image: what is smaller has vanished in rounding."""


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How scores and boxes of all cells become one box (Li et al. 2018, SiamRPN, section 3.4)."""

    change_penalty: float = 0.1
    """Weight of sudden changes of size and aspect ratio against the score."""
    window_influence: float = 0.25
    """Weight of the cosine window against the score."""
    size_damping: float = 0.9
    """Fraction of the way to the box's size that is taken, times its penalty and predicted IoU."""

    def __post_init__(self) -> None:
        check_number("change_penalty", self.change_penalty, 0, 100)
        check_number("window_influence", self.window_influence, 0, 1)
        check_number("size_damping", self.size_damping, 0, 1)


def add_decoding(
    graph: GraphBuilder, metadata: Metadata, decoding: Decoding, logits: str, corners: str
) -> None:
    """Choose a cell of each target: its damped box and its score.

    Args:
        graph: which has an input `sizes` (N, 2), the last box's width and height, and gets the
            outputs `boxes` (N, 4), x, y, width and height, all in pixels of the search image, and
            `scores` (N,). For a lost target that is searched for elsewhere, where no place is
            likelier than another, the outputs `free_centers` (N, 2), `free_scores` (N,) and
            `free_credits` (N,) are of the cell chosen without the window: of several search
            images the one with the highest credit shows the target.
        metadata: of the weights.
        decoding: how to choose.
        logits: name of the cells' logits, (N, 16, 16).
        corners: name of the cells' boxes (N, 4, 16, 16): left, top, right, bottom.
    """

    def number(value: float) -> str:
        name = f"number_{value:.9g}"
        if name not in numbers:
            numbers.add(name)
            graph.constant(name, np.asarray(value, dtype=np.float32))
        return name

    numbers: set[str] = set()
    add = graph.add
    graph.constant("halves", [2, 2])
    graph.constant("ones", [1, 1])
    cell_logits = graph.add_reshape(logits, "flat_logits", [-1, 1, _CELLS])
    flat = graph.add_reshape(corners, "flat_corners", [-1, 4, _CELLS])
    graph.add_split(flat, ["first_corners", "last_corners"], "halves", axis=1)
    extent = add("Sub", ["last_corners", "first_corners"], "extent")
    spans = add("Max", [extent, number(SMALLEST_SIZE)], "spans")
    graph.add_split(spans, ["widths", "heights"], "ones", axis=1)
    last = graph.add_reshape("sizes", "last_sizes", [-1, 2, 1])
    graph.add_split(last, ["last_width", "last_height"], "ones", axis=1)

    # The penalty on changes of size and aspect ratio: `siamfc.tracking.light.targets`.
    spec = metadata.spec
    sum_ = add("Add", ["widths", "heights"], "side_sum")
    margin = add("Mul", [sum_, number(spec.context_amount)], "margin")
    wide, high = (add("Add", [one, margin], f"{one}_margin") for one in ("widths", "heights"))
    side = add("Sqrt", [add("Mul", [wide, high], "square")], "sides")
    growth = add("Mul", [side, number(1 / spec.exemplar_size)], "growth")
    aspect = add("Div", ["widths", "heights"], "aspects")
    before = add("Div", ["last_height", "last_width"], "last_aspect")
    ratio = add("Mul", [aspect, before], "ratios")
    changes = [
        add("Max", [one, add("Div", [number(1.0), one], f"{one}_inverse")], f"{one}_change")
        for one in (growth, ratio)
    ]
    excess = add("Sub", [number(1.0), add("Mul", changes, "change")], "excess")
    weighted = add("Mul", [excess, number(decoding.change_penalty)], "weighted")
    penalty = add("Exp", [weighted], "penalty")

    overlap = add("Sigmoid", [cell_logits], "overlap")
    credit = add("Mul", [overlap, penalty], "credit")
    influence = decoding.window_influence
    kept = add("Mul", [credit, number(1 - influence)], "kept")
    weights = influence * cosine_window(spec).astype(np.float32)
    window = graph.constant("window", weights.reshape(1, 1, _CELLS))
    rated = add("Add", [kept, window], "rated")
    best = add("ArgMax", [rated], "best_cell", axis=2, keepdims=1)
    twice = add("Concat", [best, best], "best_twice", axis=1)
    sums = add("Add", ["first_corners", "last_corners"], "corner_sums")
    center = add("GatherElements", [sums, twice], "center_twice", axis=2)
    size = add("GatherElements", [spans, twice], "found_size", axis=2)
    share, logit = (
        add("GatherElements", [one, best], f"best_{one}", axis=2) for one in (credit, cell_logits)
    )

    damping = add("Mul", [share, number(decoding.size_damping)], "damping")
    step = add("Mul", [add("Sub", [size, last], "size_change"), damping], "size_step")
    damped = add("Add", [last, step], "damped_size")
    corner = add("Sub", [center, damped], "corner_twice")
    corner = add("Mul", [corner, number(0.5)], "corner")
    columns = add("Concat", [corner, damped], "box_columns", axis=1)
    graph.add_reshape(columns, "boxes", [-1, 4])

    free = add("ArgMax", [credit], "free_cell", axis=2, keepdims=1)
    free_twice = add("Concat", [free, free], "free_cell_twice", axis=1)
    free_sums = add("GatherElements", [sums, free_twice], "free_center_twice", axis=2)
    free_center = add("Mul", [free_sums, number(0.5)], "free_center")
    graph.add_reshape(free_center, "free_centers", [-1, 2])
    free_share, free_logit = (
        add("GatherElements", [one, free], f"free_{one}", axis=2) for one in (credit, cell_logits)
    )
    graph.add_reshape(free_share, "free_credits", [-1])

    calibration = metadata.calibration
    for one, output in ((logit, "scores"), (free_logit, "free_scores")):
        sloped = add("Mul", [one, number(calibration.slope)], f"{output}_sloped")
        shifted = add("Add", [sloped, number(calibration.offset)], f"{output}_shifted")
        graph.add_reshape(add("Sigmoid", [shifted], f"{output}_chance"), output, [-1])


@cache
def cosine_window(spec: EmbeddingSpec) -> FloatArray:
    """Cosine window about the search image's centre, 1 there, of all cells: (m · m,), read-only."""
    place = np.arange(spec.response_size) * spec.stride + 0.5 - spec.search_size / 2
    row = 0.5 + 0.5 * np.cos(2 * math.pi * place / (spec.response_size * spec.stride))
    window = np.outer(row, row).ravel()
    window.flags.writeable = False
    return window
