"""The light network in torch for tracking: half precision and CUDA graphs on a GPU."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from siamfc.network.architectures import find_layout
from siamfc.network.calibration import Calibration
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.architecture import PLACES
from siamfc.network.light.model import LightNet, unit_columns
from siamfc.network.matcher import (
    Embedding,
    EmbeddingSpec,
    check_exemplars,
    check_single_searches,
    check_sizes,
)
from siamfc.network.metadata import Metadata
from siamfc.network.siamfc.model import Normalise
from siamfc.network.siamfc.torch_matcher import GraphCache, open_device


class TorchLightMatcher:
    """A `BoxMatcher` in torch; embeddings are tensors (N, 101, 64) on `device`, float32.

    `threads` sets torch's number for the whole process; None leaves it alone. On CUDA the
    convolutions run in float16.
    """

    spec: EmbeddingSpec
    calibration: Calibration
    metadata: Metadata
    exemplars: int

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
        self._model.to(self._device).eval().requires_grad_(False)
        self._graphs = GraphCache(self._locate)

    @torch.inference_mode()
    def embed_exemplar(self, crops: NDArray[np.uint8], sizes: NDArray[np.floating]) -> Tensor:
        """Embed exemplar images; see `BoxMatcher.embed_exemplar`."""
        crops = check_exemplars(self.spec, crops)
        images = torch.tensor(crops, device=self._device)
        places = self._model.places(torch.tensor(check_sizes(crops, sizes), device=self._device))
        return torch.cat([unit_columns(self._embed(images)), places], 1)

    @torch.inference_mode()
    def locate(
        self, exemplars: Embedding, searches: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compare with search images; see `BoxMatcher.locate`."""
        images = torch.tensor(check_single_searches(self.spec, exemplars, searches))
        found = self._graphs(torch.as_tensor(exemplars, device=self._device), images).numpy()
        return found[:, 0], found[:, 1:]

    def _embed(self, images: Tensor) -> Tensor:
        planes = self._normalise(images.permute(0, 3, 1, 2))
        with self._half():
            return self._model.embed([planes])[0].float()

    def _locate(self, exemplars: Tensor, images: Tensor) -> Tensor:
        """Return logits and boxes in one tensor, (N, 5, 16, 16)."""
        keys, places = torch.split(exemplars, [self._model.layout.channels, PLACES], 1)
        with self._half():
            logits, boxes = self._model.compare(keys, places, self._embed(images))
        return torch.cat([logits[:, None], boxes], 1)

    def _half(self) -> torch.autocast:
        device = self._device.type
        return torch.autocast(device, torch.float16, enabled=device == "cuda")
