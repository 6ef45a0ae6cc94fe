# SPDX-License-Identifier: Apache-2.0
"""Give back what a segmenter held, after the last reference to it is gone."""

import gc

import torch


def release_memory() -> None:
    """Return memory that nothing uses any more, and on a GPU torch's cache of it, to the system."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
