"""CUDA graphs of a network for tracking, recorded for few sizes of batches."""

from collections.abc import Callable
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from siamfc.cropping.cuda import Windows

LARGEST_BATCH = 256
"""Number of targets that one CUDA graph processes at once; a power of two."""
_MAXIMUM_GRAPHS = 16
"""Number of shapes whose CUDA graphs are kept: the powers of two up to `LARGEST_BATCH` for the
targets' windows, and some for SiamFC's further windows."""
_WARM_UP_CALLS = 3


class GraphCache:
    """A function of two tensors with a row per target, run on a GPU by graphs of fixed sizes.

    The second tensor holds images, uint8, or it is a buffer from which the function makes `Windows`
    of a frame, with which the cache is called then. A batch is padded to the next power of two and
    split into pieces of `LARGEST_BATCH`. A number of targets that changes from frame to frame, as
    it does while some are lost, therefore rarely needs a new graph, and memory is bounded. A graph
    is recorded on the first use of its size. The result is a tensor on `device`, and the call does
    not wait for it.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], device: torch.device) -> None:
        self._function, self._device = function, device
        self._graphs: dict[tuple[int, ...], _CudaGraph] = {}
        self._lock = Lock()

    def __call__(self, rows: Tensor, images: Tensor | Windows) -> Tensor:
        """Compute the function of these rows and images, which may be on the CPU."""
        if isinstance(images, Tensor) and self._device.type != "cuda":
            return self._function(rows, images)
        return self._replay(rows, images)

    def _replay(self, rows: Tensor, images: Tensor | Windows) -> Tensor:
        with self._lock:  # a graph has a single set of buffers
            if len(images) <= LARGEST_BATCH:
                return self._graph(rows, images)(rows, images)
            parts = []
            for first in range(0, len(images), LARGEST_BATCH):
                piece = slice(first, first + LARGEST_BATCH)
                some = rows[piece], images[piece]
                parts.append(self._graph(*some)(*some))
        return torch.cat(parts)

    def _graph(self, rows: Tensor, images: Tensor | Windows) -> "_CudaGraph":
        """Find or record the graph for such a batch; the least recently used graph is dropped."""
        count = padded_size(len(images))
        if isinstance(images, Windows):
            shape: tuple[int, ...] = (images.capacity(LARGEST_BATCH),)
        else:
            shape = (count, *images.shape[1:])
        graph = self._graphs.pop((count, *shape), None)
        if graph is None:
            while len(self._graphs) >= _MAXIMUM_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            others = (other.images for other in self._graphs.values())
            buffer = next((other for other in others if other.shape == shape), None)
            if buffer is None:  # one graph runs at a time, so that they can share it
                buffer = torch.empty(shape, dtype=torch.uint8, device=self._device)
            padded = torch.zeros((count, *rows.shape[1:]), dtype=rows.dtype, device=self._device)
            graph = _CudaGraph(self._function, padded, buffer)
        self._graphs[count, *shape] = graph
        return graph


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
        self, function: Callable[[Tensor, Tensor], Tensor], rows: Tensor, images: Tensor
    ) -> None:
        self.images = images.zero_()
        self._rows, self._given = rows, rows
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        cudnn = torch.backends.cudnn.flags(enabled=True, benchmark=True)
        with torch.cuda.stream(stream), cudnn:
            for _ in range(_WARM_UP_CALLS):
                function(rows, images)
            torch.cuda.current_stream().synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._output = function(rows, images)

    def __call__(self, rows: Tensor, images: Tensor | Windows) -> Tensor:
        """Replay with these inputs; rows beyond them are computed and discarded."""
        if rows is not self._given:  # mostly they are, since no tensor is changed in place
            self._rows[: len(rows)].copy_(rows, non_blocking=True)
            self._given = rows
        if isinstance(images, Windows):
            images.upload(self.images, len(self._rows))
        else:
            self.images[: len(images)].copy_(images, non_blocking=True)
        self._graph.replay()
        return self._output[: len(rows)].clone()
