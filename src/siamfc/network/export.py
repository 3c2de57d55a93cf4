"""Export of a checkpoint as ONNX graphs: in memory for tracking, as a folder for other programs.

The first graph embeds exemplar images, the second embeds search images and compares them; see
`signatures`. Batch and input normalisation are folded into the convolutions, so the graphs accept
raw pixel values.
"""

import json
from pathlib import Path

from siamfc.files import check_file_target, write_file
from siamfc.network.architectures import Architecture
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.decoding import Decoding
from siamfc.network.light.graphs import build_light_graphs, build_track_graph
from siamfc.network.model_card import model_card
from siamfc.network.siamfc.graphs import build_siamfc_graphs
from siamfc.network.signatures import (
    Signature,
    exemplar_signature,
    search_signature,
    track_signature,
)

EXEMPLAR_FILE, SEARCH_FILE, TRACK_FILE = "exemplar.onnx", "search.onnx", "track.onnx"
CHECKPOINT_FILE, MODEL_FILE, CARD_FILE = "model.safetensors", "model.json", "README.md"

_PIXELS = "The graphs take RGB pixel values from 0 to 255; the normalisation is built in. "
_RESPONSES = "N targets, S search images each. Responses are logits: their sigmoid is a score."
_BOXES = (
    "N targets. `sizes` are width and height of the target's box in its exemplar image. The "
    "logits' sigmoid is the predicted IoU of a cell's box; with `calibration`, if present, the "
    "sigmoid of slope · logit + offset is the probability that the box overlaps the ground truth "
    "by more than half. Boxes are left, top, right, bottom in pixels of the search image, one per "
    "cell. track.onnx selects one of them: given the last box's width and height in pixels of the "
    "search image, it returns x, y, width and height there, and the score as a probability. For a "
    "lost target that is searched for in several windows it also returns a centre, score and "
    "credit that favour no position: the window with the highest credit shows the target."
)
_TOGETHER = (
    " The search graph takes two embeddings per target, concatenated along the last axis: that of "
    "the first frame and a recent one, or the first one twice."
)


def export_weights(
    checkpoint: Checkpoint,
    folder: str | Path,
    *,
    decoding: Decoding | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a folder of weights that `load_matcher` can read, and return the paths.

    The folder holds both graphs, the checkpoint, `model.json`, which describes them, and a model
    card; for a network that predicts boxes also `track.onnx`, which selects one box per target.

    Args:
        checkpoint: the weights.
        folder: output folder, created if needed.
        decoding: how `track.onnx` selects a box; None: the tracker's defaults.
        overwrite: replace existing files.

    Raises:
        OutputError: a file exists, unless `overwrite`; nothing is written then.
    """
    exemplar, search = build_graphs(checkpoint)
    contents = {EXEMPLAR_FILE: exemplar, SEARCH_FILE: search}
    if checkpoint.architecture.layout is not None:
        contents[TRACK_FILE] = build_track_graph(checkpoint, decoding or Decoding())
    contents[CHECKPOINT_FILE] = checkpoint.to_bytes()
    contents[MODEL_FILE] = (json.dumps(_describe(checkpoint), indent=2) + "\n").encode()
    contents[CARD_FILE] = model_card(checkpoint.metadata).encode()
    paths = [Path(folder, name) for name in contents]
    for path in paths:
        check_file_target(path, overwrite=overwrite)
    for path, content in zip(paths, contents.values(), strict=True):
        write_file(path, content, overwrite=overwrite)
    return paths


def build_graphs(checkpoint: Checkpoint) -> tuple[bytes, bytes]:
    """Build the graph that embeds exemplar images and the graph that compares search images."""
    predicts_boxes = checkpoint.architecture.layout is not None
    return build_light_graphs(checkpoint) if predicts_boxes else build_siamfc_graphs(checkpoint)


def _describe(checkpoint: Checkpoint) -> dict[str, object]:
    """Describe the weights in the form that `Metadata.from_json` reads, and the graphs' use."""
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
