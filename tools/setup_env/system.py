# SPDX-License-Identifier: Apache-2.0
"""System packages by apt: a compiler, Python's headers and venv, and packages of a sourced ROS."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
import shutil
import subprocess
import sysconfig
from pathlib import Path
from xml.etree import ElementTree

from .errors import SetupError
from .progress import say
from .situation import Situation, missing_ros_packages

DISK_GB = {True: 9, False: 10}  # by Situation.sourced: the virtual environment, and pip's files while it is made
OPTIONAL_ROS_PACKAGES = frozenset({"cv_bridge"})  # OpenCV serves in its place
OSMESA = "libosmesa6"  # draws the world of `make demo-nav`, which says so where it is missing; all else works without


def provide_system_packages(situation: Situation, root: Path) -> None:
    """Install what is missing where this runs as root; raise SetupError with the command where it stays missing."""
    missing = missing_system_packages(situation, root)
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install(missing)
        importlib.invalidate_caches()
        missing = missing_system_packages(situation, root)
    if missing:
        names = " ".join(missing)
        raise SetupError(f"Not on this machine: {names}. Install by `sudo apt install {names}`, then run this again.")


def provide_osmesa() -> None:
    """Install OSMesa where it is missing and this runs as root; go on without it where that fails."""
    if ctypes.util.find_library("OSMesa") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install([OSMESA])


def provide_browser() -> None:
    """Install Chromium for the page's tests where none is there and this runs as root; go on where that fails.

    Not on Ubuntu, whose package of that name only fetches a snap, which does not run in a container.
    """
    is_there = any(map(shutil.which, ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")))
    if not is_there and _distribution() == "debian" and os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install(["chromium"])


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["ID"]
    except OSError:  # no Linux with such a file
        return ""


def missing_system_packages(situation: Situation, root: Path) -> list[str]:
    """Return the Debian packages that the set-up needs and that are not there."""
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    present = {
        "g++": bool(shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")),
        "python3-dev": headers.is_file(),
        "python3-venv": importlib.util.find_spec("ensurepip") is not None,
    }
    if not situation.sourced:
        return [name for name, there in present.items() if not there]
    present["cmake"] = bool(shutil.which("cmake"))
    present["python3-numpy"] = importlib.util.find_spec("numpy") is not None
    present["python3-opencv"] = importlib.util.find_spec("cv2") is not None
    wanted = ros_dependencies(root / "package.xml") + ros_dependencies(root / "talk2dino_msgs" / "package.xml")
    names = [name for name, there in present.items() if not there]
    return names + missing_ros_packages(situation, sorted(set(wanted)))


def ros_dependencies(manifest: Path) -> list[str]:
    """Return the ROS packages that a package.xml depends on, without the ones that it can do without."""
    tags = {"depend", "buildtool_depend"}
    names = [element.text or "" for element in ElementTree.parse(manifest).getroot() if element.tag in tags]
    own = {"talk2dino_msgs"}
    return [n for n in names if not n.startswith("python3-") and n not in OPTIONAL_ROS_PACKAGES | own]


def apt_install(names: list[str]) -> None:
    """Install Debian packages, as root."""
    say(f"      apt-get install {' '.join(names)} (missing here, and this runs as root)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
    subprocess.run(["apt-get", "install", "-y", "-qq", *names], env=environment, check=False)


def check_disk(situation: Situation, root: Path) -> None:
    """Raise SetupError where a new environment would not fit on the disk."""
    free_gb = shutil.disk_usage(root).free / 1e9
    needed_gb = DISK_GB[situation.sourced]
    if free_gb < needed_gb:
        raise SetupError(
            f"{free_gb:.1f} GB are free at {root}, and {needed_gb} GB are needed: make room, then run this again."
        )
