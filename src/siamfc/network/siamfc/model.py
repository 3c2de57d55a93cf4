"""SiamFC in torch: one backbone for both images, compared by correlation.

Bertinetto et al. 2016, section 2 and table 1. This module is for training; tracking runs the
graphs. Parameters have their canonical form here, independent of any runtime.
"""

import math
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import Convolution

INITIAL_GAIN = 1e-3
"""Scales the correlation of two untrained embeddings, a sum of 9216 products, to a logit's size."""


class AlexNet(nn.Module):
    """The backbone, built from the table of its layers; total stride 8.

    An image of 127 pixels becomes 6×6 cells, one of 255 becomes 22×22.
    """

    def __init__(self) -> None:
        super().__init__()
        for layer in architecture.LAYERS:
            convolution = make_convolution(layer, bias=layer.norm is None)
            self.add_module(layer.name, convolution)
            if layer.norm is not None:
                self.add_module(
                    layer.norm, nn.BatchNorm2d(layer.outputs, architecture.NORM_EPSILON)
                )

    def forward(self, images: Tensor) -> Tensor:
        """Embed normalised images (N, 3, H, W) as (N, 256, h, w)."""
        return architecture.embed(self, images)

    def convolve(self, layer: Convolution, features: Tensor) -> Tensor:
        """Convolve; see `Arithmetic`."""
        convolved: Tensor = self.convolution(layer)(features)
        return convolved

    def normalise(self, layer: Convolution, features: Tensor) -> Tensor:
        """Normalise and rectify; see `Arithmetic`."""
        return functional.relu(self.norm(layer)(features))

    def pool(self, features: Tensor) -> Tensor:
        """Apply max pooling; see `Arithmetic`."""
        return max_pool(features)

    def convolution(self, layer: Convolution) -> nn.Conv2d:
        """Return the convolution module of a layer of the table."""
        return cast(nn.Conv2d, self.get_submodule(layer.name))

    def norm(self, layer: Convolution) -> nn.BatchNorm2d:
        """Return the batch normalisation that follows a layer of the table."""
        return cast(nn.BatchNorm2d, self.get_submodule(str(layer.norm)))


def make_convolution(layer: Convolution, *, bias: bool) -> nn.Conv2d:
    """Create the convolution of a layer of the table."""
    return nn.Conv2d(
        layer.inputs,
        layer.outputs,
        layer.kernel,
        stride=layer.stride,
        groups=layer.groups,
        bias=bias,
    )


def max_pool(features: Tensor) -> Tensor:
    """Pool features (N, C, H, W) as the table's pooled layers require."""
    return functional.max_pool2d(features, architecture.POOL_SIZE, stride=architecture.POOL_STRIDE)


class Normalise(nn.Module):
    """Normalises pixel values 0 to 255, (N, 3, H, W) of any type, to float32."""

    multiplier: Tensor
    offset: Tensor

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        multiplier = torch.tensor(normalisation.multiplier).view(3, 1, 1)
        offset = torch.tensor(normalisation.offset).view(3, 1, 1)
        self.register_buffer("multiplier", multiplier, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise images (N, 3, H, W)."""
        return images * self.multiplier + self.offset


class SiamFC(nn.Module):
    """Backbone, correlation, learned gain and bias: a response is a logit.

    v = exp(log_gain) · (φ(z) ⋆ φ(x)) + bias, with exemplar image z, search image x and backbone φ
    (eq. 1 of the paper; the gain, kept positive by its logarithm, is this project's addition).
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = AlexNet()
        self.log_gain = nn.Parameter(torch.tensor(math.log(INITIAL_GAIN)))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def forward(self, exemplars: Tensor, searches: Tensor) -> Tensor:
        """Normalised (N, 3, 127, 127) and (N, 3, 255, 255) → logits (N, 1, 17, 17)."""
        return self.respond(self.backbone(exemplars), self.backbone(searches))

    def respond(self, exemplar_embeddings: Tensor, search_embeddings: Tensor) -> Tensor:
        """Embeddings (N, 256, 6, 6) and (N, 256, 22, 22) → logits (N, 1, 17, 17), float32."""
        similarity = correlate(exemplar_embeddings, search_embeddings)
        return self.log_gain.exp() * similarity + self.bias

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Copy the weights and statistics by name, as a `Checkpoint` holds them."""
        state = self.state_dict()
        return {
            name: state[name].float().cpu().numpy().copy() for name in architecture.tensor_shapes()
        }

    def load_tensors(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Load tensors in the form that `tensors` returns, in place."""
        state = {name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()}
        self.load_state_dict({**self.state_dict(), **state})


def correlate(exemplar_embeddings: Tensor, search_embeddings: Tensor) -> Tensor:
    """Slide each exemplar over its own search image, without padding.

    (N, C, h, w) and (N, C, H, W) → (N, 1, H−h+1, W−w+1), at least float32. One batched matrix
    product compares every exemplar cell (u, v) with every search cell (y, x); the response at
    (i, j) is the sum over (u, v) of the entries (u, v, i+u, j+v). Padding the flattened entries
    by one row (or one cell) for each u (or v) aligns those entries, so that two sums collect
    them. A grouped convolution computes the same sum, but with N groups it is slow on every device.
    """
    count, channels, height, width = exemplar_embeddings.shape
    _, _, search_height, search_width = search_embeddings.shape
    area = search_height * search_width
    entries = exemplar_embeddings.reshape(count, channels, -1).transpose(1, 2) @ (
        search_embeddings.reshape(count, channels, -1)
    )
    if entries.dtype in (torch.float16, torch.bfloat16):
        entries = entries.float()
    rows = functional.pad(entries.reshape(count, -1), (0, height * search_width))
    rows = rows.view(count, height, width * area + search_width).sum(1)[:, : width * area]
    cells = functional.pad(rows, (0, width)).view(count, width, area + 1).sum(1)[:, :area]
    response = cells.view(count, 1, search_height, search_width)
    return response[:, :, : search_height - height + 1, : search_width - width + 1]


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator | None = None) -> None:
    """Initialise every convolution in place: Xavier uniform, zero bias (thesis, table 6).

    Batch normalisations become the identity, and their statistics are reset.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
