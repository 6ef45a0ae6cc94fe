# SPDX-License-Identifier: Apache-2.0
"""What to do about a Python package that is not there: mostly an environment that is not active."""

from collections.abc import Mapping

PAGE = "install what the page needs (pip install fastapi uvicorn websockets)"
REMEDIES = {
    "rclpy": (
        "source a ROS 2 installation (source /opt/ros/<distro>/setup.bash), or the environment that `make setup` made "
        "(source .venv/setup.bash)"
    ),
    "fastapi": PAGE,
    "nav_msgs": "install it (apt install ros-<distro>-nav-msgs)",
    "talk2dino_msgs": (
        "build both packages (colcon build --base-paths . talk2dino_msgs) and source install/setup.bash"
    ),
    "tf2_msgs": "install it (apt install ros-<distro>-tf2-msgs)",
    "uvicorn": PAGE,
    "vision_msgs": "install it (apt install ros-<distro>-vision-msgs)",
    "websockets": PAGE,
}
OTHERWISE = "activate the virtual environment that it was installed into, or install it (docs/install.md)"


def missing_package(error: ImportError, remedies: Mapping[str, str] = REMEDIES) -> str:
    """Return one sentence about the package that an import lacks; "" where none does. remedies: see `lacking`."""
    name, remedy = lacking(error, remedies)
    return f"the Python package {name} is missing, expected it here; {remedy}" if name else ""


def lacking(error: ImportError, remedies: Mapping[str, str] = REMEDIES) -> tuple[str, str]:
    """Return which package an import lacks, and what to do; "" twice where it lacks none: a bug of this package.

    remedies: what to do about some packages, by their names. For these any ImportError counts, as a folder of sources
    of that name may be in the way.
    """
    name = (error.name or "").split(".")[0]
    is_absent = isinstance(error, ModuleNotFoundError) and name not in ("", "talk2dino_ros")
    if not (is_absent or name in remedies):
        return "", ""
    return name, remedies.get(name, OTHERWISE)
