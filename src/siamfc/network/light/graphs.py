"""The ONNX graphs of the light network, which compute what `model` defines."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from siamfc.network.architectures import find_layout
from siamfc.network.checkpoint import Checkpoint, Tensors
from siamfc.network.folding import Kernel, fold_norm, norm_gain_and_shift, plain_kernel
from siamfc.network.graph import GraphBuilder
from siamfc.network.light.architecture import (
    EXEMPLAR_CELLS,
    EXEMPLAR_SIZE,
    LARGEST_LOG_DISTANCE,
    PLACE_SCALE,
    PLACES,
    SEARCH_CELLS,
    SEARCH_SIZE,
    STRIDE,
    Block,
    Convolution,
    Layout,
)
from siamfc.network.light.decoding import Decoding, add_decoding
from siamfc.network.normalisation import Normalisation
from siamfc.network.signatures import exemplar_signature, search_signature, track_signature

Kernels = Mapping[str, Kernel]
"""Convolutions by the names of their layers."""

_LEAST_NORM = 1e-12


def build_light_graphs(checkpoint: Checkpoint) -> tuple[bytes, bytes]:
    """Build the graph for exemplar images and the graph for search images."""
    layout = find_layout(checkpoint.metadata.architecture)
    kernels = _fold_kernels(checkpoint, layout)
    return (
        _exemplar_graph(checkpoint, layout, kernels),
        _search_graph(checkpoint, layout, kernels),
    )


def _exemplar_graph(checkpoint: Checkpoint, layout: Layout, kernels: Kernels) -> bytes:
    """Build the graph from exemplar images and box sizes to unit features and box positions."""
    graph = GraphBuilder(checkpoint.metadata, exemplar_signature(checkpoint.metadata))
    _add_backbone(graph, checkpoint, layout, kernels, EXEMPLAR_SIZE)
    graph.add_reshape("features", "columns", [0, layout.channels, EXEMPLAR_CELLS**2])
    _add_unit_columns(graph, "columns", "keys")

    points = (_points(EXEMPLAR_CELLS) - EXEMPLAR_SIZE / 2).reshape(1, 2, -1)
    half = graph.add("Mul", ["sizes", graph.constant("half", _numbers(0.5))], "half_sizes")
    halves = graph.add_reshape(half, "halves", [0, 2, 1])
    before = graph.add("Add", [halves, graph.constant("points", _numbers(points))], "before")
    after = graph.add("Sub", [halves, "points"], "after")
    distances = graph.add("Concat", [before, after], "distances", axis=1)
    nearest = graph.add("ReduceMin", [distances], "nearest", axes=[1], keepdims=1)
    inside = graph.add("Greater", [nearest, graph.constant("zero", _numbers(0.0))], "inside")
    scale = graph.constant("scale", _numbers(1 / PLACE_SCALE))
    scaled = graph.add("Mul", [distances, scale], "scaled")
    graph.add("Concat", ["keys", scaled, graph.add_float(inside)], "embeddings", axis=1)
    return graph.serialise("exemplar")


def build_track_graph(checkpoint: Checkpoint, decoding: Decoding) -> bytes:
    """Build the graph that compares search images and selects one box for each."""
    layout = find_layout(checkpoint.metadata.architecture)
    graph = GraphBuilder(checkpoint.metadata, track_signature(checkpoint.metadata))
    kernels = _fold_kernels(checkpoint, layout)
    _add_comparison(graph, checkpoint, layout, kernels, "logits", "corners")
    add_decoding(graph, checkpoint.metadata, decoding, "logits", "corners")
    return graph.serialise("track")


def _search_graph(checkpoint: Checkpoint, layout: Layout, kernels: Kernels) -> bytes:
    """Build the graph that compares exemplar embeddings with search images."""
    graph = GraphBuilder(checkpoint.metadata, search_signature(checkpoint.metadata))
    _add_comparison(graph, checkpoint, layout, kernels, "logits", "boxes")
    return graph.serialise("search")


def _add_comparison(
    graph: GraphBuilder,
    checkpoint: Checkpoint,
    layout: Layout,
    kernels: Kernels,
    logits: str,
    corners: str,
) -> None:
    """Add nodes from `exemplars` and `images` to all cells' logits and corners, by these names."""
    cells = [-1, SEARCH_CELLS, SEARCH_CELLS]
    _add_backbone(graph, checkpoint, layout, kernels, SEARCH_SIZE)
    graph.add_reshape("features", "columns", [0, layout.channels, SEARCH_CELLS**2])
    _add_unit_columns(graph, "columns", "queries")
    parts = graph.constant("parts", [layout.channels, PLACES])
    graph.add_split("exemplars", ["keys", "places"], parts, axis=1)
    graph.add("Transpose", ["keys"], "key_rows", perm=[0, 2, 1])
    graph.add("MatMul", ["key_rows", "queries"], "similarity")

    sharpness = np.exp(checkpoint.tensors["sharpness"].astype(np.float64))
    graph.add("Mul", ["similarity", graph.constant("sharpness", _numbers(sharpness))], "sharpened")
    graph.add("Softmax", ["sharpened"], "attention", axis=1)
    graph.add("MatMul", ["places", "attention"], "found")
    _add_best(graph, layout)
    graph.add("Concat", ["similarity", "columns", "found", "best"], "joined_columns", axis=1)
    graph.add_reshape("joined_columns", "joined", [0, layout.join.inputs, *cells[1:]])
    graph.add_convolution("joined", "join", kernels["join"])
    graph.add("Relu", ["join"], "join_relu")

    _add_branch(graph, layout, kernels, "score")
    graph.add_reshape("score_last", logits, cells)
    _add_branch(graph, layout, kernels, "box")
    limit = graph.constant("limit", _numbers(LARGEST_LOG_DISTANCE))
    graph.add("Min", ["box_last", limit], "log_distances")
    graph.add("Exp", ["log_distances"], "strides")
    outward = STRIDE * np.array([-1.0, -1.0, 1.0, 1.0]).reshape(1, 4, 1, 1)
    graph.add("Mul", ["strides", graph.constant("outward", _numbers(outward))], "ways")
    points = np.tile(_points(SEARCH_CELLS), (2, 1, 1))[None]
    graph.add("Add", ["ways", graph.constant("points", _numbers(points))], corners)


def _add_best(graph: GraphBuilder, layout: Layout) -> None:
    """`similarity` (N, K, cells) → `best` (N, exemplars, cells), the maximum over each exemplar."""
    if layout.exemplars == 1:
        graph.add("ReduceMax", ["similarity"], "best", axes=[1], keepdims=1)
        return
    shape = [0, layout.exemplars, EXEMPLAR_CELLS**2, SEARCH_CELLS**2]
    graph.add_reshape("similarity", "similarity_each", shape)
    graph.add("ReduceMax", ["similarity_each"], "best", axes=[2], keepdims=0)


def _add_backbone(
    graph: GraphBuilder, checkpoint: Checkpoint, layout: Layout, kernels: Kernels, size: int
) -> None:
    """`images` (N, size, size, 3) uint8 → `features` (N, C, h, w)."""
    features = _add_first_row(
        graph, checkpoint.metadata.normalisation, layout.backbone[0], kernels, size
    )
    for block in layout.backbone[1:]:
        features = _add_block(graph, kernels, block, features)
    graph.add("Identity", [features], "features")


def _add_first_row(
    graph: GraphBuilder, normalisation: Normalisation, first: Block, kernels: Kernels, size: int
) -> str:
    """`images` (N, size, size, 3) uint8 → output of the first convolution.

    An image row is read as it lies in memory, red, green, blue, red, …, as a single channel, which
    avoids a transposition: the kernel and its stride become three times as wide. The mean is
    subtracted first, because padding must be zero after normalisation; the rest of the
    normalisation is folded into the kernel.
    """
    (row,) = first.layers
    weight, bias = kernels[row.name]
    multiplier, offset = (np.array(x) for x in (normalisation.multiplier, normalisation.offset))
    mean = graph.constant("mean", _numbers(np.tile(-offset / multiplier, size)))
    lines = graph.add_float(graph.add_reshape("images", "lines", [0, 1, size, 3 * size]))
    centred = graph.add("Sub", [lines, mean], "centred")
    scaled = weight * multiplier[:, None, None]
    wide = scaled.transpose(0, 2, 3, 1).reshape(row.outputs, 1, row.kernel, 3 * row.kernel)
    pads = [row.kernel // 2, 3 * (row.kernel // 2)] * 2
    output = graph.add_convolution(
        centred, row.name, Kernel(wide, bias), strides=[row.stride, 3 * row.stride], pads=pads
    )
    return graph.add("Relu", [output], f"{row.name}.relu")


def _add_block(graph: GraphBuilder, kernels: Kernels, block: Block, features: str) -> str:
    first = features
    for row in block.layers:
        features = _add_row(graph, row, features, kernels[row.name])
    if block.residual:
        return graph.add("Add", [first, features], f"{block.layers[-1].name}.sum")
    return features


def _add_row(graph: GraphBuilder, row: Convolution, features: str, kernel: Kernel) -> str:
    output = graph.add_convolution(
        features,
        row.name,
        kernel,
        group=row.groups,
        strides=[row.stride] * 2,
        pads=[row.kernel // 2] * 4,
    )
    return output if row.linear else graph.add("Relu", [output], f"{row.name}.relu")


def _add_branch(graph: GraphBuilder, layout: Layout, kernels: Kernels, name: str) -> None:
    """Features `join_relu` → `{name}_last`."""
    features = "join_relu"
    for row in layout.branches[name]:
        features = _add_row(graph, row, features, kernels[row.name])
    graph.add_convolution(features, f"{name}_last", kernels[f"{name}.last"])


def _add_unit_columns(graph: GraphBuilder, columns: str, output: str) -> None:
    """Divide each cell's features (N, C, cells) by their L2 norm."""
    length = graph.add("ReduceL2", [columns], f"{output}_length", axes=[1], keepdims=1)
    least = graph.constant(f"{output}_least", _numbers(_LEAST_NORM))
    graph.add("Div", [columns, graph.add("Max", [length, least], f"{output}_norm")], output)


def _fold_kernels(checkpoint: Checkpoint, layout: Layout) -> Kernels:
    """Fold the normalisations into the convolutions; return kernels by layer name."""
    tensors = checkpoint.tensors
    rows = [row for block in layout.backbone for row in block.layers]
    rows += [row for branch in layout.branches.values() for row in branch]
    kernels = {
        row.name: fold_norm(tensors, f"{row.name}.conv.weight", f"{row.name}.norm")
        for row in (*rows, layout.join)
    }
    kernels[layout.join.name] = _with_norm_of_similarities(tensors, kernels[layout.join.name])
    lasts = {f"{name}.last": plain_kernel(tensors, f"{name}.last") for name in layout.branches}
    return {**kernels, **lasts}


def _with_norm_of_similarities(tensors: Tensors, kernel: Kernel) -> Kernel:
    """Fold the similarities' normalisation into the join convolution, as its first inputs."""
    gain, shift = norm_gain_and_shift(tensors, "norm")
    weight = kernel.weight.copy()
    bias = kernel.bias + weight[:, : len(gain), 0, 0] @ shift
    weight[:, : len(gain)] *= gain[:, None, None]
    return Kernel(weight, bias)


def _points(cells: int) -> NDArray[np.float64]:
    """Return centres x, y of cells' receptive fields in continuous pixels, (2, cells, cells)."""
    line = np.arange(cells) * STRIDE + 0.5
    return np.stack(np.meshgrid(line, line))


def _numbers(value: float | NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(value, dtype=np.float32)
