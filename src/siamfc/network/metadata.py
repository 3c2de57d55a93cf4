"""Metadata of weights: the network's input, and the weights' origin.

One JSON text, the same in a checkpoint and in an exported graph, under the key `siamfc`. Every
field is checked before use, since a file of weights may come from anyone.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, TypeVar

from siamfc.errors import CheckpointError, InputError
from siamfc.network.architectures import ALEXNET, find_architecture
from siamfc.network.calibration import Calibration
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.normalisation import Normalisation

KEY = "siamfc"
"""Entry of a file's metadata that holds the JSON text."""
FORMAT = 1
"""Format version, raised when an older program could misread a newer file."""
_PIXELS = {"channels": "RGB", "minimum": 0, "maximum": 255}
"""The only supported image format, recorded for readers other than siamfc."""
_UNCALIBRATED = asdict(Calibration())
"""Default for files without a calibration."""
_MAXIMUM_SIZE = 2047
_MAXIMUM_NUMBER = 1e9

Settings = TypeVar("Settings", EmbeddingSpec, Normalisation, Calibration)


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Describes a file of weights. An exported graph has the normalisation built in.

    The card is free-form JSON about the weights' origin. `siamfc models` prints its `description`,
    `licence`, `pairs` (the number of training pairs) and `scores` (a name and a number each); a
    recipe, seed, commit, date and hardware also belong there.
    """

    architecture: str = ALEXNET.name
    spec: EmbeddingSpec = field(default_factory=EmbeddingSpec)
    normalisation: Normalisation = field(default_factory=Normalisation)
    calibration: Calibration = field(default_factory=Calibration)
    """For a network that predicts boxes. Measured after training, so not part of the digest."""
    card: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    """SHA-256 of the weights and their input's description, hexadecimal; see `checkpoint`."""

    def __post_init__(self) -> None:
        spec = self.spec
        if spec.search_size > _MAXIMUM_SIZE:
            raise InputError(f"search_size: expected at most {_MAXIMUM_SIZE}, got {spec}")
        architecture = find_architecture(self.architecture)
        architecture.check_sizes(spec)
        if architecture.layout is None and self.calibration != Calibration():
            raise InputError(f"calibration: expected none for a network {self.architecture!r}")

    def record(self) -> dict[str, Any]:
        """Return the input's description in JSON types; the digest covers it and the weights."""
        return {
            "format": FORMAT,
            "architecture": self.architecture,
            "spec": asdict(self.spec),
            "normalisation": asdict(self.normalisation),
            "pixels": _PIXELS,
        }

    def to_json(self) -> str:
        """Return the JSON text that `from_json` reads.

        Raises:
            InputError: JSON cannot hold the card.
        """
        record = {**self.record(), "digest": self.digest, "card": self.card}
        if self.calibration != Calibration():
            record["calibration"] = asdict(self.calibration)
        try:
            return json.dumps(record, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(f"card: expected what JSON can hold: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the output of `to_json`.

        Raises:
            CheckpointError: the text is anything else; the message names no file.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            raise CheckpointError("metadata: expected a JSON object") from None
        record = _mapping(record, "metadata")
        try:
            architecture = find_architecture(record.get("architecture")).name
        except InputError as error:
            raise CheckpointError(str(error)) from None
        if record.get("format") != FORMAT:
            found = record.get("format")
            raise CheckpointError(f"format: expected {FORMAT}, got {found!r:.60}; update siamfc")
        if record.get("pixels") != _PIXELS:
            found = record.get("pixels")
            raise CheckpointError(f"pixels: expected {_PIXELS}, got {found!r:.60}")
        digest = record.get("digest")
        if not isinstance(digest, str):
            raise CheckpointError(f"digest: expected a text, got {digest!r:.60}")
        try:
            return cls(
                architecture=architecture,
                spec=_settings(EmbeddingSpec, record.get("spec"), "spec"),
                normalisation=_settings(
                    Normalisation, record.get("normalisation"), "normalisation"
                ),
                calibration=_settings(
                    Calibration, record.get("calibration", _UNCALIBRATED), "calibration"
                ),
                card=_mapping(record.get("card"), "card"),
                digest=digest,
            )
        except InputError as error:
            raise CheckpointError(f"metadata: {error}") from None


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CheckpointError(f"{name}: expected a JSON object, got {value!r:.60}")
    return value


def _settings(kind: type[Settings], value: object, name: str) -> Settings:
    """Create a `kind` from a JSON object with exactly its fields, each of its default's type."""
    record = _mapping(value, name)
    defaults = {item.name: item.default for item in fields(kind)}
    if record.keys() != defaults.keys():
        raise CheckpointError(f"{name}: expected {list(defaults)}, got {list(record)!r:.120}")
    return kind(**{key: _like(default, record[key], key) for key, default in defaults.items()})


def _like(default: object, value: Any, name: str) -> Any:
    """Return `value` as the type of `default`: an integer, a number or three numbers."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or len(value) != len(default):
            raise CheckpointError(f"{name}: expected {len(default)} numbers, got {value!r:.60}")
        return tuple(_like(item, number, name) for item, number in zip(default, value, strict=True))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, float) and is_number and abs(value) < _MAXIMUM_NUMBER:
        return float(value)
    if isinstance(default, int) and isinstance(value, int) and is_number:
        return value
    raise CheckpointError(f"{name}: expected a number such as {default}, got {value!r:.60}")
