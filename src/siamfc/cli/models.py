"""`siamfc models`."""

from collections.abc import Mapping
from typing import Any

from siamfc.cli.console import print_json, print_table
from siamfc.cli.parameters import Flag
from siamfc.network import DEFAULT_WEIGHTS, Weights, available_weights


def models(*, json: Flag = False) -> int:
    """List available models (* = default).

    A checkpoint or a folder of weights can also be used, by its path.

    Parameters
    ----------
    json
        Print one JSON object instead of a table: the weights' complete cards.
    """
    weights = available_weights()
    if json:
        print_json({"models": [_entry(item) for item in weights]})
    elif weights:
        scores = sorted({name for item in weights for name in _scores(item)})
        header = ["name", "network", "MB", "updates/s", "on a GPU", "pairs", *scores, "licence"]
        print_table(header, [_row(item, scores) for item in weights])
    else:
        print("This installation includes no weights: pass the path of a checkpoint to --weights.")
    return 0


def _entry(weights: Weights) -> dict[str, Any]:
    return {
        "name": weights.name,
        "default": weights.name == DEFAULT_WEIGHTS,
        "network": weights.metadata.architecture,
        "folder": str(weights.folder),
        "bytes": weights.byte_count,
        "digest": weights.metadata.digest,
        "card": weights.metadata.card,
    }


def _row(weights: Weights, scores: list[str]) -> list[str]:
    card, known = weights.metadata.card, _scores(weights)
    pairs = card.get("pairs")
    return [
        f"{weights.name} *" if weights.name == DEFAULT_WEIGHTS else weights.name,
        weights.metadata.architecture,
        f"{weights.byte_count / 1e6:.1f}",
        _speed(card.get("updates_per_second")),
        _speed(card.get("updates_per_second_on_a_gpu")),
        f"{pairs:,}" if isinstance(pairs, int) else "–",
        *(f"{known[name]:.3f}" if name in known else "–" for name in scores),
        str(card.get("licence", "–")),
    ]


def _speed(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "–"


def _scores(weights: Weights) -> dict[str, float]:
    """Return the card's scores that are numbers."""
    scores = weights.metadata.card.get("scores")
    items = scores.items() if isinstance(scores, Mapping) else ()
    return {name: value for name, value in items if isinstance(value, (int, float))}
