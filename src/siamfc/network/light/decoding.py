"""Selection of one box from the boxes of all cells, inside an ONNX graph.

It repeats in single precision what `siamfc.tracking.light` does in NumPy, so a program that deploys
the graph only has to crop the search image and map the box back to the frame.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.checks import check_number
from siamfc.network.calibration import Calibration
from siamfc.network.graph import GraphBuilder
from siamfc.network.light.architecture import SEARCH_CELLS
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.metadata import Metadata

_CELLS = SEARCH_CELLS**2
SMALLEST_SIZE = 1e-3
"""Smallest side of a box, pixels of the search image; below it only rounding errors remain."""


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Selection of one box from all cells (Li et al. 2018, SiamRPN, section 3.4)."""

    change_penalty: float = 0.1
    """Weight of sudden changes of size and aspect ratio against the score."""
    window_influence: float = 0.25
    """Weight of the cosine window against the score."""
    size_damping: float = 0.9
    """Fraction of the size change applied per frame, times the box's penalty and predicted IoU."""

    def __post_init__(self) -> None:
        check_number("change_penalty", self.change_penalty, 0, 100)
        check_number("window_influence", self.window_influence, 0, 1)
        check_number("size_damping", self.size_damping, 0, 1)


def add_decoding(
    graph: GraphBuilder, metadata: Metadata, decoding: Decoding, logits: str, corners: str
) -> None:
    """Add the nodes that select a cell for each target and return its damped box and its score.

    Args:
        graph: must have an input `sizes` (N, 2), the last box's width and height. It gets the
            outputs `boxes` (N, 4), x, y, width and height, all in pixels of the search image, and
            `scores` (N,). The outputs `free_centers` (N, 2), `free_scores` (N,) and `free_credits`
            (N,) come from a cell chosen without the window. They serve the search for a lost
            target, where every position is equally likely: of several search images, the one with
            the highest credit shows the target.
        metadata: metadata of the weights.
        decoding: settings of the selection.
        logits: name of the cells' logits, (N, 16, 16).
        corners: name of the cells' boxes (N, 4, 16, 16): left, top, right, bottom.
    """
    add, number = graph.add, graph.number
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

    penalty = _add_penalty(graph, metadata.spec, decoding.change_penalty)
    overlap = add("Sigmoid", [cell_logits], "overlap")
    credit = add("Mul", [overlap, penalty], "credit")
    best = _add_best_cell(graph, metadata.spec, decoding.window_influence, credit)
    twice = add("Concat", [best, best], "best_twice", axis=1)
    sums = add("Add", ["first_corners", "last_corners"], "corner_sums")
    center = add("GatherElements", [sums, twice], "center_twice", axis=2)
    size = add("GatherElements", [spans, twice], "found_size", axis=2)
    best_credit, best_logit = (
        add("GatherElements", [one, best], f"best_{one}", axis=2) for one in (credit, cell_logits)
    )

    damping = add("Mul", [best_credit, number(decoding.size_damping)], "damping")
    step = add("Mul", [add("Sub", [size, last], "size_change"), damping], "size_step")
    damped = add("Add", [last, step], "damped_size")
    corner = add("Sub", [center, damped], "corner_twice")
    corner = add("Mul", [corner, number(0.5)], "corner")
    columns = add("Concat", [corner, damped], "box_columns", axis=1)
    graph.add_reshape(columns, "boxes", [-1, 4])

    free_logit = _add_free_cell(graph, credit, cell_logits, sums)
    _add_score(graph, metadata.calibration, best_logit, "scores")
    _add_score(graph, metadata.calibration, free_logit, "free_scores")


def _add_penalty(graph: GraphBuilder, spec: EmbeddingSpec, change_penalty: float) -> str:
    """Penalise changes of size and aspect ratio, like `siamfc.tracking.light.targets`."""
    add, number = graph.add, graph.number
    side_sum = add("Add", ["widths", "heights"], "side_sum")
    margin = add("Mul", [side_sum, number(spec.context_amount)], "margin")
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
    weighted = add("Mul", [excess, number(change_penalty)], "weighted")
    return add("Exp", [weighted], "penalty")


def _add_best_cell(graph: GraphBuilder, spec: EmbeddingSpec, influence: float, credit: str) -> str:
    """Find the cell (N, 1, 1) with the highest credit after mixing with the cosine window."""
    kept = graph.add("Mul", [credit, graph.number(1 - influence)], "kept")
    weights = influence * cosine_window(spec).astype(np.float32)
    window = graph.constant("window", weights.reshape(1, 1, _CELLS))
    rated = graph.add("Add", [kept, window], "rated")
    return graph.add("ArgMax", [rated], "best_cell", axis=2, keepdims=1)


def _add_free_cell(graph: GraphBuilder, credit: str, cell_logits: str, sums: str) -> str:
    """Find the cell with the highest credit alone; add its outputs, and return its logit."""
    add = graph.add
    free = add("ArgMax", [credit], "free_cell", axis=2, keepdims=1)
    free_twice = add("Concat", [free, free], "free_cell_twice", axis=1)
    free_sums = add("GatherElements", [sums, free_twice], "free_center_twice", axis=2)
    free_center = add("Mul", [free_sums, graph.number(0.5)], "free_center")
    graph.add_reshape(free_center, "free_centers", [-1, 2])
    free_credit, free_logit = (
        add("GatherElements", [one, free], f"free_{one}", axis=2) for one in (credit, cell_logits)
    )
    graph.add_reshape(free_credit, "free_credits", [-1])
    return free_logit


def _add_score(graph: GraphBuilder, calibration: Calibration, logit: str, output: str) -> None:
    """Add the output with the calibrated probability of a cell's logit."""
    sloped = graph.add("Mul", [logit, graph.number(calibration.slope)], f"{output}_sloped")
    shifted = graph.add("Add", [sloped, graph.number(calibration.offset)], f"{output}_shifted")
    graph.add_reshape(graph.add("Sigmoid", [shifted], f"{output}_chance"), output, [-1])


@cache
def cosine_window(spec: EmbeddingSpec) -> FloatArray:
    """Return a cosine window of all cells, 1 at the search image's centre: (m · m,), read-only."""
    place = np.arange(spec.response_size) * spec.stride + 0.5 - spec.search_size / 2
    row = 0.5 + 0.5 * np.cos(2 * math.pi * place / (spec.response_size * spec.stride))
    window = np.outer(row, row).ravel()
    window.flags.writeable = False
    return window
