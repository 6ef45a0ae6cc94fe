# SPDX-License-Identifier: Apache-2.0
"""A stream of one GPU for a segmenter's images: upload, kernels, download, and one wait.

It is not PyTorch's default stream, so that images do not wait for words that another thread encodes there. Where graphs
are asked for, the kernels of an image are recorded once and then started with one call: to start hundreds of them from
Python takes longer than to compute them.
"""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.runtime.memory import CAPTURES

RECORDINGS = 16  # that are kept: of image sizes, batches, and numbers of classes; they share what they compute in
_BEFORE_OTHERS = -1  # words can wait, images cannot
WARM_UPS = 3  # calls before a recording, in which libraries choose their kernels


def check_can_record(device: str, backend: str) -> None:
    """Raise ModelError where there are no kernels of torch on a GPU to record."""
    if backend != "torch" or not device.startswith("cuda"):
        raise ModelError(
            f"cuda_graphs was asked for with device {device} and backend {backend}, expected a CUDA GPU and torch; "
            "switch it off, or choose these"
        )


class GpuLane:
    """A stream with what is kept from image to image. Two threads may enter: one waits for the other.

    records: whether `recorded` makes graphs. All graphs share one pool of memory: they run one after the other, and
    what one returns has to be copied, in the lane's order, before the next one runs.
    """

    def __init__(self, device: str, *, records: bool) -> None:
        self.device = torch.device(device)
        self.records = records
        self._lock = threading.Lock()
        self._stream: Any = None
        self._pool: Any = None
        self._kept: dict[Hashable, Any] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Do what the `with` block does on this lane alone."""
        with self._lock, torch.cuda.device(self.device):
            if self._stream is None:
                self._stream = torch.cuda.Stream(self.device, priority=_BEFORE_OTHERS)
                self._stream.wait_stream(torch.cuda.current_stream(self.device))  # on which the weights came
            with torch.cuda.stream(self._stream):
                yield

    def keep(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make` made for a key; of RECORDINGS keys that are too many all are given up, and their memory.

        One by one would free nothing: a pool goes back to the GPU with the last graph that is in it.
        """
        if key not in self._kept:
            if len(self._kept) >= RECORDINGS:
                self.give_up()
            self._kept[key] = make()
        return self._kept[key]

    def give_up(self) -> None:
        """Forget all that was kept; what it computed in is the GPU's again when memory is given back or recorded in."""
        if self._stream is not None:
            self.wait()  # an earlier part of the batch may still be computed by what goes
        self._kept.clear()
        self._pool = None

    def upload(self, arrays: npt.NDArray[Any] | Sequence[npt.NDArray[Any]], target: Tensor) -> None:
        """Copy an array, or arrays of one shape, to target [N, ...] on the device; nobody waits for it."""
        # pinned: such a copy needs no stop on its way; torch keeps the memory until it is over, and for the next one
        staged = self._pinned(target.shape, target.dtype)
        places = staged.numpy()
        for number, array in enumerate(arrays):
            places[number] = array
        target.copy_(staged, non_blocking=True)

    def download(self, values: Tensor) -> Tensor:
        """Return pinned memory that holds the values after `wait`."""
        staged = self._pinned(values.shape, values.dtype)
        return staged.copy_(values, non_blocking=True)

    def wait(self) -> None:
        """Wait for all that was started on this lane."""
        self._stream.synchronize()

    def recorded(self, compute: Callable[[], Any]) -> Callable[[], Any]:
        """Return what does the same as `compute` with one launch: same tensors read, and the same returned each time.

        compute: reads no value, makes no tensor from the host's memory, and gets what it needs from memory that stays.
        """
        for _ in range(WARM_UPS):
            compute()
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        try:
            outputs = self._captured(graph, compute)
        except RuntimeError as error:  # to end a capture that found no memory fails as well, and hides why
            if isinstance(error.__context__, torch.OutOfMemoryError):
                raise error.__context__ from None
            raise

        def replay() -> Any:
            graph.replay()
            return outputs

        return replay

    def _captured(self, graph: Any, compute: Callable[[], Any]) -> Any:
        # thread_local: text may be encoded in another thread meanwhile, which is nothing of this recording's
        with (
            CAPTURES,
            torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"),
        ):
            return compute()

    def _pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, pin_memory=True)
