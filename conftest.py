"""Kernels for a GPU need Triton, which torch for the CPU alone lacks: without it, skip them."""

import importlib.util

import siamfc  # noqa: F401  # says how torch's threads wait, before any test imports torch

collect_ignore_glob = (
    []
    if importlib.util.find_spec("triton")
    else [
        "src/siamfc/procedural/kernels/*",
        "src/siamfc/network/siamfc/kernels/*",
    ]
)
