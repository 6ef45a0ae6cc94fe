# SPDX-License-Identifier: Apache-2.0
"""A GPU with too little memory: one sentence with what does not fit, what is free, and what helps."""

import numpy as np
import pytest
import torch

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.runtime.enough_memory import enough_memory, working

# as torch 2 raises it (c10/cuda/CUDACachingAllocator.cpp)
FULL = (
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 3.94 GiB of which 15.89 MiB is "
    "free. Including non-PyTorch memory, this process has 3.90 GiB memory in use. Of the allocated memory 3.80 GiB is "
    "allocated by PyTorch, and 5.72 MiB is reserved by PyTorch but unallocated."
)


def run_out(*_args, **_options):
    raise torch.OutOfMemoryError(FULL)


class Large:
    """An image encoder that is too large for the GPU."""

    to = run_out


def test_a_model_that_does_not_fit_is_named_with_what_is_free_and_what_helps():
    with pytest.raises(ModelError) as raised:
        Networks(MODELS["mini"], {}, "cuda:0", torch.float16, image_encoder=Large(), find_word_files=dict)
    assert str(raised.value) == (
        "cuda:0 has too little memory for the image encoder of mini (15.89 MiB of 3.94 GiB are free), expected it to "
        "fit; end what else uses the GPU (nvidia-smi), or choose a smaller model or device cpu"
    )


@pytest.mark.parametrize("method", ["to", "encode"])
def test_a_text_encoder_that_does_not_fit_is_told_from_an_image_encoder(monkeypatch, method):
    segmenter = load_segmenter("mini", device="cpu", text_cache_dir="none")
    monkeypatch.setattr(mini.MiniTextEncoder, method, run_out)
    said = r"the (text encoder|words) \(15.89 MiB of 3.94 GiB are free\), .* or encode the words elsewhere"
    with pytest.raises(ModelError, match=said):
        segmenter.encode_vocabulary(["cup"])


def test_a_text_of_another_form_is_left_out():
    with pytest.raises(ModelError, match="too little memory for it, expected it to fit"), enough_memory("it", "x", "y"):
        raise torch.OutOfMemoryError("CUDA error: out of memory")


# as torch 2 raises it (c10/cuda/CUDAException.cpp)
BROKEN = (
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported at some "
    "other API call, so the stacktrace below might be incorrect."
)
BROKEN_SAID = (
    "cpu has failed (CUDA error: an illegal memory access was encountered), expected it to compute; load the model "
    "again (cleanup and configure), and where that fails too end the process and start it again; look at the device "
    "(dmesg, nvidia-smi)"
)


def test_a_cuda_error_in_an_image_says_what_helps(monkeypatch):
    segmenter = load_segmenter("mini", device="cpu", text_cache_dir="none")
    vocabulary = segmenter.encode_vocabulary(["cup"])

    def fail(*_args, **_options):
        raise RuntimeError(BROKEN)

    monkeypatch.setattr(type(segmenter), "_segment_batch", fail)
    with pytest.raises(ModelError) as raised:
        segmenter.segment(np.zeros((48, 64, 3), np.uint8), vocabulary)
    assert str(raised.value) == BROKEN_SAID


def test_a_cuda_error_while_loading_says_what_helps():
    with pytest.raises(ModelError, match="cuda:0 has failed"), enough_memory("it", "cuda:0", "y"):
        raise RuntimeError(BROKEN)


def test_other_errors_of_torch_are_faults_of_the_program():
    with pytest.raises(RuntimeError, match="shape"), working("cuda:0"):
        raise RuntimeError("shape '[2]' is invalid")
