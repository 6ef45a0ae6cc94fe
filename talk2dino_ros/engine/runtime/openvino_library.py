# SPDX-License-Identifier: Apache-2.0
"""The package openvino as a robot may have it: it sends nothing about its use to anyone."""

import sys
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from talk2dino_ros.engine.errors import ModelError

_TELEMETRY = "openvino_telemetry"
_FORMATS = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16"}


def is_installed() -> bool:
    """Tell whether the package is there."""
    return find_spec("openvino") is not None


def library() -> Any:
    """Return the package, its telemetry switched off. Raises ModelError where it cannot be imported."""
    # openvino reports its own import, and each use of its converter, through this package, without which it goes on
    # with a stub; None: no import of it in this process succeeds. Where another part of the program has imported
    # both already, nothing that is called from here reports.
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            f"backend is 'openvino' and its Python package cannot be imported ({error}), expected it to be there; "
            "`pip install openvino`, or use backend torch"
        ) from error
    return openvino


@lru_cache(maxsize=1)
def core() -> Any:
    """Return the one runtime of this process. Raises ModelError."""
    return library().Core()


def cpu_computes_in(precision: str) -> bool:
    """Tell whether OpenVINO computes in `fp32`, `bf16` or `fp16` on this CPU; emulated does not count."""
    return _FORMATS[precision] in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
