# SPDX-License-Identifier: Apache-2.0
"""Open an onnxruntime session that runs on the chosen device, without onnxruntime's silent fall back to the CPU."""

from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.onnx.onnx_file import Card

INPUT = "images"

_CPU, _CUDA, _TENSORRT = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt"))
_PACKAGES = {
    _CPU: "onnxruntime",
    _CUDA: "onnxruntime-gpu (on a Jetson NVIDIA's own build of it) with the CUDA and cuDNN it was built for",
    _TENSORRT: "onnxruntime-gpu (on a Jetson NVIDIA's own build of it) with the TensorRT it was built for",
}


def make_session(path: Path, card: Card, backend: str, device: str, *, threads: int, largest_batch: int) -> Any:
    """Open an exported file on a device (`cpu`, `cuda`, `cuda:N`).

    backend: `onnxruntime`: its CPU or CUDA provider; `tensorrt`: its TensorRT provider, which builds its engine at the
    first load and keeps it in a folder beside the file. largest_batch: of images, which TensorRT plans for.
    Raises ModelError where the provider cannot be had, WeightsError where onnxruntime refuses the file.
    """
    onnxruntime = _onnxruntime(backend)
    provider = _provider(backend, device)
    _require(provider, onnxruntime.get_available_providers(), "onnxruntime here has only")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # between images the cores are the robot's
    providers = [(provider, provider_options(provider, path, card, device, largest_batch))]
    if provider == _TENSORRT:
        providers.append((_CUDA, provider_options(_CUDA, path, card, device, largest_batch)))
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime's own exceptions share no base but this one
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"{path} was refused by {provider} ({reason}), expected it to load; export it again"
        ) from error
    _require(provider, session.get_providers(), "its libraries did not load, and left are")
    return session


def _onnxruntime(backend: str) -> Any:
    try:
        import onnxruntime  # an extra, and slow to import
    except ImportError as error:
        raise ModelError(
            f"backend is {backend!r}, expected the Python package onnxruntime to be there; "
            "`pip install onnxruntime`, or on a GPU onnxruntime-gpu"
        ) from error
    return onnxruntime


def _provider(backend: str, device: str) -> str:
    if backend == "tensorrt" and device == "cpu":
        raise ModelError("backend is 'tensorrt' and the device is cpu, expected a GPU; use backend onnxruntime there")
    if backend == "tensorrt":
        return _TENSORRT
    return _CPU if device == "cpu" else _CUDA


def _require(provider: str, present: list[str], what: str) -> None:
    if provider not in present:
        raise ModelError(
            f"{provider} is not available ({what} {', '.join(present)}), expected it for this backend and device; "
            f"install {_PACKAGES[provider]}, or choose another backend or device"
        )


def provider_options(provider: str, path: Path, card: Card, device: str, largest_batch: int) -> dict[str, str]:
    """Return a provider's options; for a truth value onnxruntime takes `True` and `False`, and refuses 1 and 0.

    It knows a kept engine by the names in the graph and not by the weights: so its folder goes by the file's sum.
    """
    if provider == _CPU:
        return {}
    index = device.partition(":")[2] or "0"
    if provider == _CUDA:
        return {"device_id": index}
    shape = f"3x{card.height}x{card.width}"
    return {
        "device_id": index,
        "trt_fp16_enable": str(card.precision == "fp16"),
        "trt_engine_cache_enable": str(True),
        "trt_engine_cache_path": f"{path}.{card.file_sha256[:16]}.tensorrt",
        "trt_profile_min_shapes": f"{INPUT}:1x{shape}",
        "trt_profile_opt_shapes": f"{INPUT}:1x{shape}",
        "trt_profile_max_shapes": f"{INPUT}:{largest_batch}x{shape}",
    }
