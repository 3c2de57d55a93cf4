"""SiamFC in torch for tracking: half precision and CUDA graphs on a GPU, float32 on a CPU."""

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

LARGEST_BATCH = 256
"""Number of targets that one CUDA graph processes at once; a power of two."""
_MAXIMUM_GRAPHS = 16
"""Number of shapes whose CUDA graphs are kept: the powers of two up to `LARGEST_BATCH` for the
targets' windows, and some for SiamFC's further windows."""
_WARM_UP_CALLS = 3


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
        self._graphs = GraphCache(self._respond)

    @torch.inference_mode()
    def embed_exemplar(self, crops: NDArray[np.uint8]) -> Tensor:
        """Embed exemplar images; see `Matcher.embed_exemplar`."""
        images = torch.tensor(check_exemplars(self.spec, crops), device=self._device)
        return self._embed(images)

    @torch.inference_mode()
    def respond(self, exemplars: Embedding, searches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compare with search images; see `Matcher.respond`."""
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
    """Return torch's device and set its CPU threads if given; InputError without a GPU."""
    if device.startswith("cuda"):
        require_torch_cuda()
    if threads is not None and device == "cpu":
        torch.set_num_threads(threads)
    return torch.device(device)


class GraphCache:
    """A function of exemplar embeddings and images, run on a GPU by CUDA graphs of fixed sizes.

    A batch is padded to the next power of two and split into pieces of `LARGEST_BATCH`. A number of
    targets that changes from frame to frame, as it does while some are lost, therefore rarely needs
    a new graph, and memory is bounded. A graph is recorded on the first use of its size. The result
    is a tensor on the CPU.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._function = function
        self._graphs: dict[tuple[int, ...], _CudaGraph] = {}
        self._lock = Lock()

    def __call__(self, exemplars: Tensor, images: Tensor) -> Tensor:
        """Compute the function of these tensors."""
        if exemplars.device.type != "cuda":
            return self._function(exemplars, images)
        return self._replay(exemplars, images)

    def _replay(self, exemplars: Tensor, images: Tensor) -> Tensor:
        with self._lock:  # a graph has a single set of buffers
            parts = [
                self._graph(some, others)(some, others)
                for some, others in zip(
                    torch.split(exemplars, LARGEST_BATCH),
                    torch.split(images, LARGEST_BATCH),
                    strict=True,
                )
            ]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _graph(self, exemplars: Tensor, images: Tensor) -> "_CudaGraph":
        """Find or record the graph for such a batch; the least recently used graph is dropped."""
        shape = (padded_size(len(images)), *images.shape[1:])
        if shape not in self._graphs:
            while len(self._graphs) >= _MAXIMUM_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            self._graphs[shape] = _CudaGraph(self._function, exemplars, shape)
        else:
            self._graphs[shape] = self._graphs.pop(shape)
        return self._graphs[shape]


def padded_size(count: int) -> int:
    """Return the padded batch size for `count` targets: the next power of two.

    >>> [padded_size(count) for count in (1, 2, 3, 9, 256)]
    [1, 2, 4, 16, 256]
    """
    return 1 << (count - 1).bit_length()


class _CudaGraph:
    """A function recorded for one batch size, with its input buffers."""

    def __init__(
        self,
        function: Callable[[Tensor, Tensor], Tensor],
        exemplars: Tensor,
        shape: tuple[int, ...],
    ) -> None:
        size = (shape[0], *exemplars.shape[1:])
        self._inputs = (
            torch.zeros(size, dtype=exemplars.dtype, device=exemplars.device),
            torch.zeros(shape, dtype=torch.uint8, device=exemplars.device),
        )
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
        """Replay with these inputs; rows beyond them are computed and discarded."""
        for buffer, value in zip(self._inputs, inputs, strict=True):
            buffer[: len(value)].copy_(value, non_blocking=True)
        self._graph.replay()
        return self._output[: len(inputs[0])].cpu()


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
