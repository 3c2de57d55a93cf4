"""The inputs and outputs of the two exported graphs: written by `export`, checked by a runtime."""

from typing import NamedTuple

from siamfc.network.architecture import CHANNELS, embedding_size
from siamfc.network.matcher import EmbeddingSpec


class Value(NamedTuple):
    """An input or output: numpy's name of its type; its shape, with letters where it is free."""

    dtype: str
    shape: tuple[int | str, ...]


class Signature(NamedTuple):
    """What a graph takes and gives, by name."""

    inputs: dict[str, Value]
    outputs: dict[str, Value]

    def __str__(self) -> str:
        return " → ".join(", ".join(map(_text, side.items())) for side in self)


def exemplar_signature(spec: EmbeddingSpec) -> Signature:
    """Of the graph that embeds N exemplar images, RGB, values 0 to 255 as they are.

    >>> print(exemplar_signature(EmbeddingSpec()))
    images uint8 (N, 127, 127, 3) → embeddings float32 (N, 256, 6, 6)
    """
    size, cells = spec.exemplar_size, embedding_size(spec.exemplar_size)
    images = Value("uint8", ("N", size, size, 3))
    return Signature({"images": images}, {"embeddings": _embeddings(cells)})


def search_signature(spec: EmbeddingSpec) -> Signature:
    """Of the graph that compares N exemplar embeddings with S search images each, as logits."""
    size, response = spec.search_size, spec.response_size
    images = Value("uint8", ("N", "S", size, size, 3))
    responses = Value("float32", ("N", "S", response, response))
    exemplars = _embeddings(embedding_size(spec.exemplar_size))
    return Signature({"exemplars": exemplars, "images": images}, {"responses": responses})


def _embeddings(cells: int) -> Value:
    return Value("float32", ("N", CHANNELS, cells, cells))


def _text(item: tuple[str, Value]) -> str:
    name, (dtype, shape) = item
    return f"{name} {dtype} ({', '.join(map(str, shape))})"
