"""Folding of normalisations into convolutions; all runtimes for tracking use the result.

Computed in float64 and rounded once. Nothing is approximated: a batch normalisation with fixed
statistics is affine, and so is the input normalisation, which a convolution without padding absorbs
completely.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc.network.checkpoint import Tensors
from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import NORM_EPSILON


class Kernel(NamedTuple):
    """Weight (outputs, inputs / groups, k, k) and bias (outputs,) of a convolution, float64."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]


def fold_norms(tensors: Tensors) -> dict[str, Kernel]:
    """Return SiamFC's convolutions by name, each with its batch normalisation folded in."""
    kernels = {}
    for layer in architecture.LAYERS:
        name = f"backbone.{layer.name}"
        if layer.norm is None:
            kernels[layer.name] = plain_kernel(tensors, name)
        else:
            kernels[layer.name] = fold_norm(tensors, f"{name}.weight", f"backbone.{layer.norm}")
    return kernels


def plain_kernel(tensors: Tensors, name: str) -> Kernel:
    """Return the convolution `name` unchanged, with its own bias."""
    weight, bias = (tensors[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    return Kernel(weight, bias)


def fold_norm(tensors: Tensors, weight: str, norm: str) -> Kernel:
    """Return the convolution of tensor `weight` with the batch normalisation `norm` folded in."""
    gain, shift = norm_gain_and_shift(tensors, norm)
    return Kernel(tensors[weight].astype(np.float64) * gain[:, None, None, None], shift)


def norm_gain_and_shift(
    tensors: Tensors, norm: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Express a batch normalisation as x · gain + shift, (C,) each."""
    gain, shift, mean, variance = (
        tensors[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / np.sqrt(variance + NORM_EPSILON)
    return gain, shift - mean * gain


def fold_normalisation(kernel: Kernel, normalisation: Normalisation) -> Kernel:
    """Fold the input normalisation into the first convolution, so that it accepts raw pixels."""
    multiplier = np.array(normalisation.multiplier)[:, None, None]
    offset = np.array(normalisation.offset)[:, None, None]
    bias = kernel.bias + (kernel.weight * offset).sum((1, 2, 3))
    return Kernel(kernel.weight * multiplier, bias)
