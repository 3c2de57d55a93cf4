"""SiamFC's training pass, arranged for a GPU: the same function of the same parameters.

It follows the definition in `architecture` and computes the same function of the same parameters as
`SiamFC.forward`, in another way (measured by `benchmarks/training.py`):

- Images are uint8, channels last; 2×2 pixels are folded into channels, so that conv1, 11×11 with
  stride 2 on 3 channels, becomes 6×6 with stride 1 on 12, a shape that suits matrix units.
- Each group of a grouped convolution is computed as a convolution of its own.
- Batch normalisation takes its statistics over exemplar and search images together, so that the
  same φ embeds both, as in tracking. (Calling the backbone twice would normalise each by its own
  statistics, and tracking would use a mixture that neither was trained with.)
- On a GPU with Triton, the package `kernels` computes everything between two convolutions.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import Convolution
from siamfc.network.siamfc.model import AlexNet, SiamFC, correlate, max_pool
from siamfc.network.siamfc.space_to_depth import compute_dtype, fold_images, fold_kernel

Grouping = Literal["grouped", "split", "dense"]


class JointArithmetic:
    """Layers of exemplar and search images together, normalised with common statistics.

    Features are a list of tensors (N, C, h, w), one for each kind of image; the first layer takes
    images in the form that `fold_images` returns. Running statistics are updated.
    """

    def __init__(self, backbone: AlexNet, grouping: Grouping) -> None:
        self._backbone, self._grouping = backbone, grouping

    def convolve(self, layer: Convolution, features: list[Tensor]) -> list[Tensor]:
        """Convolve each tensor; see `Arithmetic`."""
        module = self._backbone.convolution(layer)
        weight, stride = module.weight, layer.stride
        if layer is architecture.LAYERS[0]:
            weight, stride = fold_kernel(weight, stride), 1
        return [
            _convolve(tensor, weight, module.bias, stride, layer.groups, self._grouping)
            for tensor in features
        ]

    def normalise(self, layer: Convolution, features: list[Tensor]) -> list[Tensor]:
        """Normalise all tensors together and rectify; see `Arithmetic`."""
        return _normalise_together(self._backbone.norm(layer), features)

    def pool(self, features: list[Tensor]) -> list[Tensor]:
        """Apply max pooling to each tensor; see `Arithmetic`."""
        return [max_pool(tensor) for tensor in features]


def _convolve(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    groups: int,
    grouping: Grouping,
) -> Tensor:
    bias = None if bias is None else bias.to(inputs.dtype)
    weight = weight.to(inputs.dtype)
    if groups == 1:
        return functional.conv2d(inputs, weight, bias, stride)
    if grouping == "grouped":
        return functional.conv2d(inputs, weight, bias, stride, groups=groups)
    if grouping == "dense":
        blocks = weight.chunk(groups)
        rows = [
            functional.pad(block, (0, 0, 0, 0, k * block.shape[1], (1 - k) * block.shape[1]))
            for k, block in enumerate(blocks)
        ]
        return functional.conv2d(inputs, torch.cat(rows), bias, stride)
    parts = zip(inputs.chunk(groups, 1), weight.chunk(groups), strict=True)
    outputs = torch.cat(
        [functional.conv2d(part, kernel, None, stride) for part, kernel in parts], 1
    )
    return outputs if bias is None else outputs + bias.view(1, -1, 1, 1)


def _normalise_together(norm: nn.BatchNorm2d, tensors: list[Tensor]) -> list[Tensor]:
    """Apply batch normalisation with statistics over all the tensors, then the ReLU."""
    wide = [tensor.to(compute_dtype(tensor.dtype)) for tensor in tensors]
    count = sum(tensor.numel() // tensor.shape[1] for tensor in tensors)
    mean = torch.stack([tensor.sum((0, 2, 3)) for tensor in wide]).sum(0) / count
    square = torch.stack([(tensor * tensor).sum((0, 2, 3)) for tensor in wide]).sum(0) / count
    variance = (square - mean * mean).clamp(min=0)
    if norm.running_mean is not None and norm.running_var is not None:
        with torch.no_grad():
            unbiased = variance * (count / (count - 1))
            norm.running_mean.lerp_(mean.float(), norm.momentum or 0.1)
            norm.running_var.lerp_(unbiased.float(), norm.momentum or 0.1)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    shift = norm.bias - mean * scale
    return [
        functional.relu(tensor * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)).to(source.dtype)
        for tensor, source in zip(wide, tensors, strict=True)
    ]


def forward_pairs(
    model: SiamFC,
    exemplars: Tensor,
    searches: Tensor,
    normalisation: Normalisation,
    *,
    dtype: torch.dtype = torch.bfloat16,
    grouping: Grouping = "split",
    fused: bool = False,
) -> Tensor:
    """Compute logits (N, 17, 17) of pixels (N, 127, 127, 3) and (N, 255, 255, 3) uint8, to train.

    Running statistics are updated, as by a module in training mode.

    Args:
        model: the network, which receives the gradients.
        exemplars: exemplar images.
        searches: search images, one for each exemplar.
        normalisation: normalisation of pixels that the backbone expects.
        dtype: type of activations and matrix products; statistics and sums are float32.
        grouping: how grouped convolutions are computed; `fused` always splits them.
        fused: use the package `siamfc.network.siamfc.kernels`; see `devices.runs_kernels`.
    """
    batches = [exemplars, searches]
    if fused:
        from siamfc.network.siamfc.kernels.embedding import embed_fused

        embeddings = embed_fused(model.backbone, batches, normalisation, dtype)
    else:
        stride = architecture.LAYERS[0].stride
        images = [fold_images(batch, normalisation, dtype, stride) for batch in batches]
        embeddings = architecture.embed(JointArithmetic(model.backbone, grouping), images)
    similarity = correlate(*embeddings)
    return (model.log_gain.exp() * similarity + model.bias)[:, 0]
