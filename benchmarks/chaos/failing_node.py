# SPDX-License-Identifier: Apache-2.0
"""The segmenter's executable, whose device fails as the file says that CHAOS_FAILURE names: a GPU's errors, simulated.

The file holds "" (all is well), "memory" (no room for a batch), "context" (an error after which CUDA answers each call
with the same one until the process ends; here until the file says otherwise), "leak" (each batch keeps 2 MB for ever).
The watchdog of the process's memory looks at seconds in place of minutes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.ros.watch import memory_growth
from talk2dino_ros.segmenter.segmenter_main import main

FAILURE = "CHAOS_FAILURE"
ERRORS = {
    "memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.20 GiB. GPU 0 has 0 bytes free."),
    "context": torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    if hasattr(torch, "AcceleratorError")
    else RuntimeError("CUDA error: an illegal memory access was encountered"),
}
LEAKED_BYTES = 2_000_000
segment_batch = Segmenter._segment_batch
leaked: list[bytes] = []


def segment_or_fail(self: Segmenter, *arguments: Any, **options: Any) -> Any:
    """Raise what the file says, else segment."""
    kind = Path(os.environ[FAILURE]).read_text()
    if kind in ERRORS:
        raise ERRORS[kind]
    if kind == "leak":
        leaked.append(os.urandom(LEAKED_BYTES))
    return segment_batch(self, *arguments, **options)


if __name__ == "__main__":
    memory_growth.WARM_UP_S, memory_growth.PERIOD_S = 3.0, 0.5
    memory_growth.SHORTEST_S, memory_growth.LONGEST_S = 20.0, 60.0
    Segmenter._segment_batch = segment_or_fail  # type: ignore[method-assign]
    main()
