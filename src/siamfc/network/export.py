"""Export of a checkpoint as ONNX graphs: in memory for tracking, as a folder for other programs.

The first graph embeds exemplar images, the second embeds search images and compares them; see
`signatures`. Batch and input normalisation are folded into the convolutions, so the graphs accept
raw pixel values. The folder also has a model card in the form of the Hugging Face Hub.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from siamfc.files import check_file_target, write_file
from siamfc.network.architectures import Architecture, find_architecture
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.decoding import Decoding
from siamfc.network.light.graphs import build_light_graphs, build_track_graph
from siamfc.network.metadata import Metadata
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


_CARD_USE = """\
## Use
```python
import siamfc

tracker = siamfc.Tracker.from_pretrained("FOLDER")  # this folder, or hf://owner/name
tracker.init(image, (x, y, w, h))  # RGB uint8 (height, width, 3); a box in pixels
box = tracker.update(next_image)
```
The ONNX graphs need no siamfc: `model.json` describes them, and the documentation's page *Deploy*
has whole trackers in several languages."""
_CARD_BOXES = "It predicts a box for every cell of the search image; width and height may change."
_CARD_RESPONSES = (
    "It predicts a response for each of several scales; the box keeps its aspect ratio."
)
_CARD_LIMITS = """\
## Limits
It tracks an object from its box in a first frame and knows no classes. An object that looks like
the target can take its place. It does not recognise people and is not meant to watch them."""


def model_card(metadata: Metadata) -> str:
    """Return the text of a README.md: YAML front matter, then Markdown."""
    card = metadata.card
    title = str(card.get("recipe") or metadata.architecture)
    predicts_boxes = find_architecture(metadata.architecture).layout is not None
    parts = [
        _front_matter(metadata, title),
        f"# siamfc: {title}",
        str(card.get("description") or "Weights for visual object tracking."),
        _CARD_BOXES if predicts_boxes else _CARD_RESPONSES,
        _CARD_USE,
        _CARD_LIMITS,
        "## Origin",
        card_tables(metadata),
    ]
    return "\n\n".join(parts) + "\n"


def card_tables(metadata: Metadata) -> str:
    """Return tables, in Markdown, of the weights' origin, their input and their scores."""
    return "\n".join(_tables(metadata))


def _tables(metadata: Metadata) -> Iterator[str]:
    spec, normalisation = metadata.spec, metadata.normalisation
    yield "| item | |\n|---|---|"
    for name, value in metadata.card.items():
        if name not in ("description", "scores", "scores_are"):
            yield _row(name, value)
    yield _row(
        "exemplar, search, response",
        f"{spec.exemplar_size}, {spec.search_size} pixels, "
        f"{spec.response_size} cells, {spec.stride} pixels apart",
    )
    yield _row("context amount", spec.context_amount)
    yield _row(
        "input",
        f"RGB, (value · {normalisation.scale:.5f} − {normalisation.mean[0]}) / "
        f"{normalisation.std[0]}; built into the ONNX graphs",
    )
    yield _row("SHA-256", f"`{metadata.digest}`")
    scores = metadata.card.get("scores")
    if isinstance(scores, Mapping):
        yield "\n| score | |\n|---|---|"
        yield from (_row(name, value) for name, value in scores.items())
        yield f"\nScores: {metadata.card.get('scores_are', 'unknown how measured')}."


def _row(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        shown = ", ".join(f"{part.replace('_', ' ')} {each}" for part, each in value.items())
    else:
        shown = f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)
    shown = f"`{shown}`" if name in ("command", "commit") else shown
    return f"| {name.replace('_', ' ')} | {shown.replace('|', ' ')} |"


def _front_matter(metadata: Metadata, title: str) -> str:
    """Return the YAML block; each value is written as JSON, which YAML includes."""
    card = metadata.card
    entries: dict[str, Any] = {
        "library_name": "siamfc",
        "tags": ["visual-object-tracking", "single-object-tracking", "siamese-network", "onnx"],
    }
    if card.get("licence"):
        entries = {"license": str(card["licence"]).lower(), **entries}
    scores = card.get("scores")
    if isinstance(scores, Mapping):
        measured = str(card.get("scores_are", "unknown")).split(" (")[0]
        dataset = {"type": "video", "name": measured}
        metrics = [
            {"type": name.lower(), "name": name, "value": value}
            for name, value in scores.items()
            if isinstance(value, (int, float))
        ]
        task = {"type": "object-tracking", "name": "Visual object tracking"}
        result = {"task": task, "dataset": dataset, "metrics": metrics}
        entries["model-index"] = [{"name": f"siamfc {title}", "results": [result]}]
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in entries.items()]
    return "\n".join(["---", *lines, "---"])
