"""Recording of functions as CUDA graphs, which launch thousands of small kernels at once."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")


class Recorded(Generic[Result]):
    """A function of one CUDA tensor of fixed shape, recorded as a CUDA graph on its first call.

    The function must neither synchronise with the device nor draw random numbers. The next call
    overwrites what a call returned.
    """

    def __init__(self, function: Callable[[Tensor], Result]) -> None:
        self._function = function
        self._recorded: tuple[torch.cuda.CUDAGraph, Tensor, Result] | None = None

    def __call__(self, argument: Tensor) -> Result:
        """Return the function's result for the argument."""
        if self._recorded is None:
            self._recorded = self._record(argument)
        graph, place, result = self._recorded
        place.copy_(argument)
        graph.replay()
        return result

    def _record(self, argument: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Result]:
        with torch.cuda.device(argument.device):
            place = argument.clone()
            self._function(place)  # compiles and loads kernels, which recording forbids
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                result = self._function(place)
        return graph, place, result
