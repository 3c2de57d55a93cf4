"""Thousands of small steps told to a GPU in one: a function recorded as a CUDA graph."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")


class Recorded(Generic[Result]):
    """A function of one CUDA tensor that always has the same shape, recorded at its first call.

    The function must neither wait for the device nor draw random numbers. What a call returns is
    overwritten by the next.
    """

    def __init__(self, function: Callable[[Tensor], Result]) -> None:
        self._function = function
        self._recorded: tuple[torch.cuda.CUDAGraph, Tensor, Result] | None = None

    def __call__(self, argument: Tensor) -> Result:
        """The function's result."""
        if self._recorded is None:
            self._recorded = self._record(argument)
        graph, place, result = self._recorded
        place.copy_(argument)
        graph.replay()
        return result

    def _record(self, argument: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Result]:
        with torch.cuda.device(argument.device):
            place = argument.clone()
            self._function(place)  # compiles and loads what cannot be while recording
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                result = self._function(place)
        return graph, place, result
