# SPDX-License-Identifier: Apache-2.0
"""One sentence where a device's memory is too small for what is put there, or where the device itself fails."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from talk2dino_ros.engine.errors import ModelError


@contextmanager
def enough_memory(what: str, device: str, remedy: str) -> Iterator[None]:
    """Raise ModelError where the block runs out of the device's memory. what: that does not fit; remedy: what helps."""
    try:
        with working(device):
            yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{device} has too little memory for {what}{_free_in(str(error))}, expected it to fit; end what else uses "
            f"the GPU (nvidia-smi), or {remedy}"
        ) from error


@contextmanager
def working(device: str) -> Iterator[None]:
    """Raise ModelError where CUDA answers with an error, after which it gives a process no other answer mostly."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise  # which has remedies of its own
    except RuntimeError as error:  # torch's own AcceleratorError, which older ones lack, is one
        said = str(error).split("\n", maxsplit=1)[0]
        if "CUDA error" not in said:
            raise
        raise ModelError(
            f"{device} has failed ({said}), expected it to compute; load the model again (cleanup and configure), and "
            "where that fails too end the process and start it again; look at the device (dmesg, nvidia-smi)"
        ) from error


def _free_in(text: str) -> str:
    """Return what torch says of the GPU's memory: " (15.89 MiB of 3.94 GiB are free)"."""
    found = re.search(r"total capacity of ([\d.]+ \w+) of which ([\d.]+ \w+) is free", text)
    return f" ({found[2]} of {found[1]} are free)" if found else ""
