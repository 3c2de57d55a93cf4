"""Conditions of all tests: no kernel without Triton, passive threads, silent progress."""

import importlib.util
import math
from collections.abc import Iterator

import pytest

import siamfc  # noqa: F401  # says how torch's threads wait, before any test imports torch

# Kernels for a GPU need Triton, which torch for the CPU alone lacks: without it, skip them.
collect_ignore_glob = (
    []
    if importlib.util.find_spec("triton")
    else [
        "src/siamfc/cropping/cuda*",
        "src/siamfc/procedural/kernels/*",
        "src/siamfc/network/siamfc/kernels/*",
    ]
)


@pytest.fixture(scope="session", autouse=True)
def _progress_is_silent() -> Iterator[None]:
    """What a verb prints must not rest on how long it takes; tests of progress say otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("siamfc.cli.progress.INTERVAL_SECONDS", math.inf)
        yield
