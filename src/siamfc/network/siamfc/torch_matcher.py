"""SiamFC in torch for tracking: half precision and CUDA graphs on a GPU, float32 on a CPU."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.checkpoint import Checkpoint, Tensors
from siamfc.network.cuda_graphs import GraphCache, to_numpy
from siamfc.network.devices import require_torch_cuda
from siamfc.network.folding import fold_norms
from siamfc.network.matcher import Embedding, EmbeddingSpec, check_exemplars, check_searches
from siamfc.network.metadata import Metadata
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import Convolution
from siamfc.network.siamfc.model import Normalise, correlate, make_convolution, max_pool


class TorchSiamFCMatcher:
    """A `Matcher` in torch; embeddings are tensors on `device`, float32.

    `threads` sets torch's number for the whole process; None leaves it alone. On CUDA the backbone
    runs in float16, the correlation in float32.
    """

    spec: EmbeddingSpec
    metadata: Metadata

    def __init__(
        self, checkpoint: Checkpoint, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        self._device = open_device(device, threads)
        self.metadata = checkpoint.metadata
        self.spec = checkpoint.metadata.spec
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        self._normalise = Normalise(self.metadata.normalisation).to(self._device)
        self._backbone = _FoldedBackbone(checkpoint.tensors).to(self._device, self._dtype)
        self._backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._gain = float(np.exp(checkpoint.tensors["log_gain"]))
        self._bias = float(checkpoint.tensors["bias"])
        self._graphs = GraphCache(self._respond, self._device)

    @torch.inference_mode()
    def embed_exemplar(self, crops: NDArray[np.uint8]) -> Tensor:
        """Embed exemplar images; see `Matcher.embed_exemplar`."""
        images = torch.tensor(check_exemplars(self.spec, crops), device=self._device)
        return self._embed(images)

    @torch.inference_mode()
    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compare with search images; see `Matcher.respond`."""
        images = torch.tensor(check_searches(self.spec, exemplars, searches))
        return to_numpy(self._graphs(torch.as_tensor(exemplars, device=self._device), images))

    def _embed(self, images: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 → (N, 256, h, w) float32."""
        planes = self._normalise(images.permute(0, 3, 1, 2)).to(self._dtype)
        embeddings: Tensor = self._backbone(planes)
        return embeddings.float()

    def _respond(self, exemplars: Tensor, images: Tensor) -> Tensor:
        count, scales = images.shape[:2]
        repeated = exemplars[:, None].expand(-1, scales, -1, -1, -1).flatten(0, 1)
        similarity = correlate(repeated, self._embed(images.flatten(0, 1)))
        return (self._gain * similarity + self._bias).view(count, scales, *similarity.shape[2:])


def open_device(device: str, threads: int | None) -> torch.device:
    """Return torch's device and set its number of CPU threads, if given.

    Raises:
        InputError: an unknown device, or `cuda` without a GPU.
    """
    if device.startswith("cuda"):
        require_torch_cuda()
    if threads is not None and device == "cpu":
        torch.set_num_threads(threads)
    return torch.device(device)


class _FoldedBackbone(nn.Module):
    """The backbone for tracking: each convolution has its batch normalisation folded in."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        kernels = fold_norms(tensors)
        for layer in architecture.LAYERS:
            convolution = make_convolution(layer, bias=True)
            values = kernels[layer.name]._asdict().items()
            convolution.load_state_dict({name: torch.from_numpy(value) for name, value in values})
            self.add_module(layer.name, convolution)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Embed normalised images (N, 3, H, W) as (N, 256, h, w)."""
        return architecture.embed(self, images)

    def convolve(self, layer: Convolution, features: Tensor) -> Tensor:
        """Convolve; see `Arithmetic`."""
        convolved: Tensor = self.get_submodule(layer.name)(features)
        return convolved

    def normalise(self, layer: Convolution, features: Tensor) -> Tensor:  # noqa: ARG002
        """Apply the ReLU; the normalisation is folded into the convolution."""
        return functional.relu_(features)

    def pool(self, features: Tensor) -> Tensor:
        """Apply max pooling; see `Arithmetic`."""
        return max_pool(features)
