"""Search for a batch that fits into the device's memory."""

import gc
from collections.abc import Callable
from dataclasses import replace

import torch

from siamfc.errors import InputError
from siamfc.training.process_group import ProcessRank
from siamfc.training.recipes import Recipe
from siamfc.training.sources import training_source
from siamfc.training.train_state import TrainState


def largest_batch(batch: int, attempt: Callable[[int], None]) -> int:
    """Largest of batch/2, batch/4, … that `attempt` runs with; 0 if none does."""
    while batch > 1:
        batch //= 2
        try:
            attempt(batch)
            return batch
        except torch.OutOfMemoryError:
            free()
    return 0


def too_large(recipe: Recipe, device: torch.device) -> InputError:
    """Return the error to raise after memory ran out; call it once the run's tensors are freed.

    Tries smaller batches of the same recipe, procedural pairs and all. Pairs from stores are
    replaced by procedural ones of the same size, the network being what takes the memory.
    """

    def attempt(batch: int) -> None:
        smaller = replace(recipe, batch=batch)
        train_state = TrainState(smaller, device=device)
        source = training_source(smaller, device=device, process=ProcessRank())
        train_state.learn(source(0))

    free()
    fitting = largest_batch(recipe.batch, attempt)
    advice = f"batch={fitting} fits: --set batch={fitting}" if fitting else "not even one pair fits"
    return InputError(f"batch: {recipe.batch} pairs need more memory than {device} has; {advice}")


def free() -> None:
    """Give the memory of dead tensors back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
