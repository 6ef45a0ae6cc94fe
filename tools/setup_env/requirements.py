# SPDX-License-Identifier: Apache-2.0
"""List the packages that pip installs, with their pinned versions. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

# A sourced ROS brings these as Debian packages that fit each other (its cv_bridge to its NumPy, its launch_testing
# to its pytest, its rosidl to its empy); a newer one in the virtual environment would hide them. What pytest-xdist fits
# goes by that pytest, so pip chooses its version.
FROM_THE_DISTRIBUTION = frozenset(
    {"catkin-pkg", "empy", "lark-parser", "numpy", "opencv-python-headless", "pluggy", "pytest", "pytest-xdist"}
)


def ros_requirements(folder: Path, distro: str) -> list[Path]:
    """Return the requirement files that stand for a ROS on a machine without one: the wheels and the build tools."""
    return [folder / f"ros_{distro}.txt", folder / "build.txt"]


def constraints_with_wheels(folder: Path, distro: str) -> str:
    """Return the exact versions where the wheels of this ROS serve: the common lock and that of the wheels."""
    return (folder / "lock.txt").read_text() + (folder / f"lock_{distro}.txt").read_text()


def desk_requirements(folder: Path) -> list[Path]:
    """Return the requirement files of a machine without ROS, beside those of its wheels."""
    names = ("engine", "agents", "bags", "onnx", "simulation", "training", "web", "checks", "documentation")
    return [folder / f"{name}.txt" for name in names]


def sourced_requirements(folder: Path) -> list[Path]:
    """Return the requirement files of a machine with a sourced ROS.

    Without onnx.txt: a robot that runs an exported file has its own build of onnxruntime for its GPU, which shares
    a folder with the one for CPUs, and its NumPy may be older than what onnx wants. Without training.txt,
    bags.txt and documentation.txt: a robot neither trains, nor reads its bags, nor writes the site.
    """
    return [folder / f"{name}.txt" for name in ("engine", "agents", "simulation", "web", "checks")]


def constraints_beside_ros(lock: str, versions: Mapping[str, str]) -> str:
    """Return the lock without what a sourced ROS brings itself, held to the distribution's `versions` or successors.

    NumPy: extension modules of the distribution (cv_bridge, OpenCV, and the message types that ROS built) are compiled
    against its NumPy. They load beside a newer one of the same major version, and not beside another major version.
    pytest: its plugins in launch_testing fit that one. pip leaves the distribution's where all can do with it; the
    NumPy 1.21 of Ubuntu 22.04 is too old for numba.
    """
    kept = [line for line in lock.splitlines() if distribution_of(line) not in FROM_THE_DISTRIBUTION]
    held = [f"{name}>={version},<{int(version.partition('.')[0]) + 1}" for name, version in versions.items()]
    return "\n".join([*kept, *held, ""])


def distribution_of(line: str) -> str:
    """Return the normalised name in a line of a requirements file; empty for a comment."""
    match = re.match(r"[A-Za-z0-9._-]+", line)
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""
