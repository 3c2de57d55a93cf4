"""Matchers that run the two graphs with ONNX Runtime, for tracking without torch."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import CheckpointError, InputError
from siamfc.network.architectures import find_architecture, find_layout
from siamfc.network.calibration import Calibration
from siamfc.network.devices import PROVIDERS
from siamfc.network.graph_check import MAXIMUM_BYTES, check_graph, read_metadata
from siamfc.network.matcher import (
    Embedding,
    EmbeddingSpec,
    check_exemplars,
    check_searches,
    check_single_searches,
    check_sizes,
)
from siamfc.network.metadata import Metadata
from siamfc.network.signatures import (
    Signature,
    Value,
    exemplar_signature,
    search_signature,
)

_ERRORS_ONLY = 3
_CPU_BATCH, _CUDA_BATCH = 4, 64
"""Number of images per run of a graph. On a CPU, larger batches are no faster, because they no
longer fit its caches; an image takes about 5 MB with the light network, 45 MB with SiamFC."""


class _Graphs:
    """The exemplar graph and the search graph, each given as a file or as its content.

    Embeddings are numpy arrays, float32. A file is checked before it is loaded; content is trusted.
    All options except the threads have ONNX Runtime's defaults; `benchmarks/network.py` compares
    others.

    Raises:
        CheckpointError: files that are not such graphs, or graphs of different weights.
    """

    spec: EmbeddingSpec
    calibration: Calibration
    metadata: Metadata

    def __init__(
        self,
        exemplar_graph: bytes | Path,
        search_graph: bytes | Path,
        *,
        threads: int,
        device: str = "cpu",
    ) -> None:
        graphs = exemplar_graph, search_graph
        contents = [_read(graph, which) for which, graph in enumerate(graphs)]
        self.metadata, other = (_metadata(*each) for each in zip(contents, graphs, strict=True))
        self.spec, self.calibration = self.metadata.spec, self.metadata.calibration
        if other.digest != self.metadata.digest:
            raise CheckpointError(
                f"{_name(search_graph)}: expected the weights of {_name(exemplar_graph)}, "
                "got others; export both again"
            )
        # Rarely run, so speed is irrelevant; OpenVINO 1.24 returns a wrong output shape.
        exemplar_device = device if device == "cuda" else "cpu"
        self._exemplar_session, self._search_session = (
            _open(content, graph, threads, where)
            for content, graph, where in zip(
                contents, graphs, (exemplar_device, device), strict=True
            )
        )
        _check(self._exemplar_session, exemplar_signature(self.metadata), exemplar_graph)
        _check(self._search_session, search_signature(self.metadata), search_graph)
        self._batch = _CUDA_BATCH if device == "cuda" else _CPU_BATCH

    def _run(
        self, session: Any, feeds: dict[str, Any], *, images_each: int = 1
    ) -> list[NDArray[np.float32]]:
        """Run a graph on N targets, a bounded number of images at a time."""
        count = len(feeds["images"])
        step = max(self._batch // images_each, 1)
        if count <= step:
            return _run(session, feeds)
        parts = [
            _run(session, {name: value[first : first + step] for name, value in feeds.items()})
            for first in range(0, count, step)
        ]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


class OnnxMatcher(_Graphs):
    """A `Matcher` over two graphs; see `_Graphs`."""

    def embed_exemplar(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed exemplar images; see `Matcher.embed_exemplar`."""
        crops = check_exemplars(self.spec, crops)
        return self._run(self._exemplar_session, {"images": crops})[0]

    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compare with search images; see `Matcher.respond`."""
        searches = check_searches(self.spec, exemplars, searches)
        scales = searches.shape[1]
        if scales <= self._batch:
            feeds = {"exemplars": exemplars, "images": searches}
            return self._run(self._search_session, feeds, images_each=scales)[0]
        parts = [
            self.respond(exemplars, searches[:, first : first + self._batch])
            for first in range(0, scales, self._batch)
        ]
        return np.concatenate(parts, axis=1)


class OnnxBoxMatcher(_Graphs):
    """A `BoxMatcher` over two graphs; see `_Graphs`."""

    @property
    def exemplars(self) -> int:
        """Number of exemplars per target that `locate` uses; see `BoxMatcher.exemplars`."""
        return find_layout(self.metadata.architecture).exemplars

    def embed_exemplar(
        self, crops: NDArray[np.uint8], sizes: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Embed exemplar images; see `BoxMatcher.embed_exemplar`."""
        crops = check_exemplars(self.spec, crops)
        feeds = {"images": crops, "sizes": check_sizes(crops, sizes)}
        return self._run(self._exemplar_session, feeds)[0]

    def locate(
        self, exemplars: Embedding, searches: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compare with search images; see `BoxMatcher.locate`."""
        searches = check_single_searches(self.spec, exemplars, searches)
        feeds = {"exemplars": exemplars, "images": searches}
        logits, boxes = self._run(self._search_session, feeds)
        return logits, boxes


def open_graphs(
    exemplar_graph: bytes | Path, search_graph: bytes | Path, *, threads: int, device: str = "cpu"
) -> OnnxMatcher | OnnxBoxMatcher:
    """Open graphs with the matcher class for their network."""
    metadata = _metadata(_read(exemplar_graph, 0), exemplar_graph)
    predicts_boxes = find_architecture(metadata.architecture).layout is not None
    kind = OnnxBoxMatcher if predicts_boxes else OnnxMatcher
    return kind(exemplar_graph, search_graph, threads=threads, device=device)


def _read(graph: bytes | Path, which: int) -> bytes:
    """Return a graph's content; a file is checked first."""
    if isinstance(graph, bytes):
        return graph
    try:
        size = graph.stat().st_size
        if size > MAXIMUM_BYTES:
            raise CheckpointError(f"{graph}: expected at most {MAXIMUM_BYTES} bytes, got {size}")
        content = graph.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{graph}: cannot be read: {error.strerror}") from None
    try:
        check_graph(content, which)
    except CheckpointError as error:
        raise CheckpointError(f"{graph}: {error}") from None
    return content


def _open(content: bytes, graph: bytes | Path, threads: int, device: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin between two frames take cores from decoding, cropping and encoding: with
    # spinning, everything but the network took 17 % of the loop, without it 9 %
    # (benchmarks/loop.py).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # The CPU's provider runs whatever the first one does not support.
    providers = list(dict.fromkeys((PROVIDERS[device], PROVIDERS["cpu"])))
    arguments = [_provider_options(device, threads), {}][: len(providers)]
    try:
        session = onnxruntime.InferenceSession(
            content, options, providers=providers, provider_options=arguments
        )
    except Exception as error:  # ONNX Runtime's errors share no other base
        raise CheckpointError(f"{_name(graph)}: expected an ONNX graph: {_reason(error)}") from None
    if session.get_providers()[0] != providers[0]:
        raise InputError(f"device {device!r}: ONNX Runtime could not use it; use device 'cpu'")
    return session


def _provider_options(device: str, threads: int) -> dict[str, str]:
    """Return options for OpenVINO, whose defaults are half precision and all cores."""
    if device != "openvino":
        return {}
    return {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(threads)}


def _run(session: Any, feeds: dict[str, Any]) -> list[NDArray[np.float32]]:
    try:
        outputs: list[NDArray[np.float32]] = session.run(None, feeds)
    except Exception as error:  # ONNX Runtime's errors share no other base
        raise CheckpointError(f"ONNX Runtime cannot run these weights: {_reason(error)}") from None
    return outputs


def _reason(error: Exception) -> str:
    return " ".join(str(error).rpartition(" : ")[2].split())[:200]


def _metadata(content: bytes, graph: bytes | Path) -> Metadata:
    try:
        return read_metadata(content)
    except CheckpointError as error:
        raise CheckpointError(f"{_name(graph)}: {error}") from None


def _check(session: Any, expected: Signature, graph: bytes | Path) -> None:
    found = Signature(_values(session.get_inputs()), _values(session.get_outputs()))
    if found != expected:
        raise CheckpointError(f"{_name(graph)}: expected {expected}, got {found}")


def _values(arguments: list[Any]) -> dict[str, Value]:
    """Return a session's inputs or outputs, with numpy's type names."""
    dtypes = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
    return {
        argument.name: Value(dtypes.get(argument.type, argument.type), tuple(argument.shape))
        for argument in arguments
    }


def _name(graph: bytes | Path) -> str:
    return "the graph" if isinstance(graph, bytes) else str(graph)
