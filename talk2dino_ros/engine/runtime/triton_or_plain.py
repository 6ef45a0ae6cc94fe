# SPDX-License-Identifier: Apache-2.0
"""Whether a GPU runs Triton's kernels or plain PyTorch, tried once where the first is needed.

Triton needs a C compiler where it runs, and NVIDIA's wheels for a Jetson come without Triton: such a robot takes the
plain path, and is told so. torch.compile would need Triton as well, and an extension in C++ the CUDA toolkit where it
is built, for each version of PyTorch: neither runs where Triton does not.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

_LOG = logging.getLogger("talk2dino")
Path = TypeVar("Path")


def triton_or_plain(
    what: str, device: torch.device, triton: Callable[[], Path], plain: Path, run: Callable[[Path], object]
) -> tuple[Path, str]:
    """Return the path that runs, and what computes it, for a person.

    what: named in the warning, such as `PAMR`. device: a GPU. triton: imports that path. run: computes something small
    on the device. Raises torch's OutOfMemoryError.
    """
    try:
        fast = triton()
        tried(run, fast, device)
        return fast, "Triton"
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # Triton's compilation fails in many ways; what the GPU itself lacks, fails again below
        reason = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
    _LOG.warning(
        "%s runs in plain PyTorch on %s, which is slower, as Triton does not run there (%s), expected Triton with "
        "a C compiler; install them, such as by `pip install triton` and `apt install gcc python3-dev`",
        what,
        device,
        reason,
    )
    tried(run, plain, device)
    return plain, f"plain PyTorch, as Triton does not run ({reason})"


def tried(run: Callable[[Path], object], path: Path, device: torch.device) -> None:
    """Run a path once, to its end."""
    with torch.inference_mode():
        run(path)
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # a kernel's failure shows when it has run
