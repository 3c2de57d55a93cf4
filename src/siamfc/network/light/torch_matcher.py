"""The light network in torch for tracking: half precision and CUDA graphs on a GPU."""

import logging
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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
        self._normalise = Normalise(self.metadata.normalisation).to(self._device)
        self._model = LightNet(find_layout(self.metadata.architecture))
        self.exemplars = self._model.layout.exemplars
        self._model.load_tensors(checkpoint.tensors)
        self._model.eval().requires_grad_(False)
        _speed_up(self._model, torch.float16 if self._device.type == "cuda" else torch.float32)
        self._model.to(self._device)
        self._exemplar_graphs = GraphCache(self._embed_exemplars)
        self._search_graphs = GraphCache(self._locate)
        self.crop_windows = self._open_cropper() if runs_kernels(self._device) else None

    @torch.inference_mode()
    def embed_exemplar(self, crops: Crops, sizes: NDArray[np.floating]) -> Tensor:
        """Embed exemplar images; see `BoxMatcher.embed_exemplar`."""
        if not isinstance(crops, Tensor):
            crops = torch.tensor(check_exemplars(self.spec, crops))
        checked = torch.from_numpy(check_sizes(crops, sizes)).to(self._device)
        return self._exemplar_graphs(checked, crops)

    @torch.inference_mode()
    def locate(
        self, exemplars: Embedding, searches: Crops
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compare with search images; see `BoxMatcher.locate`."""
        if not isinstance(searches, Tensor):
            searches = torch.tensor(check_single_searches(self.spec, exemplars, searches))
        exemplars = torch.as_tensor(exemplars, device=self._device)
        found = to_numpy(self._search_graphs(exemplars, searches))
        return found[:, 0], found[:, 1:]

    def _open_cropper(self) -> CropWindows | None:
        frame, square = np.zeros((1, 1, 3), np.uint8), (np.zeros((1, 2)), np.ones(1))
        try:
            from siamfc.cropping.cuda import crop_windows

            for size in (self.spec.exemplar_size, self.spec.search_size):
                crop_windows(frame, *square, size, frame[0, 0], self._device)
        except Exception as error:  # Triton's share no base; it also needs a C compiler
            _logger.warning("crops are made on the CPU, since Triton cannot make them: %s", error)
            return None
        return partial(crop_windows, device=self._device)

    def _embed(self, images: Tensor) -> Tensor:
        planes = self._normalise(images.permute(0, 3, 1, 2))
        with self._half():
            return self._model.embed([planes])[0].float()

    def _embed_exemplars(self, sizes: Tensor, images: Tensor) -> Tensor:
        """Return features and positions of exemplar cells in one tensor, (N, 101, 64)."""
        return torch.cat([unit_columns(self._embed(images)), self._model.places(sizes)], 1)

    def _locate(self, exemplars: Tensor, images: Tensor) -> Tensor:
        """Return logits and boxes in one tensor, (N, 5, 16, 16)."""
        keys, places = torch.split(exemplars, [self._model.layout.channels, PLACES], 1)
        with self._half():
            logits, boxes = self._model.compare(keys, places, self._embed(images))
        return torch.cat([logits[:, None], boxes], 1)

    def _half(self) -> torch.autocast:
        device = self._device.type
        return torch.autocast(device, torch.float16, enabled=device == "cuda")


def _speed_up(model: LightNet, dtype: torch.dtype) -> None:
    """Fold the normalisations into the convolutions, and convert these to a type, channels last."""
    for module in model.modules():
        if isinstance(module, ConvolutionModule):
            module.fold_norm()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
