"""Search for the largest batch that fits into the device's memory."""

import gc
from collections.abc import Callable
from dataclasses import replace

import torch

from siamfc.errors import InputError
from siamfc.geometry import CONTEXT_AMOUNT
from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.textures import TextureSettings
from siamfc.training.data_settings import ProceduralData, StoreData
from siamfc.training.process_group import ProcessRank
from siamfc.training.recipes import Recipe
from siamfc.training.sources import training_source
from siamfc.training.train_state import TrainState


def largest_batch(batch: int, attempt: Callable[[int], None]) -> int:
    """Return the largest of batch/2, batch/4, … that fits; 0 if none does.

    `attempt` is called with a batch and raises `torch.OutOfMemoryError` if it does not fit.
    """
    while batch > 1:
        batch //= 2
        try:
            attempt(batch)
            return batch
        except torch.OutOfMemoryError:
            free()
    return 0


def too_large(recipe: Recipe, device: torch.device, processes: int = 1) -> InputError:
    """Return the error to raise after memory ran out; call it once the run's tensors are freed.

    It names the largest smaller batch that fits, found by trying one step of each process's part
    of it. Pairs from stores are replaced by procedural ones of the same sizes, since it is the
    network that needs the memory.
    """
    if isinstance(recipe.data, StoreData):
        spec = replace(recipe.spec, context_amount=CONTEXT_AMOUNT)  # the margin of procedural pairs
        recipe = replace(recipe, data=_stand_in(recipe.data), spec=spec)

    def attempt(batch: int) -> None:
        smaller = replace(recipe, batch=batch)
        train_state = TrainState(smaller, device=device)
        source = training_source(smaller, device=device, process=ProcessRank())
        train_state.learn(source(0))

    free()
    fitting = processes * largest_batch(recipe.batch // processes, attempt)
    advice = f"batch={fitting} fits: --set batch={fitting}" if fitting else "not even one pair fits"
    return InputError(f"batch: {recipe.batch} pairs need more memory than {device} has; {advice}")


def _stand_in(data: StoreData) -> ProceduralData:
    """Return procedural pairs of the stores' sizes, cheap to draw on any device."""
    exemplar_size, search_size = data.sizes
    return ProceduralData(
        pairs=PairSettings(exemplar_size=exemplar_size, search_size=search_size),
        textures=TextureSettings(count=1, size=16, leaves=1),
    )


def free() -> None:
    """Release the memory of dead tensors."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
