# SPDX-License-Identifier: Apache-2.0
"""A GPU's lane on a CPU, with values: what is recorded is computed anew at each replay, into the same memory."""

import threading
from contextlib import contextmanager

import torch
from torch.utils._pytree import tree_leaves

from talk2dino_ros.engine.runtime.gpu_lane import GpuLane


class HostLane(GpuLane):
    """Counts what it did: uploads, replays, recordings, downloads, waits."""

    def __init__(self, *, records=True):
        super().__init__("cpu", records=records)
        self.counts = dict.fromkeys(("uploads", "replays", "recordings", "downloads", "waits"), 0)
        self._own_lock = threading.Lock()
        self._staged = []

    def count(self, what):
        self.counts[what] += 1

    @contextmanager
    def entered(self):
        with self._own_lock:
            for staged in self._staged:
                staged.fill_(1)  # pinned memory is for the next images once it was waited for
            self._staged.clear()
            yield

    def upload(self, arrays, target):
        self.count("uploads")
        super().upload(arrays, target)

    def download(self, values):
        self.count("downloads")
        return super().download(values)

    def wait(self):
        self.count("waits")

    def recorded(self, compute):
        self.count("recordings")
        first = tree_leaves(compute())
        outputs = compute()  # the first time's memory is another's by now

        def replay():
            self.count("replays")
            for kept, new in zip(tree_leaves(outputs), tree_leaves(compute()), strict=True):
                if new is not None:
                    kept.copy_(new)
            return outputs

        del first
        return replay

    def _pinned(self, shape, dtype):
        self._staged.append(torch.empty(shape, dtype=dtype))
        return self._staged[-1]
