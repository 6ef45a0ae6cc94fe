# SPDX-License-Identifier: Apache-2.0
"""The segmenter's executable, whose device fails as the file says that CHAOS_FAILURE names: a GPU's errors, simulated.

The file holds "" (all is well), "memory" (no room for a batch), "context" (an error after which CUDA answers each call
with the same one until the process ends; here until the file says otherwise).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.segmenter.segmenter_main import main

FAILURE = "CHAOS_FAILURE"
ERRORS = {
    "memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.20 GiB. GPU 0 has 0 bytes free."),
    "context": torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    if hasattr(torch, "AcceleratorError")
    else RuntimeError("CUDA error: an illegal memory access was encountered"),
}
segment_batch = Segmenter._segment_batch


def segment_or_fail(self: Segmenter, *arguments: Any, **options: Any) -> Any:
    """Raise what the file says, else segment."""
    error = ERRORS.get(Path(os.environ[FAILURE]).read_text())
    if error is not None:
        raise error
    return segment_batch(self, *arguments, **options)


if __name__ == "__main__":
    Segmenter._segment_batch = segment_or_fail  # type: ignore[method-assign]
    main()
