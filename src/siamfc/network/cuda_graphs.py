"""CUDA graphs of a network for tracking, recorded for few sizes of batches."""

from collections.abc import Callable
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LARGEST_BATCH = 256
"""Number of targets that one CUDA graph processes at once; a power of two."""
_MAXIMUM_GRAPHS = 16
"""Number of shapes whose CUDA graphs are kept: the powers of two up to `LARGEST_BATCH` for the
targets' windows, and some for SiamFC's further windows."""
_WARM_UP_CALLS = 3


class GraphCache:
    """A function of two tensors with a row per target, run on a GPU by graphs of fixed sizes.

    The second tensor holds images, uint8. A batch is padded to the next power of two and split into
    pieces of `LARGEST_BATCH`. A number of targets that changes from frame to frame, as it does
    while some are lost, therefore rarely needs a new graph, and memory is bounded. A graph is
    recorded on the first use of its size. The result is a tensor on the device of the first tensor,
    and the call does not wait for it.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._function = function
        self._graphs: dict[tuple[int, ...], _CudaGraph] = {}
        self._lock = Lock()

    def __call__(self, rows: Tensor, images: Tensor) -> Tensor:
        """Compute the function of these tensors."""
        if rows.device.type != "cuda":
            return self._function(rows, images)
        return self._replay(rows, images)

    def _replay(self, rows: Tensor, images: Tensor) -> Tensor:
        with self._lock:  # a graph has a single set of buffers
            if len(images) <= LARGEST_BATCH:
                return self._graph(rows, images)(rows, images)
            parts = [
                self._graph(some, others)(some, others)
                for some, others in zip(
                    torch.split(rows, LARGEST_BATCH),
                    torch.split(images, LARGEST_BATCH),
                    strict=True,
                )
            ]
        return torch.cat(parts)

    def _graph(self, rows: Tensor, images: Tensor) -> "_CudaGraph":
        """Find or record the graph for such a batch; the least recently used graph is dropped."""
        shape = (padded_size(len(images)), *images.shape[1:])
        if shape not in self._graphs:
            while len(self._graphs) >= _MAXIMUM_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            self._graphs[shape] = _CudaGraph(self._function, rows, shape)
        else:
            self._graphs[shape] = self._graphs.pop(shape)
        return self._graphs[shape]


def padded_size(count: int) -> int:
    """Return the padded batch size for `count` targets: the next power of two.

    >>> [padded_size(count) for count in (1, 2, 3, 9, 256)]
    [1, 2, 4, 16, 256]
    """
    return 1 << (count - 1).bit_length()


def to_numpy(result: Tensor) -> NDArray[np.float32]:
    """Wait for a result and return it as an array; from a GPU it comes through pinned memory."""
    found = result.to("cpu", non_blocking=True)
    if result.device.type == "cuda":
        torch.cuda.current_stream(result.device).synchronize()
    array: NDArray[np.float32] = found.numpy()
    return array


class _CudaGraph:
    """A function recorded for one batch size, with its input buffers."""

    def __init__(
        self,
        function: Callable[[Tensor, Tensor], Tensor],
        rows: Tensor,
        shape: tuple[int, ...],
    ) -> None:
        self._inputs = (
            rows.new_zeros((shape[0], *rows.shape[1:])),
            torch.zeros(shape, dtype=torch.uint8, device=rows.device),
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
        return self._output[: len(inputs[0])].clone()
