# SPDX-License-Identifier: Apache-2.0
"""Why PyTorch has no CUDA GPU here, from what its initialisation raises."""

import re
import warnings

import torch

NO_DRIVER = "no NVIDIA driver is on this machine, or none is let into this container"


def why_no_cuda() -> str:
    """Return the reason in words, with the remedy behind a semicolon; "" where a GPU can be used."""
    if not torch.backends.cuda.is_built():
        return (
            f"PyTorch {torch.__version__} is built without CUDA; install a build for the GPU (https://pytorch.org), or "
            "for a Jetson NVIDIA's own"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says the same twice
            torch.cuda.init()
            return "" if torch.cuda.device_count() else _of("No CUDA GPUs are available")
    except Exception as error:  # RuntimeError, AssertionError, and torch's own
        return _of(str(error))


def is_driver_missing(reason: str) -> bool:
    """Whether a reason is that of a machine without a GPU, on which nothing has to be mended."""
    return reason.startswith(NO_DRIVER)


def _of(text: str) -> str:
    """Say what one of torch's texts means here."""
    if found := re.search(r"driver on your system is too old \(found version (\d+)\)", text):
        return (
            f"the NVIDIA driver is for CUDA up to {_dotted(int(found[1]))} and PyTorch {torch.__version__} is built "
            f"for CUDA {torch.version.cuda}; update the driver, or install a PyTorch that is built for that CUDA "
            "(https://pytorch.org)"
        )
    if "Found no NVIDIA driver" in text:
        return f"{NO_DRIVER}; install the driver, or start the container with --gpus all"
    if "No CUDA GPUs are available" in text:
        return (
            "the driver shows no GPU to this process; look at nvidia-smi and at CUDA_VISIBLE_DEVICES, and start a "
            "container with --gpus all"
        )
    return f"{(text.strip().splitlines() or ['CUDA does not start'])[0]}; look at nvidia-smi and dmesg"


def _dotted(version: int) -> str:
    """Return a version with its dot: 12040 is 12.4."""
    return f"{version // 1000}.{version % 1000 // 10}"
