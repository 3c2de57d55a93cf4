"""The light network in torch for tracking: half precision and CUDA graphs on a GPU."""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from siamfc.cropping.cuda import Windows, make_crops
from siamfc.network.architectures import find_layout
from siamfc.network.calibration import Calibration
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.cuda_graphs import GraphCache, to_numpy
from siamfc.network.devices import runs_kernels
from siamfc.network.light.architecture import PLACES
from siamfc.network.light.model import ConvolutionModule, LightNet, unit_columns
from siamfc.network.matcher import (
    Crops,
    CropWindows,
    Embedding,
    EmbeddingSpec,
    check_exemplars,
    check_single_searches,
    check_sizes,
)
from siamfc.network.metadata import Metadata
from siamfc.network.siamfc.model import Normalise
from siamfc.network.siamfc.torch_matcher import open_device

_logger = logging.getLogger(__name__)


class TorchLightMatcher:
    """A `BoxMatcher` in torch; embeddings are tensors (N, 101, 64) on `device`, float32.

    `threads` sets torch's number for the whole process; None leaves it alone. On CUDA the
    convolutions run in float16.
    """

    spec: EmbeddingSpec
    calibration: Calibration
    metadata: Metadata
    exemplars: int
    crop_windows: CropWindows | None
    """Makes the images on the GPU; None where Triton cannot compile the kernel for it."""

    def __init__(
        self, checkpoint: Checkpoint, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        self._device = open_device(device, threads)
        self.metadata = checkpoint.metadata
        self.spec = checkpoint.metadata.spec
        self.calibration = checkpoint.metadata.calibration
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        self._normalise = Normalise(self.metadata.normalisation).to(self._device)
        self._model = LightNet(find_layout(self.metadata.architecture))
        self.exemplars = self._model.layout.exemplars
        self._model.load_tensors(checkpoint.tensors)
        self._model.eval().requires_grad_(False)
        _fuse(self._model)
        for module in self._model.modules():
            if isinstance(module, nn.Conv2d):
                module.to(self._dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._model.to(self._device)
        self._exemplar_graphs = GraphCache(self._embed_exemplars, self._device)
        self._search_graphs = GraphCache(self._locate, self._device)
        self.crop_windows = self._open_cropper() if runs_kernels(self._device) else None

    @torch.inference_mode()
    def embed_exemplar(self, crops: Crops, sizes: NDArray[np.floating]) -> Tensor:
        """Embed exemplar images; see `BoxMatcher.embed_exemplar`."""
        if not isinstance(crops, Tensor | Windows):
            crops = torch.tensor(check_exemplars(self.spec, crops))
        return self._exemplar_graphs(torch.from_numpy(check_sizes(crops, sizes)), crops)

    @torch.inference_mode()
    def locate(
        self, exemplars: Embedding, searches: Crops
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compare with search images; see `BoxMatcher.locate`."""
        if not isinstance(searches, Tensor | Windows):
            searches = torch.tensor(check_single_searches(self.spec, exemplars, searches))
        exemplars = torch.as_tensor(exemplars, device=self._device)
        found = to_numpy(self._search_graphs(exemplars, searches))
        return found[:, 0], found[:, 1:]

    def _open_cropper(self) -> CropWindows | None:
        frame, square = np.zeros((1, 1, 3), np.uint8), (np.zeros((1, 2)), np.ones(1))
        try:
            for size in (self.spec.exemplar_size, self.spec.search_size):
                Windows(frame, *square, size, frame[0, 0]).cropped(self._device)
        except Exception as error:  # Triton's share no base; it also needs a C compiler
            _logger.warning("crops are made on the CPU, since Triton cannot make them: %s", error)
            return None
        return Windows

    def _embed(self, images: Tensor, count: int, size: int) -> Tensor:
        """Embed images (count, size, size, 3), or those of a buffer from `Windows`."""
        if images.ndim == 1:
            images = make_crops(images, count, size)
        planes = self._normalise(images.permute(0, 3, 1, 2)).to(self._dtype)
        return self._model.embed([planes])[0]

    def _embed_exemplars(self, sizes: Tensor, images: Tensor) -> Tensor:
        """Return features and positions of exemplar cells in one tensor, (N, 101, 64)."""
        features = self._embed(images, len(sizes), self.spec.exemplar_size)
        return torch.cat([unit_columns(features), self._model.places(sizes)], 1)

    def _locate(self, exemplars: Tensor, images: Tensor) -> Tensor:
        """Return logits and boxes in one tensor, (N, 5, 16, 16)."""
        keys, places = torch.split(exemplars, [self._model.layout.channels, PLACES], 1)
        features = self._embed(images, len(exemplars), self.spec.search_size)
        logits, boxes = self._model.compare(keys, places, features)
        return torch.cat([logits[:, None], boxes], 1)


class _FusedLayer(nn.Module):
    """A layer without its normalisation, in as few of the GPU's kernels as torch has for it."""

    def __init__(self, layer: ConvolutionModule) -> None:
        super().__init__()
        self.conv = fuse_conv_bn_eval(layer.conv, layer.norm)
        self.linear = layer.linear
        self._has_kernel = not layer.linear and layer.conv.groups == 1
        """Ask cuDNN to add bias and ReLU, which it cannot for some layers on some GPUs; depthwise
        it would be several times slower than separate kernels."""

    def forward(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Tensors (N, C, h, w), one for each kind of image."""
        return [self._convolve(tensor) for tensor in tensors]

    def _convolve(self, tensor: Tensor) -> Tensor:
        if self.conv.kernel_size == (1, 1):
            return self._multiply(tensor.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        conv = self.conv
        if self._has_kernel and tensor.is_cuda:
            padding = [size // 2 for size in conv.kernel_size]
            try:
                return torch.cudnn_convolution_relu(
                    tensor, conv.weight, conv.bias, conv.stride, padding, (1, 1), conv.groups
                )
            except RuntimeError:
                self._has_kernel = False
        return conv(tensor) if self.linear else functional.relu(conv(tensor))

    def _multiply(self, cells: Tensor) -> Tensor:
        """Multiply cells (N, h, w, C) by a matrix, with bias and ReLU in the same kernel."""
        assert self.conv.bias is not None
        multiply = torch.addmm if self.linear else torch._addmm_activation
        rows, matrix = cells.flatten(0, 2), self.conv.weight.flatten(1)
        return multiply(self.conv.bias, rows, matrix.t()).view(*cells.shape[:3], len(matrix))


def _fuse(module: nn.Module) -> None:
    """Replace a module's layers by fused ones, in place."""
    for name, child in module.named_children():
        if isinstance(child, ConvolutionModule):
            setattr(module, name, _FusedLayer(child))
        else:
            _fuse(child)
