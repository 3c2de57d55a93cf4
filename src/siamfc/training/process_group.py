"""Training in one process or several: ranks, and the average of the gradients.

Several processes are started by `torchrun`, or by SLURM with the same variables: RANK, WORLD_SIZE,
LOCAL_RANK, MASTER_ADDR, MASTER_PORT. The network's gradients are one message of 9 MB, so they are
averaged together after the backward pass: sending them in parts would gain nothing, and the order
of the sum, hence every bit of the result, is always the same.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from siamfc.errors import InputError, SiamFCError


@dataclass(frozen=True)
class ProcessRank:
    """This process's number among all processes of a run."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    """Number on this machine, which is also that of its GPU."""

    @property
    def is_first(self) -> bool:
        """True if this process writes files and prints."""
        return self.rank == 0


def process_from_environment() -> ProcessRank:
    """Read the launcher's variables; without them there is one process.

    Raises:
        InputError: they are not whole numbers.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    values = [os.environ.get(name) for name in names]
    if values[0] is None or values[1] is None:
        return ProcessRank()
    try:
        rank, world, local = (int(value or 0) for value in values)
    except ValueError:
        raise InputError(f"{', '.join(names)}: expected whole numbers, got {values}") from None
    return ProcessRank(rank, world, local)


@contextmanager
def process_group(process: ProcessRank, device: torch.device) -> Iterator[None]:
    """Connect the processes of a run, and disconnect them at the end.

    Raises:
        InputError: they do not find each other, or the port is in use.
    """
    if process.world == 1:
        yield
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    try:
        distributed.init_process_group(backend, rank=process.rank, world_size=process.world)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error) else "no reason given"
        if "EADDRINUSE" in str(error) or "address already in use" in str(error).lower():
            raise InputError(
                f"{address}: the port is in use: set MASTER_PORT to another one, or start with "
                "`torchrun --standalone`, which finds one"
            ) from None
        raise InputError(
            f"{address}: expected {process.world} processes to meet here, process {process.rank} "
            f"could not: {reason:.200}"
        ) from None
    try:
        yield
    finally:
        distributed.destroy_process_group()


def wait_for_all(process: ProcessRank) -> None:
    """Wait until every process has reached this point.

    Raises:
        SiamFCError: another process has stopped.
    """
    if process.world > 1:
        try:
            distributed.barrier()
        except RuntimeError:
            raise SiamFCError("another process of this run has stopped; see what it said") from None


def average(tensors: Sequence[Tensor], world: int) -> None:
    """Replace tensors, in place, by their mean over all processes, in one message."""
    if world == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    flat /= world
    parts = flat.split_with_sizes([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))
