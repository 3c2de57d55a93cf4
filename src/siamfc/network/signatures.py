"""Inputs and outputs of the graphs: `export` writes them, `onnx_runtime` checks them."""

from typing import NamedTuple

from siamfc.network.architectures import find_architecture
from siamfc.network.light import architecture as light
from siamfc.network.metadata import Metadata
from siamfc.network.siamfc.architecture import CHANNELS, embedding_size


class Value(NamedTuple):
    """An input or output: numpy's type name, and the shape, with letters for variable sizes."""

    dtype: str
    shape: tuple[int | str, ...]


class Signature(NamedTuple):
    """Inputs and outputs of a graph, by name."""

    inputs: dict[str, Value]
    outputs: dict[str, Value]

    def __str__(self) -> str:
        return " → ".join(", ".join(map(_text, side.items())) for side in self)


def exemplar_signature(metadata: Metadata) -> Signature:
    """Return the signature of the graph that embeds N exemplar images, RGB, with values 0 to 255.

    The light network's graph also takes width and height of the target's box, in pixels of its
    exemplar image.

    >>> print(exemplar_signature(Metadata()))
    images uint8 (N, 127, 127, 3) → embeddings float32 (N, 256, 6, 6)
    """
    size = metadata.spec.exemplar_size
    images = Value("uint8", ("N", size, size, 3))
    outputs = {"embeddings": _embeddings(metadata)}
    layout = find_architecture(metadata.architecture).layout
    if layout is not None:
        return Signature({"images": images, "sizes": Value("float32", ("N", 2))}, outputs)
    return Signature({"images": images}, outputs)


def search_signature(metadata: Metadata) -> Signature:
    """Return the signature of the graph that compares N exemplar embeddings with search images.

    SiamFC's graph takes S search images per target and returns logits; the light network's takes
    one and returns logits and boxes.
    """
    spec = metadata.spec
    size, response = spec.search_size, spec.response_size
    layout = find_architecture(metadata.architecture).layout
    inputs = {"exemplars": _embeddings(metadata, 1 if layout is None else layout.exemplars)}
    if layout is not None:
        inputs["images"] = Value("uint8", ("N", size, size, 3))
        logits = Value("float32", ("N", response, response))
        boxes = Value("float32", ("N", 4, response, response))
        return Signature(inputs, {"logits": logits, "boxes": boxes})
    inputs["images"] = Value("uint8", ("N", "S", size, size, 3))
    return Signature(inputs, {"responses": Value("float32", ("N", "S", response, response))})


def track_signature(metadata: Metadata) -> Signature:
    """Return the signature of the light network's graph that selects a box and score per target.

    `sizes` are the last box's width and height; they, the boxes x, y, w, h and the centres x, y
    are in pixels of the search image. The outputs named `free` serve the search for a lost target;
    see `light.decoding`.
    """
    search = search_signature(metadata)
    shapes = {
        "boxes": (4,), "scores": (), "free_centers": (2,), "free_scores": (), "free_credits": ()
    }  # fmt: skip
    outputs = {name: Value("float32", ("N", *shape)) for name, shape in shapes.items()}
    return Signature({**search.inputs, "sizes": Value("float32", ("N", 2))}, outputs)


def _embeddings(metadata: Metadata, exemplars: int = 1) -> Value:
    layout = find_architecture(metadata.architecture).layout
    if layout is not None:
        keys = light.EXEMPLAR_CELLS**2 * exemplars
        return Value("float32", ("N", layout.channels + light.PLACES, keys))
    cells = embedding_size(metadata.spec.exemplar_size)
    return Value("float32", ("N", CHANNELS, cells, cells))


def _text(item: tuple[str, Value]) -> str:
    name, (dtype, shape) = item
    return f"{name} {dtype} ({', '.join(map(str, shape))})"
