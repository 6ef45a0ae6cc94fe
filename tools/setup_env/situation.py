# SPDX-License-Identifier: Apache-2.0
"""Decide which ROS 2 is used: the one that is sourced, or, where none is, wheels of the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import SetupError

OLDEST_PYTHON = (3, 10)
NEWEST_PYTHON_OF_WHEELS = (3, 14)  # the wheels stop here; a sourced ROS brings its own Python
WHEELS = ("jazzy", "kilted")  # of which there are wheels, each with a ros_*.txt and a lock_*.txt; the first unasked
CHOICE = Path(".venv/ros")  # of the repository: which wheels its environment holds
FASTRTPS_DISTROS = ("humble", "iron", "jazzy")  # from Kilted on, Fast DDS reads the FASTDDS_ name


@dataclass(frozen=True)
class Situation:
    """Which ROS 2 the set-up builds on; `prefixes` are those of a sourced ROS, and empty where the wheels serve."""

    distro: str
    prefixes: tuple[Path, ...] = ()

    @property
    def sourced(self) -> bool:
        """True where the user's own ROS is used and none is installed."""
        return bool(self.prefixes)

    @property
    def profiles_variable(self) -> str:
        """The environment variable from which this ROS's Fast DDS reads its XML profile."""
        return f"{'FASTRTPS' if self.distro in FASTRTPS_DISTROS else 'FASTDDS'}_DEFAULT_PROFILES_FILE"


def find_situation(environment: Mapping[str, str], root: Path) -> Situation:
    """Return the sourced ROS 2, or without one the wheels to use.

    A shell that sourced an environment of this set-up has no ROS of its own: only wheels are in it.

    Raises SetupError where ROS_DISTRO names a ROS that is not sourced, or a ROS 1, and where `ROS` asks for another
    than the sourced one or for one that has no wheels.
    """
    distro, asked = environment.get("ROS_DISTRO", ""), environment.get("ROS", "")
    if distro and environment.get("ROS_VERSION") == "1":
        raise SetupError(
            f"ROS 1 ({distro}) is sourced, and ROS 2 is needed: run this in a shell that does not source it."
        )
    prefix_path = environment.get("AMENT_PREFIX_PATH", "")
    prefixes = foreign_prefixes(prefix_path, root)
    if not distro or (prefix_path and not prefixes):
        return Situation(wheels_to_use(asked, root))
    if not prefixes:
        raise SetupError(
            f"ROS_DISTRO is {distro}, but no ROS 2 is sourced (AMENT_PREFIX_PATH is empty): "
            f"`source /opt/ros/{distro}/setup.bash`, or `unset ROS_DISTRO` to have the set-up install a ROS 2."
        )
    if asked not in ("", distro):
        raise SetupError(
            f"ROS={asked} was asked for, but {distro} is sourced: leave ROS out to use that, or run this in a shell "
            "that sources none."
        )
    return Situation(distro, prefixes)


def wheels_to_use(asked: str, root: Path) -> str:
    """Return the ROS of the wheels: the one asked for, else that of the environment, else the first of WHEELS."""
    if asked and asked not in WHEELS:
        raise SetupError(
            f"ROS={asked} was asked for, but there are only wheels of {' and '.join(WHEELS)}: `make setup "
            f"ROS={WHEELS[0]}`, or source a ROS 2 of your own and leave ROS out."
        )
    choice = root / CHOICE
    kept = choice.read_text() if choice.is_file() else ""
    return asked or (kept if kept in WHEELS else WHEELS[0])


def foreign_prefixes(prefix_path: str, root: Path) -> tuple[Path, ...]:
    """Return the entries of AMENT_PREFIX_PATH that no set-up like this one made, here or in another clone."""
    entries = [Path(entry) for entry in prefix_path.split(":") if entry]
    clones = {root, *(entry.parent for entry in entries if (entry / "pyvenv.cfg").is_file())}
    return tuple(entry for entry in entries if not clones & set(entry.parents))


def check_platform(situation: Situation, version: tuple[int, int], machine: str) -> None:
    """Raise SetupError where there are no wheels for this Python or processor."""
    found = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        raise SetupError(f"Python {found} is too old, 3.10 or newer is needed: `make PYTHON=python3.12 …`.")
    if situation.sourced:
        return
    if version > NEWEST_PYTHON_OF_WHEELS:
        raise SetupError(
            f"There are no ROS 2 wheels for Python {found}, only for 3.10 to 3.14: `make PYTHON=python3.12 …`, "
            "or source a ROS 2 of your own."
        )
    if machine != "x86_64":
        raise SetupError(
            f"There are no ROS 2 wheels for {machine}, only for x86_64: install ROS 2's official apt packages, "
            "`source /opt/ros/<distro>/setup.bash` and run this again."
        )


def check_python_of_ros(situation: Situation, version: tuple[int, int]) -> None:
    """Raise SetupError where the sourced ROS was built for another Python than the one that runs."""
    pattern = "lib*/python3.*/*-packages/rclpy"
    homes = [home for prefix in situation.prefixes for home in prefix.glob(pattern)]
    pythons = {home.parts[-3] for home in homes}
    if not pythons:
        raise SetupError(
            f"The sourced ROS 2 ({situation.distro}) has no rclpy: `sudo apt install ros-{situation.distro}-rclpy`."
        )
    mine = f"python{version[0]}.{version[1]}"
    if mine not in pythons:
        theirs = ", ".join(sorted(pythons))
        raise SetupError(
            f"The sourced ROS 2 ({situation.distro}) was built for {theirs}, but this is {mine}: "
            "`make PYTHON=/usr/bin/python3 …`."
        )


def missing_ros_packages(
    situation: Situation, wanted: list[str], exists: Callable[[Path], bool] = Path.exists
) -> list[str]:
    """Return those of `wanted` that no prefix of the sourced ROS holds, as names of apt packages."""
    missing = [name for name in wanted if not any(exists(prefix / "share" / name) for prefix in situation.prefixes)]
    return [f"ros-{situation.distro}-{name.replace('_', '-')}" for name in missing]
