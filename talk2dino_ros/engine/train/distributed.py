# SPDX-License-Identifier: Apache-2.0
"""Several processes that train one projection, started by torchrun, each on a GPU of its own (or on CPUs).

A batch is shared out. The loss is that of the whole batch: each process gathers what the others projected and
computes the same loss, but the gradient of its own captions only. DistributedDataParallel takes the mean of the
gradients, so the loss is multiplied by the number of processes; the sum is then what one process would have found.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from talk2dino_ros.engine.errors import Talk2DinoError, TrainingError
from talk2dino_ros.engine.runtime.devices import resolve_device

_PATIENCE = timedelta(days=30)  # of those that wait while the first process extracts features
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ranks:
    """Rank of this process, and the number of processes."""

    rank: int = 0
    count: int = 1
    waiting: Any = None  # a group on the CPU with patience: the default one gives up after minutes

    @property
    def is_first(self) -> bool:
        """Whether it is this process that writes files and speaks."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """Return this process's part of a batch; it may be empty."""
        return rows.tensor_split(self.count)[self.rank]

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network so that all processes' gradients are averaged."""
        return network if self.count == 1 else DistributedDataParallel(network)

    def gather(self, own: Tensor, total: int) -> Tensor:
        """Return all processes' parts [total, D] of a batch in its order; of this one's alone with their gradient."""
        if self.count == 1:
            return own
        sizes = [len(part) for part in torch.empty(total).tensor_split(self.count)]
        padded = own.new_zeros(max(sizes), own.shape[1])  # the last batch of an epoch may not share out evenly
        padded[: len(own)] = own.detach()
        gathered = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(gathered, padded)
        parts = [part[:size] for part, size in zip(gathered, sizes, strict=True)]
        return torch.cat([*parts[: self.rank], own, *parts[self.rank + 1 :]])

    def first_alone(self, work: Callable[[], Result]) -> Result:
        """Do something in the first process while the others wait, and tell all the result.

        Raises TrainingError in every process where it failed in the first.
        """
        if self.count == 1:
            return work()
        told: list[Any] = [None, ""]
        if self.is_first:
            try:
                told[0] = work()
            except Talk2DinoError as error:
                told[1] = str(error)
        dist.broadcast_object_list(told, src=0, group=self.waiting)
        if told[1]:
            raise TrainingError(told[1])
        return told[0]  # type: ignore[no-any-return]


@contextmanager
def open_ranks(device: str) -> Iterator[tuple[Ranks, str]]:
    """Join the processes of a torchrun, or stand alone without one; gives this process's device, too.

    device: `cpu`, `cuda` or `cuda:N`, as `resolve_device` returns it. Raises TrainingError for one GPU named for all,
    ModelError for fewer GPUs than processes.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(), device
        return
    if ":" in device:
        raise TrainingError(
            f"device is {device} for {count} processes, expected cuda or cpu; write cuda, and each takes a GPU "
            "of its own"
        )
    if device == "cuda":
        device = resolve_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Ranks(dist.get_rank(), count, dist.new_group(backend="gloo", timeout=_PATIENCE)), device
    finally:
        dist.destroy_process_group()
