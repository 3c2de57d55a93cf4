"""The network's training pass, arranged for a GPU: the same function of the same parameters.

Measured by `benchmarks/training.py`. What differs from `SiamFC.forward`:

- Images come as uint8, channels last; 2×2 pixels fold into channels, so that conv1, 11×11 with
  stride 2 on 3 channels, becomes 6×6 with stride 1 on 12, a shape that matrix units can take.
- Each group of a grouped convolution is a convolution of its own.
- Batch normalisation takes its statistics over exemplar and search images together, so that one
  and the same φ embeds both, as it will when tracking. (Calling the backbone twice normalises
  each by its own statistics, and tracking then by a mixture that neither was trained with.)
- On a GPU with Triton, `kernels.normalisation` computes what lies between two convolutions.
"""

import importlib.util
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.model import SiamFC, correlate

Grouping = Literal["grouped", "split", "dense"]


def fold_images(images: Tensor, normalisation: Normalisation, dtype: torch.dtype) -> Tensor:
    """Pixels (N, H, W, 3) uint8, H and W odd → (N, 12, (H+1)/2, (W+1)/2), channels last."""
    count, height, width, _ = images.shape
    device = images.device
    multiplier = torch.tensor(normalisation.multiplier, device=device)
    offset = torch.tensor(normalisation.offset, device=device)
    values = (images.to(_wide(dtype)) * multiplier + offset).to(dtype)
    padded = functional.pad(values, (0, 0, 0, width % 2, 0, height % 2))
    blocks = padded.view(count, (height + 1) // 2, 2, (width + 1) // 2, 2, 3)
    folded = blocks.permute(0, 1, 3, 2, 4, 5).reshape(count, blocks.shape[1], blocks.shape[3], 12)
    return folded.permute(0, 3, 1, 2)


def fold_kernel(weight: Tensor) -> Tensor:
    """Kernel (O, 3, 11, 11) of stride 2 → (O, 12, 6, 6) of stride 1 for folded images."""
    padded = functional.pad(weight, (0, 1, 0, 1))
    blocks = padded.view(len(weight), 3, 6, 2, 6, 2)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(len(weight), 12, 6, 6)


def _wide(dtype: torch.dtype) -> torch.dtype:
    """The type that pixels and statistics are computed in: float32, or float64 for a reference."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def _convolve(layer: nn.Conv2d, inputs: Tensor, weight: Tensor, grouping: Grouping) -> Tensor:
    bias = None if layer.bias is None else layer.bias.to(inputs.dtype)
    weight = weight.to(inputs.dtype)
    if layer.groups == 1:
        return functional.conv2d(inputs, weight, bias)
    if grouping == "grouped":
        return functional.conv2d(inputs, weight, bias, groups=layer.groups)
    if grouping == "dense":
        blocks = weight.chunk(layer.groups)
        rows = [
            functional.pad(block, (0, 0, 0, 0, k * block.shape[1], (1 - k) * block.shape[1]))
            for k, block in enumerate(blocks)
        ]
        return functional.conv2d(inputs, torch.cat(rows), bias)
    parts = zip(inputs.chunk(layer.groups, 1), weight.chunk(layer.groups), strict=True)
    outputs = torch.cat([functional.conv2d(part, kernel) for part, kernel in parts], 1)
    return outputs if bias is None else outputs + bias.view(1, -1, 1, 1)


def _normalise_together(norm: nn.BatchNorm2d, tensors: list[Tensor]) -> list[Tensor]:
    """Batch normalisation with statistics over all the tensors, then the rectifier."""
    wide = [tensor.to(_wide(tensor.dtype)) for tensor in tensors]
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


def embed_pairs(model: SiamFC, images: list[Tensor], grouping: Grouping = "split") -> list[Tensor]:
    """Folded images → embeddings (N, 256, h, w) of each, normalised with common statistics."""
    net = model.backbone
    stages = (
        (net.conv1, net.norm1, True),
        (net.conv2, net.norm2, True),
        (net.conv3, net.norm3, False),
        (net.conv4, net.norm4, False),
    )
    tensors = images
    for layer, norm, pool in stages:
        weight = fold_kernel(layer.weight) if layer is net.conv1 else layer.weight
        tensors = [_convolve(layer, tensor, weight, grouping) for tensor in tensors]
        tensors = _normalise_together(norm, tensors)
        if pool:
            tensors = [functional.max_pool2d(tensor, 3, stride=2) for tensor in tensors]
    return [_convolve(net.conv5, tensor, net.conv5.weight, grouping) for tensor in tensors]


def can_fuse(device: torch.device) -> bool:
    """Whether the fused kernels run there: on a CUDA device, with Triton installed."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def _embed_fused(
    model: SiamFC, batches: tuple[Tensor, Tensor], normalisation: Normalisation, dtype: torch.dtype
) -> list[Tensor]:
    """Pixels → embeddings (N, 256, h, w) of each, as `embed_pairs` gives them."""
    from siamfc.network.siamfc.kernels import normalisation as fused
    from siamfc.network.siamfc.kernels.convolution import convolve_folded

    net = model.backbone
    kernel = fold_kernel(net.conv1.weight)
    spare = fused.FOLDED_CHANNELS - kernel.shape[1]
    kernel = functional.pad(kernel, (0, 0, 0, 0, 0, spare))
    images = [fused.fold_images(batch, normalisation, dtype) for batch in batches]
    if dtype == torch.float32:  # Triton's products are slow then
        maps = [[functional.conv2d(image, kernel)] for image in images]
    else:
        maps = [[convolve_folded(image, kernel)] for image in images]
    maps = fused.normalise(net.norm1, maps, pool=True, groups=2)
    maps = [_convolve_groups(net.conv2, groups) for groups in maps]
    maps = fused.normalise(net.norm2, maps, pool=True, groups=1)
    maps = [_convolve_groups(net.conv3, groups) for groups in maps]
    maps = fused.normalise(net.norm3, maps, pool=False, groups=2)
    maps = [_convolve_groups(net.conv4, groups) for groups in maps]
    maps = fused.normalise(net.norm4, maps, pool=False, groups=2)
    return [torch.cat(_convolve_groups(net.conv5, groups), 1) for groups in maps]


def _convolve_groups(layer: nn.Conv2d, groups: list[Tensor]) -> list[Tensor]:
    dtype = groups[0].dtype
    kernels = layer.weight.to(dtype).chunk(layer.groups)
    biases: tuple[Tensor | None, ...] = (None,) * layer.groups
    if layer.bias is not None:
        biases = layer.bias.to(dtype).chunk(layer.groups)
    return [functional.conv2d(*each) for each in zip(groups, kernels, biases, strict=True)]


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
    """Training pass: pixels (N, 127, 127, 3) and (N, 255, 255, 3) uint8 → logits (N, 17, 17).

    Updates the running statistics, as a module in training mode does.

    Args:
        model: takes the gradients.
        exemplars: exemplar images.
        searches: search images, one for each exemplar.
        normalisation: what the backbone expects of pixels.
        dtype: of activations and matrix products; statistics and sums are float32.
        grouping: how grouped convolutions are computed; `fused` splits them.
        fused: use the kernels of `siamfc.network.siamfc.kernels.normalisation`; see `can_fuse`.
    """
    batches = (exemplars, searches)
    if fused:
        exemplar_embeddings, search_embeddings = _embed_fused(model, batches, normalisation, dtype)
    else:
        images = [fold_images(batch, normalisation, dtype) for batch in batches]
        exemplar_embeddings, search_embeddings = embed_pairs(model, images, grouping)
    similarity = correlate(exemplar_embeddings, search_embeddings)
    return (model.log_gain.exp() * similarity + model.bias)[:, 0]
