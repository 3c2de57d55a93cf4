"""Writes a checkpoint as ONNX graphs: in memory for tracking, as a folder for use elsewhere.

The first graph embeds exemplar images, the second embeds search images and compares; see
`signatures`. Batch and input normalisation are folded into the convolutions, so the graphs
take pixel values as they are.
"""

import json
from pathlib import Path

from siamfc.files import check_place, write_file
from siamfc.network.architectures import Architecture
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.decoding import Decoding
from siamfc.network.light.graphs import build_light_graphs, build_track_graph
from siamfc.network.siamfc.graphs import build_siamfc_graphs
from siamfc.network.signatures import (
    Signature,
    exemplar_signature,
    search_signature,
    track_signature,
)

EXEMPLAR_FILE, SEARCH_FILE, TRACK_FILE = "exemplar.onnx", "search.onnx", "track.onnx"
CHECKPOINT_FILE, MODEL_FILE = "model.safetensors", "model.json"

_PIXELS = "Give the graphs RGB pixel values 0 to 255 as they are: the normalisation is in them. "
_RESPONSES = "N targets, S search images each. Responses are logits: their sigmoid is a score."
_BOXES = (
    "N targets. `sizes` are width and height of the target's box in its exemplar image. Logits' "
    "sigmoid is the IoU expected of a cell's box; with `calibration`, where there is one, that of "
    "slope · logit + offset is the chance that the box overlaps the true one by more than half. "
    "Boxes are left, top, right, bottom in pixels of the search image, for each cell. track.onnx "
    "chooses among them: given the last box's width and height in pixels of the search image, it "
    "returns x, y, width and height there, and the score as a probability; and for a lost target, "
    "searched for in several windows, a centre, score and credit that no place is favoured in: the "
    "window with the highest credit shows it."
)
_TOGETHER = (
    " The search graph takes two embeddings of each target, one after the other along the last "
    "axis: that of the first frame and a recent one, or the first one twice."
)


def export_weights(
    checkpoint: Checkpoint,
    folder: str | Path,
    *,
    decoding: Decoding | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a folder of weights that `load_matcher` can read, and return the paths.

    It holds both graphs, the checkpoint, and `model.json`, which describes them; of a network that
    predicts boxes also `track.onnx`, which chooses one.

    Args:
        checkpoint: the weights.
        folder: made if needed.
        decoding: how `track.onnx` chooses; None: as a tracker does by default.
        overwrite: replace what exists.

    Raises:
        OutputError: a file exists, unless `overwrite`; nothing is written then.
    """
    exemplar, search = build_graphs(checkpoint)
    contents = {EXEMPLAR_FILE: exemplar, SEARCH_FILE: search}
    if checkpoint.architecture.layout is not None:
        contents[TRACK_FILE] = build_track_graph(checkpoint, decoding or Decoding())
    contents[CHECKPOINT_FILE] = checkpoint.to_bytes()
    contents[MODEL_FILE] = (json.dumps(_describe(checkpoint), indent=2) + "\n").encode()
    paths = [Path(folder, name) for name in contents]
    for path in paths:
        check_place(path, overwrite=overwrite)
    for path, content in zip(paths, contents.values(), strict=True):
        write_file(path, content, overwrite=overwrite)
    return paths


def build_graphs(checkpoint: Checkpoint) -> tuple[bytes, bytes]:
    """Write the graph that embeds exemplar images, and the one that compares search images."""
    predicts_boxes = checkpoint.architecture.layout is not None
    return build_light_graphs(checkpoint) if predicts_boxes else build_siamfc_graphs(checkpoint)


def _describe(checkpoint: Checkpoint) -> dict[str, object]:
    """Describe the weights as `Metadata.from_json` reads it, and how to use the graphs."""
    metadata = checkpoint.metadata
    signatures = {
        EXEMPLAR_FILE: exemplar_signature(metadata),
        SEARCH_FILE: search_signature(metadata),
    }
    if checkpoint.architecture.layout is not None:
        signatures[TRACK_FILE] = track_signature(metadata)
    graphs = {name: _describe_graph(signature) for name, signature in signatures.items()}
    return {
        **json.loads(metadata.to_json()),
        "usage": _usage(checkpoint.architecture),
        "graphs": graphs,
    }


def _usage(architecture: Architecture) -> str:
    if architecture.layout is None:
        return _PIXELS + _RESPONSES
    return _PIXELS + _BOXES + (_TOGETHER if architecture.layout.exemplars > 1 else "")


def _describe_graph(signature: Signature) -> dict[str, object]:
    return {
        side: {name: value._asdict() for name, value in values.items()}
        for side, values in signature._asdict().items()
    }
