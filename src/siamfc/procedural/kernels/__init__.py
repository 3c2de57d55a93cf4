"""Triton's kernels for what `render` and `leaves` draw: the same images, many times faster.

Importing this package does not import Triton; its modules do.
"""

from importlib.util import find_spec

import torch


def runs_on(device: torch.device) -> bool:
    """Whether the kernels run on the device: one of CUDA, with Triton installed."""
    return device.type == "cuda" and find_spec("triton") is not None
