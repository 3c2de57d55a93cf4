"""Runs a checkpoint with torch: half precision and CUDA graphs on a GPU, float32 on a CPU."""

from collections.abc import Callable
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.checkpoint import Checkpoint, Tensors
from siamfc.network.devices import require_torch_cuda
from siamfc.network.folding import fold_norms
from siamfc.network.matcher import Embedding, EmbeddingSpec, check_exemplars, check_searches
from siamfc.network.metadata import Metadata
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.architecture import Convolution
from siamfc.network.siamfc.model import Normalise, correlate, make_convolution, max_pool

_MAXIMUM_GRAPHS = 16
"""Shapes whose CUDA graphs are kept; a tracker uses one or two, and one for each number of further
squares that it searches for a lost target."""
_WARM_UP_CALLS = 3


class TorchSiamFCMatcher:
    """A `Matcher` in torch; embeddings are tensors on `device`, float32.

    `threads` is torch's own number for the whole process, and only set if given. On CUDA the
    backbone runs in float16, the correlation in float32.
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
        self._graphs = GraphCache(self._respond)

    @torch.inference_mode()
    def embed_exemplar(self, crops: NDArray[np.uint8]) -> Tensor:
        """See `Matcher.embed_exemplar`."""
        images = torch.tensor(check_exemplars(self.spec, crops), device=self._device)
        return self._embed(images)

    @torch.inference_mode()
    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Matcher.respond`."""
        images = torch.tensor(check_searches(self.spec, exemplars, searches))
        return self._graphs(torch.as_tensor(exemplars, device=self._device), images).numpy()

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
    """The device of a name, `threads` of the CPU set if given; InputError without a GPU."""
    if device.startswith("cuda"):
        require_torch_cuda()
    if threads is not None and device == "cpu":
        torch.set_num_threads(threads)
    return torch.device(device)


class GraphCache:
    """A function of exemplar embeddings and images, on a GPU through a CUDA graph for each shape.

    Recorded at a shape's first use; gives a tensor on the CPU.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._function = function
        self._graphs: dict[tuple[int, ...], _CudaGraph] = {}
        self._lock = Lock()

    def __call__(self, exemplars: Tensor, images: Tensor) -> Tensor:
        """What the function gives for these tensors."""
        if exemplars.device.type != "cuda":
            return self._function(exemplars, images)
        shape = tuple(images.shape)
        with self._lock:  # a graph has one set of buffers
            if shape not in self._graphs:
                while len(self._graphs) >= _MAXIMUM_GRAPHS:
                    del self._graphs[next(iter(self._graphs))]
                example = images.to(exemplars.device)
                self._graphs[shape] = _CudaGraph(self._function, exemplars, example)
            return self._graphs[shape](exemplars, images)


class _CudaGraph:
    """A function recorded for the shapes of its example tensors, which it keeps as buffers."""

    def __init__(self, function: Callable[..., Tensor], *examples: Tensor) -> None:
        self._inputs = [example.clone() for example in examples]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        cudnn = torch.backends.cudnn.flags(enabled=True, benchmark=True)
        with torch.cuda.stream(stream), cudnn:
            for _ in range(_WARM_UP_CALLS):
                function(*self._inputs)
            torch.cuda.current_stream().synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._output = function(*self._inputs)

    def __call__(self, *inputs: Tensor) -> Tensor:
        for buffer, value in zip(self._inputs, inputs, strict=True):
            buffer.copy_(value)
        self._graph.replay()
        return self._output.cpu()


class _FoldedBackbone(nn.Module):
    """The backbone for tracking: each convolution with its batch normalisation folded in."""

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
        """Normalised images (N, 3, H, W) → embeddings (N, 256, h, w)."""
        return architecture.embed(self, images)

    def convolve(self, layer: Convolution, features: Tensor) -> Tensor:
        """See `Arithmetic`."""
        convolved: Tensor = self.get_submodule(layer.name)(features)
        return convolved

    def normalise(self, layer: Convolution, features: Tensor) -> Tensor:  # noqa: ARG002
        """Apply the ReLU; the normalisation is in the convolution."""
        return functional.relu_(features)

    def pool(self, features: Tensor) -> Tensor:
        """See `Arithmetic`."""
        return max_pool(features)
