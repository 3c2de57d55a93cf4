"""Triton kernels for the drawing in `render` and `leaves`: the same images, many times faster.

Importing this package does not import Triton; its modules do.
"""

from importlib.util import find_spec

import torch


def runs_on(device: torch.device) -> bool:
    """Return True if the kernels run on the device: a CUDA device, with Triton installed."""
    return device.type == "cuda" and find_spec("triton") is not None
