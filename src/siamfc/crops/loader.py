"""Loader of pairs from stores: tensors, read ahead by processes, augmented on the device."""

import os
import signal
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from siamfc.crops.augment import AugmentedPairs, AugmentSettings, augment
from siamfc.crops.pairs import RawPairs, StorePairs
from siamfc.errors import InputError, OutputError


class PairLoader:
    """Batches of an epoch, in order, the same for any number of processes and devices.

    Batch b of an epoch has the pairs b · batch to (b + 1) · batch − 1; process r of w gets the r-th
    of w equal parts of each batch. A remainder at the end of an epoch is not used.

    Args:
        pairs: pairs from stores.
        batch: number of pairs per batch, over all training processes.
        settings: settings of the augmentation.
        device: device of the tensors and the augmentation.
        rank: number of this training process.
        world: number of training processes.
        workers: number of processes that read and decode; 0: this process does.

    Raises:
        InputError: a batch that cannot be divided, one larger than an epoch, or stores whose crops
            are too small for the augmentation.
    """

    def __init__(
        self,
        pairs: StorePairs,
        batch: int,
        *,
        settings: AugmentSettings | None = None,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
    ) -> None:
        if batch < 1 or batch % world or batch > len(pairs):
            raise InputError(
                f"batch: expected a multiple of {world} processes up to an epoch's {len(pairs)} "
                f"pairs, got {batch}"
            )
        self._settings = settings or AugmentSettings()
        for store in pairs.stores:
            self._settings.check_store(store.settings)
        self._context_amount = pairs.stores[0].settings.context_amount
        self._device = torch.device(device)
        self._order = _Order(len(pairs) // batch)
        self._loader: DataLoader[_Tensors] = DataLoader(
            _Parts(pairs, batch, rank, world),
            batch_size=None,  # an item is a batch already
            sampler=self._order,
            num_workers=workers,
            pin_memory=self._device.type == "cuda",
            persistent_workers=workers > 0,
            # A fresh interpreter inherits neither threads nor the device's state.
            multiprocessing_context="spawn" if workers else None,
            worker_init_fn=_exit_on_signal,
        )

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._order.batches

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[AugmentedPairs]:
        """Yield the batches of an epoch, from batch `start` on.

        Raises:
            OutputError: shared memory has no room for the batches read ahead.
        """
        self._order.epoch, self._order.start = epoch, start
        for raw in self._raw():
            parts = [part.to(self._device, non_blocking=True) for part in raw]
            exemplars, searches, sizes, uniforms, exemplar_sizes, present = parts
            yield augment(
                exemplars,
                searches,
                sizes,
                uniforms,
                self._settings,
                exemplar_sizes=exemplar_sizes,
                present=present,
                context_amount=self._context_amount,
            )

    def _raw(self) -> "Iterator[_Tensors]":
        try:
            yield from self._loader
        except _SharedMemoryError:
            raise OutputError(
                "shared memory (/dev/shm) has no room for the batches read ahead: make it larger, "
                "in Docker with --shm-size, or read without further processes, "
                "--set data.workers=0"
            ) from None


class _SharedMemoryError(Exception):
    """A worker cannot hand over its batch."""


def _share(tensors: "_Tensors") -> None:
    """Move a worker's tensors to shared memory.

    Sending them would do so, but in a thread, where an error loses the batch: the trainer would
    wait for it forever.
    """
    try:
        for tensor in tensors:
            tensor.share_memory_()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise _SharedMemoryError(str(error)) from None


def _exit_on_signal(_worker: int) -> None:
    """Let a worker exit with success on SIGTERM, because torch reports any other exit.

    `timeout`, SLURM and Ctrl-C signal a whole group of processes, of which only one should respond.
    This takes effect once the worker has imported torch.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    sys.excepthook = _report_unless_disconnected


def _report_unless_disconnected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Report an error in a worker's thread, unless the loader merely ended earlier."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)


class _Tensors(NamedTuple):
    exemplars: Tensor
    searches: Tensor
    search_sizes: Tensor
    uniforms: Tensor
    exemplar_sizes: Tensor
    present: Tensor


class _Order(Sampler[tuple[int, int]]):
    """Order of batches, read again at the start of each epoch."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.epoch = 0
        self.start = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((self.epoch, number) for number in range(self.start, self.batches))


class _Parts(Dataset[_Tensors]):
    """This training process's part of each batch."""

    def __init__(self, pairs: StorePairs, batch: int, rank: int, world: int) -> None:
        self._pairs = pairs
        self._batch = batch
        self._first = rank * (batch // world)
        self._count = batch // world

    def __getitem__(self, key: Any) -> _Tensors:
        epoch, number = key
        first = number * self._batch + self._first
        raw: RawPairs = self._pairs.read(epoch, range(first, first + self._count))
        tensors = _Tensors(*map(torch.from_numpy, raw))
        if get_worker_info() is not None:
            _share(tensors)
        return tensors
