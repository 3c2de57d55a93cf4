"""Kernels for a GPU need Triton, which torch for the CPU alone lacks: without it, skip them."""

import importlib.util

collect_ignore_glob = (
    []
    if importlib.util.find_spec("triton")
    else [
        "src/siamfc/procedural/kernels/*",
        "src/siamfc/network/siamfc/kernels/*",
    ]
)
