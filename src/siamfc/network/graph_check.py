"""Safety check of an ONNX file before it is loaded: it may come from anyone and is a program.

A graph is accepted if its nodes, inputs and outputs are those that `siamfc export` writes for the
network named in its metadata, and only its weights differ. It therefore contains no loop, no
constant or padding of unbounded size, and no reference to another file.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from siamfc.errors import CheckpointError
from siamfc.network.architectures import find_architecture
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.export import build_graphs
from siamfc.network.graph import FLOAT, INT64
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.metadata import KEY, Metadata
from siamfc.network.protobuf import decode

MAXIMUM_BYTES = 64 * 2**20
"""Several times the size of SiamFC's graph; larger files are not read."""
_OPSETS, _NODE, _CONSTANT = 8, 1, 5


@dataclass(frozen=True)
class _Parts:
    """Parsed contents of a graph."""

    nodes: list[bytes]
    constants: dict[str, tuple[object, ...]]
    """Shape and type of each constant by name; for integers also the values."""
    others: list[tuple[int, bytes]]
    """Inputs, outputs and all other fields."""
    opsets: list[bytes]


def read_metadata(graph: bytes) -> Metadata:
    """Read a graph's metadata.

    Raises:
        CheckpointError: it has none; the message names no file.
    """
    try:
        for number, value in decode(graph):
            if number == 14 and not isinstance(value, int):
                entry = {
                    key: bytes(text) for key, text in decode(value) if not isinstance(text, int)
                }
                if entry.get(1) == KEY.encode():
                    return Metadata.from_json(entry.get(2, b"").decode())
    except (ValueError, UnicodeDecodeError) as error:
        raise CheckpointError(f"expected an ONNX graph: {error}") from None
    raise CheckpointError("expected a graph that `siamfc export` wrote")


def check_graph(graph: bytes, which: int) -> None:
    """Check that a file's content is the exemplar graph (`which` 0) or the search graph (1).

    Raises:
        CheckpointError: it is not; the message names no file.
    """
    metadata = read_metadata(graph)
    try:
        found = _take_apart(graph)
    except (ValueError, UnicodeDecodeError) as error:
        raise CheckpointError(f"expected an ONNX graph: {error}") from None
    expected = _expected(metadata.architecture, metadata.spec)[which]
    known = set(expected.nodes)
    for node in found.nodes:
        if node not in known:
            raise CheckpointError(
                f"expected only the operators that `siamfc export` writes, got {_describe(node)}; "
                "export the weights again"
            )
    if found != expected:
        raise CheckpointError(
            "expected the graph that `siamfc export` writes, got another; export the weights again"
        )


@lru_cache(maxsize=2)
def _expected(architecture: str, spec: EmbeddingSpec) -> list[_Parts]:
    """Build and parse the two graphs of a network, with zeros for weights."""
    metadata = Metadata(architecture=architecture, spec=spec)
    shapes = find_architecture(architecture).tensor_shapes()
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    graphs = build_graphs(Checkpoint(tensors=zeros, metadata=metadata))
    return [_take_apart(graph) for graph in graphs]


def _take_apart(graph: bytes) -> _Parts:
    parts = _Parts(nodes=[], constants={}, others=[], opsets=[])
    for number, value in decode(graph):
        if isinstance(value, int):
            continue
        if number == _OPSETS:
            parts.opsets.append(bytes(value))
        elif number == 7:
            for part, content in decode(value):
                if isinstance(content, int):
                    raise ValueError("a graph with a number where none belongs")
                if part == _NODE:
                    parts.nodes.append(bytes(content))
                elif part == _CONSTANT:
                    name, described = _constant(content)
                    if name in parts.constants:
                        raise ValueError(f"two constants named {name:.60}")
                    parts.constants[name] = described
                else:
                    parts.others.append((part, bytes(content)))
        elif number not in (2, 3, 4, 6, 14):  # texts about the file
            parts.others.append((number, bytes(value)))
    return parts


def _constant(content: bytes | memoryview) -> tuple[str, tuple[object, ...]]:
    """Return a constant's name and what must not differ between two graphs."""
    sides: list[int] = []
    name, kind, values, others = "", 0, b"", []
    for number, value in decode(content):
        if number == 1 and isinstance(value, int):
            sides.append(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and not isinstance(value, int):
            name = bytes(value).decode()
        elif number == 9 and not isinstance(value, int):
            values = bytes(value)
        else:
            others.append(number)
    if kind == FLOAT and not np.isfinite(np.frombuffer(values, "<f4")).all():
        raise ValueError(f"{name:.60} has NaN or infinity among its values")
    # Integers are sizes, which determine the computation.
    return name, (tuple(sides), kind, values if kind == INT64 else len(values), *others)


def _describe(node: bytes) -> str:
    """Return a node's operator and name."""
    try:
        fields = {number: value for number, value in decode(node) if not isinstance(value, int)}
    except ValueError:
        return "a damaged one"
    kind, name = (bytes(fields.get(number, b"")).decode(errors="replace") for number in (4, 3))
    return f"{kind!r:.40} ({name!r:.40})"
