"""The two ONNX graphs of SiamFC: folded convolutions, and one matrix product."""

from collections.abc import Mapping

import numpy as np

from siamfc.network.checkpoint import Checkpoint
from siamfc.network.folding import Kernel, fold_normalisation, fold_norms
from siamfc.network.graph import GraphBuilder
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import CHANNELS, Convolution, embedding_size
from siamfc.network.signatures import exemplar_signature, search_signature


def build_siamfc_graphs(checkpoint: Checkpoint) -> tuple[bytes, bytes]:
    """Build the graph for exemplar images and the graph for search images."""
    kernels = fold_norms(checkpoint.tensors)
    first = architecture.LAYERS[0].name
    kernels[first] = fold_normalisation(kernels[first], checkpoint.metadata.normalisation)
    return _exemplar_graph(checkpoint, kernels), _search_graph(checkpoint, kernels)


def _exemplar_graph(checkpoint: Checkpoint, kernels: Mapping[str, Kernel]) -> bytes:
    """Build the graph that embeds exemplar images."""
    graph = GraphBuilder(checkpoint.metadata, exemplar_signature(checkpoint.metadata))
    _add_backbone(graph, kernels, "images", "embeddings")
    return graph.serialise("exemplar")


def _search_graph(checkpoint: Checkpoint, kernels: Mapping[str, Kernel]) -> bytes:
    """Build the graph that embeds search images and compares them with exemplar embeddings.

    One product compares all cells of an exemplar with all cells of its search images. A convolution
    with fixed weights, equal to the gain, then sums the product's diagonals (see
    `model.correlate`). Both together are less than 1 % of the backbone's work.
    """
    spec = checkpoint.metadata.spec
    size, response = spec.search_size, spec.response_size
    exemplar_cells, cells = embedding_size(spec.exemplar_size), embedding_size(size)

    graph = GraphBuilder(checkpoint.metadata, search_signature(checkpoint.metadata))
    counts = graph.add("Shape", ["images"], "counts", start=0, end=2)
    graph.add_reshape("images", "flat_images", [-1, size, size, 3])
    _add_backbone(graph, kernels, "flat_images", "flat_embeddings")
    graph.add_reshape_like("flat_embeddings", "embeddings", counts, [CHANNELS, cells**2])
    graph.add_reshape("exemplars", "exemplar_columns", [0, 1, CHANNELS, exemplar_cells**2])
    graph.add("Transpose", ["exemplar_columns"], "exemplar_rows", perm=[0, 1, 3, 2])
    graph.add("MatMul", ["exemplar_rows", "embeddings"], "products")
    graph.add_reshape("products", "flat_products", [-1, exemplar_cells**2, cells, cells])
    graph.add_convolution("flat_products", "flat_responses", _gathering(checkpoint))
    graph.add_reshape_like("flat_responses", "responses", counts, [response, response])
    return graph.serialise("search")


def _gathering(checkpoint: Checkpoint) -> Kernel:
    """Return weights (1, h·w, h, w) that read row u, column v of plane u·w + v, times the gain."""
    cells = embedding_size(checkpoint.metadata.spec.exemplar_size)
    gain = np.exp(checkpoint.tensors["log_gain"].astype(np.float64))
    weight = gain * np.eye(cells**2).reshape(1, cells**2, cells, cells)
    return Kernel(weight, checkpoint.tensors["bias"].astype(np.float64).reshape(1))


def _add_backbone(
    graph: GraphBuilder, kernels: Mapping[str, Kernel], images: str, output: str
) -> None:
    """Add nodes from images (N, H, W, 3) uint8 to embeddings (N, 256, h, w)."""
    architecture.embed(_GraphArithmetic(graph, kernels, output), graph.add_planes(images))


class _GraphArithmetic:
    """Layers as nodes of a graph; features are the names of their outputs."""

    def __init__(self, graph: GraphBuilder, kernels: Mapping[str, Kernel], output: str) -> None:
        self._graph, self._kernels, self._output = graph, kernels, output

    def convolve(self, layer: Convolution, features: str) -> str:
        """Add a convolution node; see `Arithmetic`."""
        return self._graph.add_convolution(
            features,
            self._output if layer is architecture.LAYERS[-1] else layer.name,
            self._kernels[layer.name],
            group=layer.groups,
            strides=[layer.stride] * 2,
        )

    def normalise(self, layer: Convolution, features: str) -> str:
        """Add a ReLU node; the normalisation is folded into the convolution."""
        return self._graph.add("Relu", [features], f"{layer.name}_relu")

    def pool(self, features: str) -> str:
        """Add a max pooling node; see `Arithmetic`."""
        return self._graph.add(
            "MaxPool",
            [features],
            f"{features.removesuffix('_relu')}_pool",
            kernel_shape=[architecture.POOL_SIZE] * 2,
            strides=[architecture.POOL_STRIDE] * 2,
        )
