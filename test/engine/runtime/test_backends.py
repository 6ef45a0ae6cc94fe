# SPDX-License-Identifier: Apache-2.0
"""What runs the image encoder: OpenVINO on a CPU, torch on a GPU, and what was asked for where it fits."""

import pytest

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.runtime import backends
from talk2dino_ros.engine.runtime.backends import choose_backend


@pytest.fixture(autouse=True)
def cpu_with_bf16(monkeypatch):
    monkeypatch.setattr(backends, "is_installed", lambda: True)
    monkeypatch.setattr(backends, "cpu_computes_in", lambda precision: precision != "fp16")


@pytest.mark.parametrize(
    ("device", "precision", "chosen"),
    [
        ("cpu", "auto", ("openvino", "the device is a CPU")),
        ("cpu", "bf16", ("openvino", "the device is a CPU")),
        ("cpu", "fp16", ("torch", "OpenVINO does not compute in fp16 on this CPU")),
        ("cuda:0", "auto", ("torch", "the device is a GPU")),
    ],
)
def test_auto_takes_what_is_fastest_there(device, precision, chosen):
    assert choose_backend("auto", None, device, precision) == chosen


def test_auto_says_that_openvino_is_not_installed(monkeypatch):
    monkeypatch.setattr(backends, "is_installed", lambda: False)
    expected = ("torch", "the faster openvino is not installed; `pip install openvino`")
    assert choose_backend("auto", None, "cpu", "auto") == expected


@pytest.mark.parametrize(
    ("backend", "file"), [("torch", None), ("openvino", None), ("onnxruntime", "a.onnx"), ("tensorrt", "a.onnx")]
)
def test_a_backend_that_is_asked_for_is_taken(backend, file):
    assert choose_backend(backend, file, "cpu", "auto") == (backend, "asked for")


@pytest.mark.parametrize(
    ("backend", "file", "device", "sentence"),
    [
        ("tflite", None, "cpu", "backend is 'tflite', expected one of auto, torch, openvino, onnxruntime, tensorrt"),
        ("torch", "a.onnx", "cpu", "onnx_file is 'a.onnx' with backend 'torch', expected a file only with onnxruntime"),
        ("auto", "a.onnx", "cpu", "onnx_file is 'a.onnx' with backend 'auto', expected a file only with onnxruntime"),
        (
            "openvino",
            "a.onnx",
            "cpu",
            "onnx_file is 'a.onnx' with backend 'openvino', expected a file only with onnxruntime",
        ),
        (
            "onnxruntime",
            None,
            "cpu",
            "backend is 'onnxruntime' without an onnx_file, expected one; make it by `talk2dino export",
        ),
        ("openvino", None, "cuda:0", "backend is 'openvino' and the device cuda:0, expected cpu"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(backend, file, device, sentence):
    with pytest.raises(ModelError, match=sentence):
        choose_backend(backend, file, device, "auto")
