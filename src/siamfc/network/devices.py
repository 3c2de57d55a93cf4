"""Devices that run a network: the only check of device names, for tracking and training."""

import ctypes
import sys
from collections.abc import Collection
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from siamfc.errors import InputError, MissingDependencyError, install_command

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")
"""Device names that torch also knows."""
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""ONNX Runtime's execution provider for each device; the last three are only for tracking."""
PROVIDER_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
    "openvino": "onnxruntime-openvino",
}
"""Package that has the provider, to be installed instead of `onnxruntime`; Core ML's provider is
in the macOS build of `onnxruntime` itself."""


def check_device(name: object, known: Collection[str] = DEVICES) -> None:
    """Raise InputError unless `name` is a known device."""
    if name not in known:
        raise InputError(f"device: expected one of {', '.join(known)}, got {name!r}")


def has_provider(device: str) -> bool:
    """Return True if the installed ONNX Runtime supports a device."""
    import onnxruntime

    return PROVIDERS[device] in onnxruntime.get_available_providers()


def require_provider(device: str) -> None:
    """Raise InputError, with advice, unless the installed ONNX Runtime supports a device."""
    if has_provider(device):
        return
    package = PROVIDER_PACKAGES.get(device)
    advice = (
        f"pip uninstall onnxruntime, then pip install {package}" if package else "it is for macOS"
    )
    raise InputError(
        f"device {device!r}: the ONNX Runtime that is installed cannot use it: {advice}; "
        "or use device 'cpu'"
    )


def torch_device(name: str) -> "torch.device":
    """Return torch's device for a name; `auto` is a GPU if torch can use one.

    Raises:
        InputError: an unknown name, or `cuda` without such a GPU.
        MissingDependencyError: `cuda` without torch.
    """
    import torch

    check_device(name)
    if name == "cuda":
        require_torch_cuda()
    return torch.device("cuda" if name != "cpu" and torch_has_cuda() else "cpu")


def require_torch_cuda() -> None:
    """Raise InputError or MissingDependencyError, with advice, unless torch can use a GPU."""
    if find_spec("torch") is None:
        raise MissingDependencyError(
            f"device 'cuda' needs torch: {install_command('train')}, or use device 'cpu'"
        )
    if not torch_has_cuda():
        raise InputError("device 'cuda': torch finds no GPU that it can use; use device 'cpu'")


def torch_has_cuda() -> bool:
    """Return True if torch is installed and can use a GPU."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def runs_kernels(device: "torch.device") -> bool:
    """Return True if Triton's kernels run there: on a CUDA device, with Triton installed."""
    return device.type == "cuda" and find_spec("triton") is not None


@cache
def has_driver() -> bool:
    """Return True if NVIDIA's driver is installed; imports no package to find out."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
