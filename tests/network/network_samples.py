"""Synthetic networks and images; none of it needs torch."""

import math

import numpy as np
import pytest
from _pytest.mark.structures import ParameterSet
from numpy.typing import NDArray

from siamfc.network import (
    Checkpoint,
    EmbeddingSpec,
    Metadata,
    Normalisation,
    available_weights,
    load_checkpoint,
)
from siamfc.network.architectures import ALEXNET, LIGHT
from siamfc.network.light import architecture as light
from siamfc.network.siamfc import architecture as siamfc

NORMALISATION = Normalisation(mean=(0.4, 0.45, 0.5), std=(0.2, 0.25, 0.3))


def make_tensors(seed: int, *, trained: bool = True) -> dict[str, NDArray[np.float32]]:
    """Return Xavier weights; `trained` moves norms, biases and gain from their initial values."""
    random = np.random.default_rng(seed)
    tensors = {name: np.zeros(shape) for name, shape in siamfc.tensor_shapes().items()}
    for layer in siamfc.LAYERS:
        shape = tensors[f"backbone.{layer.name}.weight"].shape
        bound = math.sqrt(6 / (layer.kernel**2 * (shape[0] + shape[1])))
        tensors[f"backbone.{layer.name}.weight"] = random.uniform(-bound, bound, shape)
        if layer.norm is None:
            tensors[f"backbone.{layer.name}.bias"] += trained * random.normal(0, 0.1, shape[0])
            continue
        norm = f"backbone.{layer.norm}"
        tensors[f"{norm}.weight"] += random.uniform(0.5, 1.5, shape[0]) if trained else 1
        tensors[f"{norm}.bias"] += trained * random.normal(0, 0.2, shape[0])
        tensors[f"{norm}.running_mean"] += trained * random.normal(0, 0.3, shape[0])
        tensors[f"{norm}.running_var"] += random.uniform(0.1, 2, shape[0]) if trained else 1
    tensors["log_gain"] += math.log(0.02 if trained else 0.001)
    tensors["bias"] += -4.5 if trained else 0
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def make_checkpoint(seed: int = 0, *, trained: bool = True) -> Checkpoint:
    card = {"description": "made up for a test", "licence": "CC0-1.0", "pairs": 0}
    metadata = Metadata(normalisation=NORMALISATION, card=card)
    return Checkpoint(tensors=make_tensors(seed, trained=trained), metadata=metadata)


def make_light_tensors(
    seed: int, layout: light.Layout = light.LIGHT
) -> dict[str, NDArray[np.float32]]:
    """Return weights of the light network as if trained: no value is the initial one."""
    random = np.random.default_rng(seed)
    tensors: dict[str, NDArray[np.float64]] = {}
    for name, shape in layout.tensor_shapes().items():
        if name.endswith(("conv.weight", "last.weight")):
            bound = math.sqrt(6 / math.prod(shape[1:]))
            tensors[name] = random.uniform(-bound, bound, shape)
        elif name.endswith(("running_var", "norm.weight")):
            tensors[name] = random.uniform(0.5, 1.5, shape)
        else:
            tensors[name] = random.normal(0, 0.2, shape)
    tensors["sharpness"] = np.array(math.log(8.0))
    tensors["box.last.weight"] *= 0.3
    tensors["box.last.bias"] += math.log(2)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def make_light_checkpoint(seed: int = 0, layout: light.Layout = light.LIGHT) -> Checkpoint:
    card = {"description": "made up for a test", "licence": "CC0-1.0", "pairs": 0}
    metadata = Metadata(
        architecture=layout.name,
        spec=EmbeddingSpec(response_size=16, stride=16),
        normalisation=NORMALISATION,
        card=card,
    )
    return Checkpoint(tensors=make_light_tensors(seed, layout), metadata=metadata)


def make_images(
    seed: int, targets: int, scales: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return cloudy search images (N, S, 255, 255, 3), and exemplars cut from the first ones."""
    random = np.random.default_rng(seed)
    searches = np.zeros((targets, scales, 256, 256, 3))
    for cell in (64, 32, 16, 8, 4, 2, 1):
        shape = (targets, scales, 256 // cell, 256 // cell, 3)
        octave = random.normal(0, cell**0.5, shape)
        searches += octave.repeat(cell, 2).repeat(cell, 3)
    images = np.clip(127 + 60 * searches / searches.std(), 0, 255).astype(np.uint8)
    return images[:, 0, 40:167, 80:207].copy(), images[:, :, :255, :255].copy()


def shipped_checkpoints(architecture: str) -> list[ParameterSet]:
    """Return functions that load the shipped weights of one architecture."""
    return [
        pytest.param(lambda name=weights.name: load_checkpoint(name), id=f"weights {weights.name}")
        for weights in available_weights()
        if weights.metadata.architecture == architecture
    ]


CHECKPOINTS = [
    pytest.param(lambda: make_checkpoint(1, trained=False), id="fresh"),
    pytest.param(lambda: make_checkpoint(2), id="as if trained"),
    *shipped_checkpoints(ALEXNET.name),
]
"""Return functions that create SiamFC checkpoints: a synthetic one, and all shipped ones."""
LIGHT_CHECKPOINTS = [
    pytest.param(lambda: make_light_checkpoint(1), id="as if trained"),
    pytest.param(lambda: make_light_checkpoint(1, light.PAIRED), id="two exemplars"),
    pytest.param(lambda: make_light_checkpoint(1, light.LARGE), id="large"),
    *shipped_checkpoints(LIGHT.name),
]
"""The same of the light network."""
