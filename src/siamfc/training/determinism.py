"""Training on a GPU that is reproducible to the bit, at the cost of speed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def deterministic(wanted: bool = True) -> Iterator[None]:
    """Use the reproducible variant of every kernel that has one, within the context.

    cuDNN then neither chooses its algorithms by timing, which may differ between processes, nor
    uses any that sums with atomic additions. torch warns about operations without a reproducible
    variant. This package's kernels sum in a fixed order and are always reproducible. The previous
    settings are restored at the end.

    Args:
        wanted: False changes nothing.
    """
    if not wanted:
        yield
        return
    cudnn = torch.backends.cudnn
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # its switch is missing in torch's stubs
    kept = cudnn.benchmark, cudnn.deterministic, memory.fill_uninitialized_memory
    # cuBLAS splits sums by the room it has; torch asks for this to be said.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Nothing here reads what it has not written.
        cudnn.benchmark, cudnn.deterministic, memory.fill_uninitialized_memory = False, True, False
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        cudnn.benchmark, cudnn.deterministic, memory.fill_uninitialized_memory = kept
