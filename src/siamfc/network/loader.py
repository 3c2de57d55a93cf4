"""Loader of networks for tracking, given a name or a path.

The weights that ship are in `weights/`, one folder each, named after the folder. A folder of
weights holds a checkpoint, from which the graphs are built, or the graphs that `export_weights`
wrote.
"""

import os
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from siamfc.checks import check_whole
from siamfc.errors import CheckpointError, MissingDependencyError, install_command, suggest
from siamfc.network import devices
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.export import (
    CHECKPOINT_FILE,
    EXEMPLAR_FILE,
    MODEL_FILE,
    SEARCH_FILE,
    build_graphs,
)
from siamfc.network.matcher import Network
from siamfc.network.metadata import Metadata
from siamfc.system import core_count

DEFAULT_WEIGHTS = "light"
"""Meaning of "default": the best weights for most users on a CPU."""
_SHIPPED = Path(__file__).parent / "weights"
_HUB_SCHEME = "hf://"
_HUB_ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?")
_MOST_THREADS = max(64, os.cpu_count() or 1)  # beyond this, threads only wait


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights that ship with the package."""

    name: str
    folder: Path
    metadata: Metadata

    @property
    def byte_count(self) -> int:
        """Total size of all files."""
        return sum(path.stat().st_size for path in self.folder.iterdir())


def available_weights() -> list[Weights]:
    """List the weights that ship, by name."""
    return [
        Weights(name=path.parent.name, folder=path.parent, metadata=_read_metadata(path))
        for path in sorted(_SHIPPED.glob(f"*/{MODEL_FILE}"))
    ]


def load_matcher(
    weights: str | Path = "default", *, device: str = "auto", threads: int | None = None
) -> Network:
    """Load a network for tracking.

    Args:
        weights: a name that `siamfc models` lists, "default" for the one it marks, a folder of
            weights, a checkpoint (.safetensors), or `hf://owner/name` on the Hugging Face Hub.
        device: `cpu` (ONNX Runtime); `cuda` (torch in half precision, or else ONNX Runtime);
            `directml`, `coreml` or `openvino` (an ONNX Runtime build that has it); or `auto`, an
            NVIDIA GPU if one can be used, else the CPU.
        threads: CPU threads; None: one per core that this process may use.

    Raises:
        CheckpointError: weights that are missing, damaged or foreign.
        InputError: another device or number of threads, or a GPU that cannot be used.
        MissingDependencyError: `cuda`, or an address on the Hub, without a package for it.
    """
    devices.check_device(device, ("auto", *devices.PROVIDERS))
    if threads is not None:
        check_whole("threads", threads, 1, _MOST_THREADS)
    path = find_weights(weights)
    checkpoint_path = _find_checkpoint(path)
    if device == "auto":
        device = "cuda" if _can_use_cuda(checkpoint_path) else "cpu"
    if device == "cuda" and devices.torch_has_cuda() and checkpoint_path.exists():
        return _load_torch(checkpoint_path, device, threads)
    if device == "cuda":
        _require_onnx_cuda(checkpoint_path)
    devices.require_provider(device)
    return _load_onnx(path, device, threads or core_count())


def load_checkpoint(weights: str | Path = "default") -> Checkpoint:
    """Read the checkpoint of `weights`, a name or path as for `load_matcher`.

    Raises:
        CheckpointError: weights that are missing, damaged or foreign.
    """
    return Checkpoint.load(_find_checkpoint(find_weights(weights)))


def read_metadata(weights: str | Path = "default") -> Metadata:
    """Read the metadata of weights, given as for `load_checkpoint`, without loading a network.

    Raises:
        CheckpointError: weights that are missing, damaged or foreign.
    """
    path = find_weights(weights)
    if path.is_dir():
        return _read_metadata(path / MODEL_FILE)
    return Checkpoint.load(path).metadata


def find_weights(weights: str | Path) -> Path:
    """Return the folder or checkpoint of weights, given as for `load_matcher`.

    Raises:
        CheckpointError: there is none, or it cannot be downloaded.
        MissingDependencyError: an address on the Hugging Face Hub without `huggingface_hub`.
    """
    names = [path.parent.name for path in sorted(_SHIPPED.glob(f"*/{MODEL_FILE}"))]
    if not isinstance(weights, str | Path) or not str(weights):
        raise CheckpointError(f"weights: expected a name or a path, got {weights!r}")
    if weights == "default":
        weights = DEFAULT_WEIGHTS
    if weights in names:
        return _SHIPPED / weights
    if isinstance(weights, str) and weights.startswith(_HUB_SCHEME):
        return download_weights(weights)
    path = Path(weights)
    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # a name too long, a null byte
        pass
    if isinstance(weights, Path) or os.sep in weights or path.suffix:
        raise CheckpointError(f"weights: no such file or folder: {weights}")
    advice = suggest(weights, [*names, "default"], otherwise="give the path of a checkpoint")
    listed = ", ".join(names) or "none"
    raise CheckpointError(f"no weights named {weights!r} ({listed} ship): {advice}")


def _find_checkpoint(path: Path) -> Path:
    """Return the checkpoint in a folder of weights, or the path itself if it is a file."""
    return path / CHECKPOINT_FILE if path.is_dir() else path


def _load_onnx(path: Path, device: str, threads: int) -> Network:
    from siamfc.network.onnx_runtime import open_graphs

    files = (path / EXEMPLAR_FILE, path / SEARCH_FILE)
    if not any(file.is_file() for file in files):
        return open_graphs(*_build_once(_find_checkpoint(path)), threads=threads, device=device)
    for file in files:
        if not file.is_file():
            raise CheckpointError(f"{path}: expected a file {file.name}, found none")
    return open_graphs(*files, threads=threads, device=device)


def _build_once(path: Path) -> tuple[bytes, bytes]:
    """Build the graphs of a checkpoint, or reuse those built from the unchanged file."""
    try:
        status = path.stat()
    except OSError:
        return build_graphs(Checkpoint.load(path))  # raises a precise error
    return _build(path, (status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=2)
def _build(path: Path, _stamp: tuple[int, int]) -> tuple[bytes, bytes]:
    return build_graphs(Checkpoint.load(path))


def _load_torch(path: Path, device: str, threads: int | None) -> Network:
    from siamfc.network.light.torch_matcher import TorchLightMatcher
    from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher

    checkpoint = Checkpoint.load(path)
    if checkpoint.architecture.layout is not None:
        return TorchLightMatcher(checkpoint, device=device, threads=threads)
    return TorchSiamFCMatcher(checkpoint, device=device, threads=threads)


def _can_use_cuda(checkpoint_path: Path) -> bool:
    """Return True if `auto` means the GPU. Without a driver, no package is imported to find out."""
    if not devices.has_driver():
        return False
    return (devices.torch_has_cuda() and checkpoint_path.exists()) or devices.has_provider("cuda")


def _require_onnx_cuda(checkpoint_path: Path) -> None:
    """Raise an error that states what `cuda` lacks, when torch cannot be used."""
    if devices.has_provider("cuda"):
        return
    if devices.torch_has_cuda():
        raise CheckpointError(f"{checkpoint_path}: no such file; torch needs it for device 'cuda'")
    devices.require_torch_cuda()


def _read_metadata(path: Path) -> Metadata:
    if not path.is_file():
        raise CheckpointError(
            f"{path.parent}: expected weights written by `siamfc export`, found no {path.name}: "
            "give such a folder, or a checkpoint (.safetensors)"
        )
    try:
        return Metadata.from_json(path.read_text(encoding="utf-8"))
    except (CheckpointError, OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: {error}") from None


@cache
def download_weights(address: str) -> Path:
    """Download weights from the Hugging Face Hub, or find them in its cache; return the folder.

    The Hub is asked once per address and process.

    Args:
        address: `hf://owner/name`, optionally with a branch, tag or commit: `hf://owner/name@v1`.
            The repository holds what `siamfc export` writes; the checkpoint and its description
            are downloaded, the graphs are not.

    Raises:
        CheckpointError: another address, or files that cannot be had.
        MissingDependencyError: `huggingface_hub` is not installed.
    """
    found = _HUB_ADDRESS.fullmatch(address)
    if found is None:
        raise CheckpointError(
            f"weights: expected hf://owner/name or hf://owner/name@revision, got {address!r:.200}"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingDependencyError(
            f"{address} needs huggingface_hub: {install_command('hub')}"
        ) from None
    repository, revision = found.groups()
    files = [MODEL_FILE, CHECKPOINT_FILE]
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=files))
    except (OSError, ValueError) as error:  # the Hub's errors are one or the other
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{address}: cannot be downloaded: {reason}") from None
