# SPDX-License-Identifier: Apache-2.0
"""Packaging of talk2dino_ros: for colcon as an ament_python package, for pip the engine and its command line alone.

`tools/`, `test/` and `benchmarks/` stay out of both.
"""

import atexit
import shutil
import sys
import tempfile
from glob import glob
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup

NAME = "talk2dino_ros"
COMMAND = f"talk2dino = {NAME}.cli.main:main"
PACKAGES = find_packages(include=[NAME, f"{NAME}.*"])
DATA = {NAME: ["py.typed", "engine/data/*", "engine/data/recipes/*", "demo/photos/*", "web/static/*"]}
# Definitions of messages, which a bag is written with: ROS has the interface packages, pip takes their files.
DEFINITIONS = {
    f"{NAME}.ros.messages.definitions.talk2dino_msgs": "talk2dino_msgs/msg",
    f"{NAME}.ros.messages.definitions.vision_msgs": "tools/vision_msgs/msg",
}
# colcon runs other commands: `develop`, `install`.
FOR_PIP = not {"bdist_wheel", "dist_info", "editable_wheel", "sdist"}.isdisjoint(sys.argv)


def files(pattern: str) -> list[str]:
    """List what is there: colcon's build folder keeps links to files that are gone since."""
    return sorted(path for path in glob(pattern) if Path(path).is_file())


def requirements(name: str) -> list[str]:
    """Return the lines of a file in tools/requirements, which colcon's build folder lacks."""
    path = Path(__file__).parent / "tools" / "requirements" / f"{name}.txt"
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def for_colcon() -> dict[str, Any]:
    """Return what ROS takes: nodes, launch files, parameters. The dependencies are those of package.xml."""
    return {
        "data_files": [
            ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
            (f"share/{NAME}", ["package.xml"]),
            (f"share/{NAME}/launch", files("launch/*.launch.py")),
            (f"share/{NAME}/config", files("config/*")),
            (f"share/{NAME}/rviz", files("rviz/*")),
            (f"share/{NAME}/security", files("security/*.xml")),
            # colcon puts bin/ on the PATH, and lib/talk2dino_ros, where console scripts go, only on `ros2 run`'s.
            ("bin", ["scripts/talk2dino"]),
        ],
        "packages": PACKAGES,
        "package_data": DATA,
        "install_requires": ["setuptools"],
        "entry_points": {
            "console_scripts": [
                "goal = talk2dino_ros.goal.goal_main:main",
                "mcp = talk2dino_ros.agents.mcp_main:main",
                "memory = talk2dino_ros.memory.memory_main:main",
                "photo_camera = talk2dino_ros.demo.photo_camera:main",
                "segmenter = talk2dino_ros.segmenter.segmenter_main:main",
                "web = talk2dino_ros.web.robot.web_main:main",
                COMMAND,
            ],
        },
    }


def for_pip() -> dict[str, Any]:
    """Return what a machine without ROS takes: the command, and what ROS and the set-up bring to the others."""
    # Not in colcon's build/, where also modules would lie that are gone since the last `pip install .`.
    build = tempfile.mkdtemp(prefix=f"{NAME}_build_")
    atexit.register(shutil.rmtree, build, ignore_errors=True)
    return {
        "install_requires": [*requirements("engine"), "numpy", "opencv-python-headless"],
        "extras_require": {
            "agents": requirements("agents"),
            "bags": requirements("bags"),
            "evaluate": ["matplotlib"],
            "mini": requirements("models"),
            "onnx": requirements("onnx"),
            "train": requirements("training"),
            "web": requirements("web"),
        },
        "entry_points": {"console_scripts": [COMMAND]},
        "packages": [*PACKAGES, *DEFINITIONS],
        "package_dir": DEFINITIONS,
        "package_data": {**DATA, **{key: ["*.msg"] for key in DEFINITIONS}},
        "options": {"build": {"build_base": build}},
    }


setup(
    name=NAME,
    version="0.1.0",
    description="Open-vocabulary segmentation for ROS 2: free words in, label masks and points of interest out.",
    author="talk2dino_ros developers",
    author_email="talk2dino_ros@users.noreply.github.com",
    license="Apache-2.0",
    zip_safe=False,
    python_requires=">=3.10",
    **(for_pip() if FOR_PIP else for_colcon()),
)
