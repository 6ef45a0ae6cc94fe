# SPDX-License-Identifier: Apache-2.0
"""Why there is no CUDA, from the texts that PyTorch raises (c10/cuda/CUDAFunctions.cpp, torch/cuda/__init__.py)."""

from pathlib import Path

import pytest
import torch

from talk2dino_ros.engine.runtime.cuda_reason import is_driver_missing, why_no_cuda

TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading "
    "and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx Alternatively, go to: "
    "https://pytorch.org to install a PyTorch version that has been compiled with your version of the CUDA driver."
)
NONE = (
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from "
    "http://www.nvidia.com/Download/index.aspx"
)
UNKNOWN = "CUDA unknown error - this may be due to an incorrectly set up environment, e.g. changing env variable"


@pytest.fixture
def raised(monkeypatch):
    """Let PyTorch, built for CUDA 12.8, raise this text at its start."""

    def have(text):
        def init():
            raise RuntimeError(text)

        monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
        monkeypatch.setattr(torch.version, "cuda", "12.8")
        monkeypatch.setattr(torch, "__version__", "2.9.0")
        monkeypatch.setattr(torch.cuda, "init", init)
        return why_no_cuda()

    return have


def test_a_driver_older_than_pytorch_needs_is_named_with_both_versions(raised):
    assert raised(TOO_OLD) == (
        "the NVIDIA driver is for CUDA up to 11.4 and PyTorch 2.9.0 is built for CUDA 12.8; update the driver, or "
        "install a PyTorch that is built for that CUDA (https://pytorch.org)"
    )
    assert not is_driver_missing(raised(TOO_OLD))


def test_a_machine_without_a_driver_is_told_from_one_with_a_driver_that_shows_no_gpu(raised):
    assert raised(NONE).startswith("no NVIDIA driver is on this machine")
    assert is_driver_missing(raised(NONE))
    hidden = raised("No CUDA GPUs are available")
    assert "CUDA_VISIBLE_DEVICES" in hidden
    assert not is_driver_missing(hidden)


def test_an_unknown_reason_is_repeated_as_it_is(raised):
    assert raised(UNKNOWN) == f"{UNKNOWN}; look at nvidia-smi and dmesg"


def test_the_texts_are_those_of_the_installed_pytorch():
    """A new PyTorch that says it in other words fails here."""
    libraries = list((Path(torch.__path__[0]) / "lib").glob("libc10_cuda.so"))
    if not libraries:
        pytest.skip("this PyTorch is built without CUDA, so there is no library to look into")
    content = libraries[0].read_bytes()
    assert TOO_OLD.partition("11040")[0].encode() in content
    assert NONE[:40].encode() in content


def test_a_pytorch_without_cuda_is_said_to_be_one(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    assert why_no_cuda().startswith(f"PyTorch {torch.__version__} is built without CUDA; install a build for the GPU")


def test_where_there_is_a_gpu_there_is_no_reason(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert why_no_cuda() == ""
