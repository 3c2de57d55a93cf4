"""Weights from the Hugging Face Hub, downloaded only for an address that begins with `hf://`."""

import re
from functools import cache
from pathlib import Path

from siamfc.errors import CheckpointError, MissingDependencyError, install_command
from siamfc.network.export import CHECKPOINT_FILE, MODEL_FILE

SCHEME = "hf://"
_ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?")


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
    found = _ADDRESS.fullmatch(address)
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
