"""The backbone with fused kernels: the only entry point of this package."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import Convolution
from siamfc.network.siamfc.kernels import normalisation as kernels
from siamfc.network.siamfc.kernels.convolution import convolve_folded
from siamfc.network.siamfc.model import AlexNet
from siamfc.network.siamfc.space_to_depth import fold_kernel

Maps = list[list[Tensor]]
"""One feature map per kind of image, each a list of its groups."""


def embed_fused(
    backbone: AlexNet, batches: list[Tensor], normalisation: Normalisation, dtype: torch.dtype
) -> list[Tensor]:
    """Embed batches of pixels (N, H, W, 3) as (N, 256, h, w) each, with common statistics."""
    images = [[kernels.fold_images(batch, normalisation, dtype)] for batch in batches]
    maps = architecture.embed(FusedArithmetic(backbone), images)
    return [torch.cat(groups, 1) for groups in maps]


class FusedArithmetic:
    """Layers computed by the kernels, which normalise, rectify and pool in one step.

    The kernels support a single first layer (stride 2) and at most two groups.
    """

    def __init__(self, backbone: AlexNet) -> None:
        self._backbone = backbone

    def convolve(self, layer: Convolution, features: Maps) -> Maps:
        """Convolve each group; see `Arithmetic`."""
        module = self._backbone.convolution(layer)
        if layer is architecture.LAYERS[0]:
            return [[_convolve_first(module, image)] for (image,) in features]
        return [_convolve_groups(module, groups) for groups in features]

    def normalise(self, layer: Convolution, features: Maps) -> Maps:
        """Normalise, rectify and also pool; see `Arithmetic`."""
        index = architecture.LAYERS.index(layer)
        groups = architecture.LAYERS[index + 1].groups
        return kernels.normalise(
            self._backbone.norm(layer), features, pool=layer.pooled, groups=groups
        )

    def pool(self, features: Maps) -> Maps:
        """Return the features unchanged: `normalise` has already pooled them."""
        return features


def _convolve_first(module: nn.Conv2d, image: Tensor) -> Tensor:
    kernel = fold_kernel(module.weight)
    spare = kernels.FOLDED_CHANNELS - kernel.shape[1]
    kernel = functional.pad(kernel, (0, 0, 0, 0, 0, spare))
    if image.dtype == torch.float32:  # for which Triton's products are slow
        return functional.conv2d(image, kernel)
    return convolve_folded(image, kernel)


def _convolve_groups(module: nn.Conv2d, groups: list[Tensor]) -> list[Tensor]:
    if len(groups) != module.groups:  # after a layer without normalisation
        groups = list(torch.cat(groups, 1).chunk(module.groups, 1))
    dtype = groups[0].dtype
    weights = module.weight.to(dtype).chunk(module.groups)
    biases: tuple[Tensor | None, ...] = (None,) * module.groups
    if module.bias is not None:
        biases = module.bias.to(dtype).chunk(module.groups)
    return [
        functional.conv2d(*each, module.stride)
        for each in zip(groups, weights, biases, strict=True)
    ]
