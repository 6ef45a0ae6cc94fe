# SPDX-License-Identifier: Apache-2.0
"""Run a compiled function over an image's rows in as many threads as PyTorch uses.

Plain threads, and not numba's own parallel loops: those need a threading library on the machine or allow only one
caller at a time, and two threads may use a segmenter.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch

BANDS_PER_THREAD = 4  # so that no thread waits long for the one whose core does something else


class Bands:
    """Threads for one image; a context manager that ends them."""

    def __init__(self, rows: int) -> None:
        threads = torch.get_num_threads()
        count = min(rows, threads * BANDS_PER_THREAD)
        edges = [rows * i // count for i in range(count + 1)]
        self._bands = list(pairwise(edges))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rows")

    def __enter__(self) -> "Bands":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()

    def run(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call function(*arguments, first row, row after the last) for every band, and wait for all."""
        for _ in self._pool.map(lambda band: function(*arguments, *band), self._bands):
            pass
