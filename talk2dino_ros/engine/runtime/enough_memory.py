# SPDX-License-Identifier: Apache-2.0
"""One sentence where a device's memory is too small for what is put there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from talk2dino_ros.engine.errors import ModelError


@contextmanager
def enough_memory(what: str, device: str, remedy: str) -> Iterator[None]:
    """Raise ModelError where the block runs out of the device's memory. what: that does not fit; remedy: what helps."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{device} has too little memory for {what}{_free_in(str(error))}, expected it to fit; end what else uses "
            f"the GPU (nvidia-smi), or {remedy}"
        ) from error


def _free_in(text: str) -> str:
    """Return what torch says of the GPU's memory: " (15.89 MiB of 3.94 GiB are free)"."""
    found = re.search(r"total capacity of ([\d.]+ \w+) of which ([\d.]+ \w+) is free", text)
    return f" ({found[2]} of {found[1]} are free)" if found else ""
