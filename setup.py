# SPDX-License-Identifier: Apache-2.0
"""Packaging of talk2dino_ros as an ament_python package; `tools/` and `test/` stay out of it."""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

NAME = "talk2dino_ros"


def files(pattern: str) -> list[str]:
    """List what is there: colcon's build folder keeps links to files that are gone since."""
    return sorted(path for path in glob(pattern) if Path(path).is_file())


setup(
    name=NAME,
    version="0.1.0",
    description="Open-vocabulary segmentation for ROS 2: free words in, label masks and points of interest out.",
    author="talk2dino_ros developers",
    author_email="talk2dino_ros@users.noreply.github.com",
    license="Apache-2.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "engine/data/*", "engine/data/recipes/*", "demo/photos/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", files("launch/*.launch.py")),
        (f"share/{NAME}/config", files("config/*")),
        (f"share/{NAME}/rviz", files("rviz/*")),
        # colcon puts bin/ on the PATH, and lib/talk2dino_ros, where console scripts go, only on `ros2 run`'s.
        ("bin", ["scripts/talk2dino"]),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    python_requires=">=3.10",
    entry_points={
        "console_scripts": [
            "goal = talk2dino_ros.goal.goal_node:main",
            "photo_camera = talk2dino_ros.demo.photo_camera:main",
            "segmenter = talk2dino_ros.segmenter_node:main",
            "talk2dino = talk2dino_ros.cli:main",
        ],
    },
)
