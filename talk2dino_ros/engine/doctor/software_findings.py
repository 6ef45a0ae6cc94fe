# SPDX-License-Identifier: Apache-2.0
"""Python, libraries and the C compiler. Imports none of them, so that it works where they do not."""

from __future__ import annotations

import os
import platform
import shutil
import sysconfig
from importlib import metadata
from pathlib import Path

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section

NEEDED = ("torch", "numpy", "timm", "numba")
OPTIONAL = {
    "triton": "PAMR's kernel for NVIDIA GPUs",
    "openvino": "the image encoder on a CPU",
    "onnxruntime": "exported encoders",
}
COMPILERS = ("gcc", "clang", "cc")  # in Triton's order, behind $CC


def software() -> Section:
    """Look for Python, the libraries, and what Triton compiles with."""
    libraries = [_library(name) for name in NEEDED]
    optional = [_optional(name, what_for) for name, what_for in OPTIONAL.items()]
    python = HealthFinding("Python", f"{platform.python_version()}, {platform.platform()}")
    return Section("Software", (python, *libraries, *optional, _compiler()))


def version_of(name: str) -> str:
    """Return an installed package's version, of onnxruntime its build for GPUs too; "" where it is not installed."""
    for package in (name, f"{name}-gpu"):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _library(name: str) -> HealthFinding:
    if version := version_of(name):
        return HealthFinding(name, version)
    return HealthFinding(name, "not installed", Level.WRONG, f"pip install {name}, or activate the virtual environment")


def _optional(name: str, what_for: str) -> HealthFinding:
    version = version_of(name)
    if version:
        return HealthFinding(name, f"{version} ({what_for})")
    return HealthFinding(name, f"not installed ({what_for})", Level.NOTE)


def _compiler() -> HealthFinding:
    """Say whether Triton can compile its launchers here: that takes a compiler and Python's headers."""
    own = os.environ.get("CC", "")
    compiler = next((path for name in (own, *COMPILERS) if name and (path := shutil.which(name))), "")
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if compiler and header.is_file():
        return HealthFinding("C compiler", f"{compiler}, with Python's headers")
    missing = "no C compiler" if not compiler else f"{compiler}, but no {header}"
    return HealthFinding(
        "C compiler", f"{missing} (Triton needs both, on a GPU)", Level.NOTE, "apt install gcc python3-dev"
    )
