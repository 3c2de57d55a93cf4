"""The card of weights in the form of the Hugging Face Hub, from the metadata that they carry."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from siamfc.network.architectures import find_architecture
from siamfc.network.metadata import Metadata

_USE = """\
## Use
```python
import siamfc

tracker = siamfc.Tracker.from_pretrained("FOLDER")  # this folder, or hf://owner/name
tracker.init(image, (x, y, w, h))  # RGB uint8 (height, width, 3); a box in pixels
box = tracker.update(next_image)
```
The ONNX graphs need no siamfc: `model.json` describes them, and the documentation's page *Deploy*
has whole trackers in several languages."""
_BOXES = "It predicts a box for every cell of the search image; width and height may change."
_RESPONSES = "It predicts a response for each of several scales; the box keeps its aspect ratio."
_LIMITS = """\
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
        _BOXES if predicts_boxes else _RESPONSES,
        _USE,
        _LIMITS,
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
