"""Sources of pairs: functions that return the batch of any step, in any order of calls.

A source has no state except its settings, so a resumed run gets the same batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor

from siamfc.crops.augment import AugmentedPairs
from siamfc.crops.loader import PairLoader
from siamfc.crops.pairs import CropStore, StorePairs, split_videos
from siamfc.errors import InputError
from siamfc.geometry import CONTEXT_AMOUNT
from siamfc.procedural.pairs import PairGenerator, Pairs
from siamfc.procedural.renderer import Renderer
from siamfc.synthetic.pairs import SquarePairs
from siamfc.training.data_settings import ProceduralData, SquareData, StoreData
from siamfc.training.process_group import ProcessRank
from siamfc.training.recipes import Recipe

_STREAM = 2**40
"""Processes draw from streams of steps this far apart."""
_VALIDATION_SEED = 2**32
"""Lies between the seeds of training and validation."""


class Batch(Protocol):
    """Interface of B pairs in training, which `Pairs` and `AugmentedPairs` implement."""

    @property
    def exemplars(self) -> Tensor:
        """(B, n, n, 3) uint8 RGB."""

    @property
    def searches(self) -> Tensor:
        """(B, m, m, 3) uint8 RGB."""

    @property
    def offsets(self) -> Tensor:
        """Target's centre minus the search image's, x, y in its pixels, (B, 2) float32."""


class BoxBatch(NamedTuple):
    """B pairs for a network that predicts boxes."""

    exemplars: Tensor
    """(B, 127, 127, 3) uint8 RGB."""
    searches: Tensor
    """(B, 255, 255, 3) uint8 RGB."""
    boxes: Tensor
    """Target's box x, y, w, h in the search image, in its pixels, (B, 4) float32."""
    exemplar_sizes: Tensor
    """Width and height of the target's box in the exemplar image, in its pixels, (B, 2) float32."""
    visible: Tensor
    """Fraction of the target that is visible in the search image, (B,) float32."""
    recent_sizes: Tensor
    """The same as `exemplar_sizes` in the recent exemplar image; (B, 0) if there is none."""
    recent: Tensor
    """(B, 127, 127, 3) uint8 RGB, the recent exemplar image; (B, 0) if there is none."""

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """Take the fields of a batch.

        Raises:
            TypeError: the batch has no boxes.
        """
        if not isinstance(batch, Pairs | AugmentedPairs):
            raise TypeError(f"expected pairs with boxes, got {type(batch).__name__}")
        none = batch.boxes[:, :0]
        return cls(*(getattr(batch, name, none) for name in cls._fields))


def exemplars_of(batch: BoxBatch) -> tuple[list[Tensor], list[Tensor]]:
    """Return the one or two exemplar images of each pair, and the boxes' sizes (B, 2) in each."""
    if not batch.recent.shape[1]:
        return [batch.exemplars], [batch.exemplar_sizes]
    return [batch.exemplars, batch.recent], [batch.exemplar_sizes, batch.recent_sizes]


class PairSource(Protocol):
    """Function from a step to its batch, always the same."""

    def __call__(self, step: int) -> Batch:
        """Return this process's part of a step's batch; steps count from 0."""


def training_source(
    recipe: Recipe,
    *,
    device: torch.device,
    process: ProcessRank | None = None,
    stores: Sequence[CropStore] = (),
    renderer: Renderer | None = None,
) -> PairSource:
    """Make the source of training batches for one of several processes.

    Args:
        recipe: all settings.
        device: device on which the pairs are drawn, or to which they are sent.
        process: this process's rank; None: there is only one process.
        stores: open stores, for a recipe that reads them.
        renderer: functions that draw procedural pairs; None: the fastest for the device.

    Raises:
        InputError: a batch that the processes cannot divide, or a recipe that needs stores.
        DatasetError: stores without pairs, or with too few videos for the split.
    """
    process = process or ProcessRank()
    if recipe.batch % process.world:
        raise InputError(
            f"batch: expected a multiple of the {process.world} processes, got {recipe.batch}"
        )
    return _build(recipe, device, process, stores, validation=False, renderer=renderer)


def validation_source(
    recipe: Recipe, *, device: torch.device, stores: Sequence[CropStore] = ()
) -> PairSource:
    """Make the source of validation batches, from videos or scenes that training never sees.

    The arguments and errors are those of `training_source`.
    """
    apart = replace(
        recipe,
        batch=recipe.validation_batch,
        pairs_per_epoch=recipe.validation_pairs,
    )
    return _build(apart, device, ProcessRank(), stores, validation=True)


def _build(
    recipe: Recipe,
    device: torch.device,
    process: ProcessRank,
    stores: Sequence[CropStore],
    *,
    validation: bool,
    renderer: Renderer | None = None,
) -> PairSource:
    data = recipe.data
    if not isinstance(data, StoreData):
        _check_context(recipe, CONTEXT_AMOUNT, "generated pairs'")
    seed = recipe.seed + (_VALIDATION_SEED if validation else 0)
    batch = recipe.batch // process.world
    if isinstance(data, ProceduralData):
        return _procedural(data, batch, seed, device, process, validation, renderer)
    if isinstance(data, SquareData):
        names = [f"{folder:09d}" for folder in range(data.dataset.folders)]
        chosen = split_videos(names, data.validation_share, seed=recipe.seed)[validation]
        pairs = SquarePairs(
            batch=batch,
            seed=seed,
            folders=[int(name) for name in chosen],
            dataset=data.dataset,
            settings=data.augmentation,
            device=device,
        )
        return _Squares(pairs, process)
    beside = data.procedural_pairs(batch)
    if beside == batch:
        raise InputError(f"mix: expected room for a store's pairs in {batch}, got {data.mix:g}")
    rest = replace(recipe, batch=(batch - beside) * process.world)
    from_stores = _Stores(_open_loader(rest, data, device, process, stores, validation=validation))
    if not beside:
        return from_stores
    _check_context(recipe, CONTEXT_AMOUNT, "generated pairs'")
    generated = _procedural(data.procedural, beside, seed, device, process, validation, renderer)
    return _Mixed(_Repeated(generated, data.procedural_batches), from_stores)


def _procedural(
    data: ProceduralData,
    batch: int,
    seed: int,
    device: torch.device,
    process: ProcessRank,
    validation: bool,
    renderer: Renderer | None,
) -> "_Procedural":
    count = data.validation_textures if validation else data.textures.count
    generator = PairGenerator(
        batch=batch,
        seed=seed,
        device=device,
        settings=data.pairs,
        textures=replace(data.textures, count=count),
        renderer=renderer,
    )
    return _Procedural(generator, data.renew_every, process)


def _check_context(recipe: Recipe, found: float, whose: str) -> None:
    """Raise InputError if a recipe's exemplar images have another margin than the data's."""
    expected = recipe.spec.context_amount
    if found != expected:
        raise InputError(
            f"spec.context_amount: expected the {whose} {found:g}, got {expected:g}; "
            f"--set spec.context_amount={found:g}"
        )


def _open_loader(
    recipe: Recipe,
    data: StoreData,
    device: torch.device,
    process: ProcessRank,
    stores: Sequence[CropStore],
    *,
    validation: bool,
) -> PairLoader:
    if not stores:
        raise InputError(f"the recipe {recipe.name} needs pairs from a store: give --data STORE")
    for store in stores:
        _check_context(recipe, store.settings.context_amount, "store's")
    # Videos of one name in two stores stay on one side.
    names = [name for store in stores for name in store.video_names]
    chosen = frozenset(split_videos(names, data.validation_share, seed=recipe.seed)[validation])
    # All videos of a small store may be on the other side.
    stores = [store for store in stores if not chosen.isdisjoint(store.video_names)]
    pairs = StorePairs(
        stores,
        data.sampling(pairs=recipe.pairs_per_epoch, seed=recipe.seed),
        videos=[chosen] * len(stores),
    )
    return PairLoader(
        pairs,
        recipe.batch,
        settings=data.augmentation,
        device=device,
        rank=process.rank,
        world=process.world,
        workers=data.workers,
    )


class _Procedural:
    def __init__(self, generator: PairGenerator, renew_every: int, process: ProcessRank) -> None:
        self._generator, self._renew_every = generator, renew_every
        self._first = process.rank * _STREAM
        self._bank = 0

    def __call__(self, step: int) -> Pairs:
        bank = step // self._renew_every
        if bank != self._bank:
            self._generator.renew(bank)
            self._bank = bank
        return self._generator(self._first + step)


class _Repeated:
    """Repeats the first batches of a source, each of which is drawn once."""

    def __init__(self, source: "_Procedural", different: int) -> None:
        self._source, self._different = source, different
        self._made: dict[int, Pairs] = {}

    def __call__(self, step: int) -> Pairs:
        number = step % self._different
        if number not in self._made:
            self._made[number] = self._source(number)
        return self._made[number]


class _Mixed:
    """Joins procedural pairs and pairs from stores to batches, in this order."""

    def __init__(self, procedural: _Repeated, stores: "_Stores") -> None:
        self._procedural, self._stores = procedural, stores

    def __call__(self, step: int) -> AugmentedPairs:
        parts = self._procedural(step), self._stores(step)
        names = AugmentedPairs._fields
        return AugmentedPairs(*(torch.cat([getattr(p, name) for p in parts]) for name in names))


class _Squares:
    def __init__(self, pairs: SquarePairs, process: ProcessRank) -> None:
        self._pairs, self._first = pairs, process.rank * _STREAM

    def __call__(self, step: int) -> AugmentedPairs:
        return self._pairs(self._first + step)


class _Stores:
    """Batches of a loader's epochs; it reads ahead while the steps come in order."""

    def __init__(self, loader: PairLoader) -> None:
        self._loader = loader
        self._next = -1
        self._batches: Iterator[AugmentedPairs] = iter(())

    def __call__(self, step: int) -> AugmentedPairs:
        epoch, number = divmod(step, len(self._loader))
        if step != self._next or number == 0:
            self._batches = self._loader.epoch(epoch, start=number)
        self._next = step + 1
        return next(self._batches)
