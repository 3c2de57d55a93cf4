"""Writes a checkpoint as a folder of weights: two ONNX graphs, for tracking here and elsewhere.

The first graph embeds exemplar images, the second embeds search images and compares; see
`signatures`. Batch and input normalisation are folded into the convolutions, so images go in as
they come.
"""

import json
from pathlib import Path

import numpy as np

from siamfc.files import check_absent, write_file
from siamfc.network.architecture import CHANNELS, embedding_size
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.folding import Kernel
from siamfc.network.graph import GraphBuilder
from siamfc.network.signatures import Signature, exemplar_signature, search_signature

EXEMPLAR_FILE, SEARCH_FILE = "exemplar.onnx", "search.onnx"
CHECKPOINT_FILE, MODEL_FILE = "model.safetensors", "model.json"

_USAGE = (
    "Give the graphs RGB pixel values 0 to 255 as they are: the normalisation is folded into "
    "them. N targets, S search images each. Responses are logits: their sigmoid is a score."
)


def export_weights(
    checkpoint: Checkpoint, folder: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """Write a folder of weights, as `load_matcher` takes it; returns the paths.

    Both graphs, the checkpoint itself, and `model.json`, which describes them. OutputError,
    before anything is written, if one of them exists and `overwrite` is not set.
    """
    folder = Path(folder)
    paths = [folder / name for name in (EXEMPLAR_FILE, SEARCH_FILE, CHECKPOINT_FILE, MODEL_FILE)]
    for path in paths:
        check_absent(path, overwrite=overwrite)
    contents = (
        build_exemplar_graph(checkpoint),
        build_search_graph(checkpoint),
        checkpoint.to_bytes(),
        (json.dumps(_describe(checkpoint), indent=2) + "\n").encode(),
    )
    for path, content in zip(paths, contents, strict=True):
        write_file(path, content, overwrite=overwrite)
    return paths


def build_exemplar_graph(checkpoint: Checkpoint) -> bytes:
    """Write the graph that embeds exemplar images."""
    builder = GraphBuilder(checkpoint, exemplar_signature(checkpoint.metadata.spec))
    builder.add_backbone("images", "embeddings")
    return builder.serialise("exemplar")


def build_search_graph(checkpoint: Checkpoint) -> bytes:
    """Write the graph that embeds search images and compares them with exemplar embeddings.

    One product compares all cells of an exemplar with all cells of its search images; then a
    convolution with fixed weights, the gain in place of ones, sums up each diagonal of what that
    gave (see `alexnet.correlate`). Both together are under 1 % of the backbone's work.
    """
    spec = checkpoint.metadata.spec
    size, response = spec.search_size, spec.response_size
    exemplar_cells, cells = embedding_size(spec.exemplar_size), embedding_size(size)

    graph = GraphBuilder(checkpoint, search_signature(spec))
    counts = graph.add("Shape", ["images"], "counts", start=0, end=2)
    graph.add_reshape("images", "flat_images", [-1, size, size, 3])
    graph.add_backbone("flat_images", "flat_embeddings")
    graph.add_reshape_like("flat_embeddings", "embeddings", counts, [CHANNELS, cells**2])
    graph.add_reshape("exemplars", "exemplar_columns", [0, 1, CHANNELS, exemplar_cells**2])
    graph.add("Transpose", ["exemplar_columns"], "exemplar_rows", perm=[0, 1, 3, 2])
    graph.add("MatMul", ["exemplar_rows", "embeddings"], "products")
    graph.add_reshape("products", "flat_products", [-1, exemplar_cells**2, cells, cells])
    graph.add_convolution("flat_products", "flat_responses", _gathering(checkpoint))
    graph.add_reshape_like("flat_responses", "responses", counts, [response, response])
    return graph.serialise("search")


def _gathering(checkpoint: Checkpoint) -> Kernel:
    """Weights (1, h·w, h, w): of plane u·w + v only row u, column v is read, times the gain."""
    cells = embedding_size(checkpoint.metadata.spec.exemplar_size)
    gain = np.exp(checkpoint.tensors["log_gain"].astype(np.float64))
    weight = gain * np.eye(cells**2).reshape(1, cells**2, cells, cells)
    return Kernel(weight, checkpoint.tensors["bias"].astype(np.float64).reshape(1))


def _describe(checkpoint: Checkpoint) -> dict[str, object]:
    """The metadata, as `Metadata.from_json` reads it, and how to use the graphs."""
    spec = checkpoint.metadata.spec
    signatures = {EXEMPLAR_FILE: exemplar_signature(spec), SEARCH_FILE: search_signature(spec)}
    graphs = {name: _describe_graph(signature) for name, signature in signatures.items()}
    return {**json.loads(checkpoint.metadata.to_json()), "usage": _USAGE, "graphs": graphs}


def _describe_graph(signature: Signature) -> dict[str, object]:
    return {
        side: {name: value._asdict() for name, value in values.items()}
        for side, values in signature._asdict().items()
    }
