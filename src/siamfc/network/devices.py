"""Which device runs a network: the one check of a device's name, for tracking and training."""

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
"""That torch knows too."""
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""ONNX Runtime's execution provider for each device; the last three are for tracking alone."""
PROVIDER_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
    "openvino": "onnxruntime-openvino",
}
"""The build of ONNX Runtime with a provider, in place of `onnxruntime`; which for macOS has
Core ML's."""


def check_device(name: object, known: Collection[str] = DEVICES) -> None:
    """InputError unless this names a device."""
    if name not in known:
        raise InputError(f"device: expected one of {', '.join(known)}, got {name!r}")


def has_provider(device: str) -> bool:
    """Whether the ONNX Runtime that is installed can be asked to use a device."""
    import onnxruntime

    return PROVIDERS[device] in onnxruntime.get_available_providers()


def require_provider(device: str) -> None:
    """InputError, with what to do, unless ONNX Runtime can be asked to use a device."""
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
    """Find torch's device of a name; `auto` is a GPU if torch can use one.

    InputError for another name, and for `cuda` without such a GPU.
    """
    import torch

    check_device(name)
    if name == "cuda":
        require_torch_cuda()
    return torch.device("cuda" if name != "cpu" and torch_has_cuda() else "cpu")


def require_torch_cuda() -> None:
    """InputError or MissingDependencyError, with what to do, unless torch can use a GPU."""
    if find_spec("torch") is None:
        raise MissingDependencyError(
            f"device 'cuda' needs torch: {install_command('train')}, or use device 'cpu'"
        )
    if not torch_has_cuda():
        raise InputError("device 'cuda': torch finds no GPU that it can use; use device 'cpu'")


def torch_has_cuda() -> bool:
    """Whether torch is installed and can use a GPU."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


@cache
def has_driver() -> bool:
    """Whether NVIDIA's driver is installed; no package is imported to find out."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
