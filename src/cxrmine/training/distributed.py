"""Several processes that train one model: what ``torchrun`` starts, one process a GPU.

    torchrun --nproc-per-node 4 -m cxrmine train-baseline DATASET --recipe …

Each process takes its share of every batch; the losses divide by the whole batch's numbers
(`cxrmine.training.losses.BatchCounts`), so the sum over the processes is the loss of one process
that takes the whole batch, and so is the gradient. Batch normalisation alone sees only its
process's images. Rank 0 writes the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from cxrmine.errors import UserError

# Rank 0 alone builds the cache, writes boxes and reports; the others wait for it.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is; `local` counts on this machine alone."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of the processes' tensors, the same in all of them."""
        if self.world > 1:
            tensor = tensor.clone()
            torch.distributed.all_reduce(tensor)
        return tensor

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value, in the order of the ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(values, value)
        return values

    def from_first(self, value: Any) -> Any:
        """Return rank 0's value in every process."""
        if self.world == 1:
            return value
        box = [value]
        torch.distributed.broadcast_object_list(box, src=0)
        return box[0]

    def equalize(self, model: nn.Module) -> None:
        """Give every process rank 0's buffers (the averages of batch normalisation)."""
        if self.world > 1:
            for buffer in model.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Return the model so that its gradients are the mean over the processes."""
        if self.world == 1:
            return model
        ids = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids)


def ranks() -> Ranks:
    """Return what ``torchrun`` says in the environment; one process without it.

    Raises
    ------
    UserError
        If only half of it is there, or it contradicts itself.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    given = [name for name in names if name in os.environ]
    if not given:
        return Ranks()
    try:
        rank, world, local = (int(os.environ[name]) for name in names)
    except (KeyError, ValueError):
        rank, world, local = 0, 0, 0
    if not 0 <= rank < world:
        raise UserError(
            f"the variables {', '.join(names)} do not name a process of several; start with "
            "torchrun, or unset them."
        )
    return Ranks(rank, world, local)


@contextmanager
def process_group(ranks: Ranks, device: torch.device) -> Iterator[None]:
    """Connect the processes while the block runs: nccl between GPUs, gloo between CPUs.

    Within another such block they stay connected as they are.
    """
    if ranks.world == 1 or torch.distributed.is_initialized():
        yield
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def choose_device(name: str, ranks: Ranks) -> torch.device:
    """Return the device that ``--device`` names: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    UserError
        If it does not exist, or no GPU is there though one was asked for.
    """
    if name == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto" and not count:
        return torch.device("cpu")
    if name in ("auto", "cuda"):
        number = ranks.local
    elif name.startswith("cuda:") and name.removeprefix("cuda:").isdecimal():
        number = int(name.removeprefix("cuda:"))
    else:
        raise UserError(f"--device {name!r} does not exist; use auto, cpu, cuda or cuda:N.")
    if not count:
        raise UserError(
            f"--device {name!r}: torch {torch.__version__} finds no GPU here; use --device cpu, or "
            "install a driver and a torch that go together."
        )
    if number >= count:
        raise UserError(
            f"--device {name!r}: there is no GPU number {number}, only {count} (from 0); start "
            "fewer processes or name another."
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
