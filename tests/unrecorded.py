"""A CUDA graph without a GPU: it computes what a graph would replay."""

from siamfc.network import cuda_graphs


class UnrecordedGraph(cuda_graphs._CudaGraph):
    """Takes inputs into its buffers as a graph does, and calls the function at each replay."""

    made: list[int]
    """Sizes of the batches for which one was made; set it before use."""

    def __init__(self, function, rows, images):
        self.made.append(len(rows))
        self._function, self._graph = function, self
        self.images, self._rows, self._given = images.zero_(), rows, rows

    def replay(self):
        """Compute the output from the buffers."""
        self._output = self._function(self._rows, self.images)
