# SPDX-License-Identifier: Apache-2.0
"""Choose what runs the image encoder."""

from pathlib import Path

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import BACKENDS
from talk2dino_ros.engine.runtime.openvino_library import cpu_computes_in, is_installed

OF_FILES = ("onnxruntime", "tensorrt")


def choose_backend(backend: str, onnx_file: str | Path | None, device: str, precision: str) -> tuple[str, str]:
    """Turn `auto` into torch or openvino, and tell why in words; check the others.

    auto: OpenVINO on a CPU, torch on a GPU, and on a CPU where OpenVINO is not installed or does not compute in the
    precision. Raises ModelError for a name that does not exist, or that does not fit the file or the device.
    """
    if backend not in BACKENDS:
        raise ModelError(f"backend is {backend!r}, expected one of {', '.join(BACKENDS)}; choose one of these")
    if backend in OF_FILES and not onnx_file:
        raise ModelError(
            f"backend is {backend!r} without an onnx_file, expected one; make it by `talk2dino export MODEL --output "
            "FILE`, or choose another backend"
        )
    if onnx_file and backend not in OF_FILES:
        raise ModelError(
            f"onnx_file is {str(onnx_file)!r} with backend {backend!r}, expected a file only with "
            f"{' and '.join(OF_FILES)}; leave it out, or choose one of these"
        )
    if backend == "openvino" and device != "cpu":
        raise ModelError(f"backend is 'openvino' and the device {device}, expected cpu; use backend torch there")
    return (backend, "asked for") if backend != "auto" else _best(device, precision)


def _best(device: str, precision: str) -> tuple[str, str]:
    if device != "cpu":
        return "torch", "the device is a GPU"
    if not is_installed():
        return "torch", "the faster openvino is not installed; `pip install openvino`"
    if precision in ("bf16", "fp16") and not cpu_computes_in(precision):
        return "torch", f"OpenVINO does not compute in {precision} on this CPU"
    return "openvino", "the device is a CPU"
