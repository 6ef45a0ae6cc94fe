# SPDX-License-Identifier: Apache-2.0
"""What a self-check's result holds for: another device, driver, library, weights or options are checked anew."""

from __future__ import annotations

import hashlib
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from talk2dino_ros.engine.files.checksums import file_state
from talk2dino_ros.engine.runtime.cpuinfo import cpu_model
from talk2dino_ros.engine.weights.weights_files import find, known_sum

if TYPE_CHECKING:
    from talk2dino_ros.engine.segmenter import Segmenter

ENGINE = Path(__file__).resolve().parents[1]
DRIVER = Path("/proc/driver/nvidia/version")
LIBRARIES = ("torch", "triton", "numba", "openvino", "onnxruntime", "onnxruntime-gpu", "tensorrt", "timm")


def device_key(segmenter: Segmenter, weights_dir: Path | None, size: tuple[int, int]) -> dict[str, str]:
    """Return by name what the fast path depends on."""
    device = torch.device(segmenter.device)
    is_gpu = device.type == "cuda"
    encoder, lane = segmenter.networks.image_encoder, segmenter.networks.lane
    return {
        "device": torch.cuda.get_device_name(device) if is_gpu else cpu_model(),
        "capability": str(torch.cuda.get_device_capability(device))
        if is_gpu
        else torch.backends.cpu.get_cpu_capability(),
        "driver": driver_version() if is_gpu else "",
        "libraries": ", ".join(f"{name} {version}" for name in LIBRARIES if (version := version_of(name))),
        "model": segmenter.model.name,
        "weights": _weights(segmenter, weights_dir),
        "encoder": type(encoder).__name__,
        "precision": segmenter.precision,
        "graphs": "recorded" if lane is not None and lane.records else "",
        "size": f"{size[1]}x{size[0]}",
        "options": "background cleaning" if segmenter.options.background_cleaning else "",
        "threads": "" if is_gpu else str(torch.get_num_threads()),
        "code": _code(),
    }


def driver_version() -> str:
    """Return the NVIDIA driver's version, as "550.54.15"; "" where there is none to be seen."""
    text = DRIVER.read_text() if DRIVER.exists() else ""
    found = re.search(r"\s(\d{3,}\.[\d.]+)\s", text)
    return found[1] if found else ""


def version_of(package: str) -> str:
    """Return an installed package's version; "" where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _weights(segmenter: Segmenter, weights_dir: Path | None) -> str:
    """Return the sums of the encoder's files; where none is published, what changes with the file."""
    exported = getattr(segmenter.networks.image_encoder, "path", None)
    if exported is not None:
        return file_state(Path(exported))
    files = [file for file in segmenter.model.files if file.role in segmenter.model.image_roles]
    places = [(file, find(file, weights_dir)) for file in files]
    return ", ".join(known_sum(file, path).digits or file_state(path) for file, path in places if path is not None)


def _code() -> str:
    """Return the sum of the engine's own files: kernels change with them."""
    states = [
        f"{path.relative_to(ENGINE)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in sorted(ENGINE.rglob("*.py"))
    ]
    return hashlib.sha256("\n".join(states).encode()).hexdigest()[:16]
