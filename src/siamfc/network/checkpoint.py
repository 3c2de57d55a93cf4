"""Checkpoints: safetensors with JSON metadata. Nothing is ever unpickled, and torch is not needed.

A checkpoint may come from anyone, so everything in it is checked: the tensors' names, shapes, types
and values, and that they are the ones the metadata describes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import CheckpointError
from siamfc.files import write_file
from siamfc.network.architectures import Architecture, find_architecture
from siamfc.network.metadata import KEY, Metadata

Tensors = Mapping[str, NDArray[np.float32]]

_MAXIMUM_BYTES = 64 * 2**20
"""Several times the size of the network's 2.3 million numbers; larger files are not read."""
_LARGEST_LOGARITHM = 50.0
_FOREIGN = (  # first bytes, and the format they indicate
    (b"PK\x03\x04", "a zip archive, perhaps torch's, which can run code when it is loaded"),
    (b"\x80", "a pickle, which can run code when it is loaded"),
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights as numpy arrays under torch's names, with everything needed to use them.

    The metadata's digest is filled in; a digest that is already there must match the weights.

    Raises:
        CheckpointError: tensors that do not belong to this network.
    """

    tensors: Tensors
    metadata: Metadata

    def __post_init__(self) -> None:
        _check(self.tensors, self.architecture)
        digest = _digest(self.tensors, self.metadata)
        if self.metadata.digest not in ("", digest):
            raise CheckpointError("expected the weights that the metadata describes, got others")
        object.__setattr__(self, "metadata", replace(self.metadata, digest=digest))

    @property
    def architecture(self) -> Architecture:
        """Architecture of the network that the weights belong to."""
        return find_architecture(self.metadata.architecture)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a checkpoint.

        Raises:
            CheckpointError: the file is missing, damaged, unsafe or not a checkpoint.
        """
        path = Path(path)
        try:
            tensors, text = _read(path)
            return cls(tensors=tensors, metadata=Metadata.from_json(text))
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the file, completely or not at all.

        Raises:
            OutputError: the file exists, unless `overwrite`, or cannot be written.
        """
        write_file(path, self.to_bytes(), overwrite=overwrite)

    def to_bytes(self) -> bytes:
        """Return the file's content; equal checkpoints produce equal bytes."""
        from safetensors.numpy import save

        names = self.architecture.tensor_shapes()
        tensors = {name: np.asarray(self.tensors[name], order="C") for name in names}
        return save(tensors, metadata={KEY: self.metadata.to_json()})


def _check(tensors: Tensors, architecture: Architecture) -> None:
    shapes = architecture.tensor_shapes()
    missing, extra = shapes.keys() - tensors.keys(), tensors.keys() - shapes.keys()
    if missing:
        raise CheckpointError(f"expected a tensor {min(missing)}, found none of that name")
    if extra:
        raise CheckpointError(f"expected no tensor {min(extra)!r:.60}")
    for name, shape in shapes.items():
        tensor = tensors[name]
        if tensor.shape != shape:
            raise CheckpointError(f"{name}: expected the shape {shape}, got {tensor.shape!r:.60}")
        if tensor.dtype != np.float32:
            raise CheckpointError(f"{name}: expected float32, got {tensor.dtype}")
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{name}: expected finite values, found NaN or infinity")
        if name.endswith(".running_var") and tensor.min() < 0:
            raise CheckpointError(f"{name}: expected variances, found {tensor.min()}")
    name = architecture.logarithm
    if abs(tensors[name]) > _LARGEST_LOGARITHM:
        raise CheckpointError(f"{name}: expected a small number, got {tensors[name]}")


def _read(path: Path) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Read the tensors and the metadata text, with only the checks that reading requires."""
    from safetensors import SafetensorError, safe_open

    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror}") from None
    header_bytes = int.from_bytes(start, "little")
    for magic, meaning in _FOREIGN:
        if start.startswith(magic) and header_bytes > size:
            raise CheckpointError(f"expected safetensors, got {meaning}")
    if size > _MAXIMUM_BYTES:
        raise CheckpointError(f"expected at most {_MAXIMUM_BYTES} bytes, got {size}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise CheckpointError(f"expected metadata under {KEY!r}, found {list(metadata)}")
            names = file.keys()
            for name in names:
                dtype = file.get_slice(name).get_dtype()
                if dtype != "F32":
                    raise CheckpointError(f"{name!r:.60}: expected float32, got {dtype}")
            return {name: file.get_tensor(name) for name in names}, metadata[KEY]
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"expected safetensors, whole and undamaged: {error}") from None


def _digest(tensors: Tensors, metadata: Metadata) -> str:
    """Compute SHA-256 over the input's description and all tensors by name, without the card."""
    sha = hashlib.sha256(json.dumps(metadata.record(), sort_keys=True).encode())
    for name in sorted(tensors):
        sha.update(name.encode())
        sha.update(np.asarray(tensors[name], dtype="<f4", order="C").tobytes())
    return sha.hexdigest()
