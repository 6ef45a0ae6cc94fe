# SPDX-License-Identifier: Apache-2.0
"""Give back what networks held, after the last reference to them is gone."""

import ctypes
import gc
import mmap
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

# Held while a CUDA graph is recorded: one at a time in a process, and PyTorch may give no memory back meanwhile.
CAPTURES = threading.Lock()


def release_memory() -> None:
    """Return memory that nothing uses any more, cycles of objects too, to the system.

    It looks through every object and holds the interpreter meanwhile: not while images stream.
    """
    gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Return memory that was freed, and on a GPU torch's cache of it, to the system."""
    if torch.cuda.is_initialized():
        with CAPTURES:
            torch.cuda.empty_cache()
    # glibc keeps freed blocks for later once it has seen some of their size go, a text tower's two gigabytes too
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)


def forget_pages(mapped: npt.NDArray[np.uint8]) -> None:
    """Take a mapped file (see `np.memmap`) out of this process's memory; what is read again comes from the file.

    Nothing may have been written to it: that would be lost.
    """
    file: Any = mapped.base
    if isinstance(file, mmap.mmap):
        file.madvise(mmap.MADV_DONTNEED)
