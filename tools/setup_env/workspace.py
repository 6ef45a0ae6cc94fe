# SPDX-License-Identifier: Apache-2.0
"""Build the messages, and the package as links into the tree, with colcon into install/."""

from __future__ import annotations

from pathlib import Path

from .environment import Environment
from .progress import Progress, Step, run
from .stamps import fingerprint, is_fresh, write_stamp

PACKAGE = "talk2dino_ros"
PACKAGING = ("package.xml", "setup.py", "setup.cfg", "scripts/*", "resource/*")
MESSAGES = (
    "CMakeLists.txt",
    "package.xml",
    "action/*.action",
    "msg/*.msg",
    "srv/*.srv",
    "src/*",
    "include/*/*",
    "trees/*",
)
STUB_PACKAGES = ("tools/tf2_msgs", "tools/vision_msgs")  # there are no wheels of these
LINKED = ("launch/*", "config/*", "rviz/*")  # only their names count: what is installed are links to them
# `python -m colcon` is younger than Ubuntu 22.04's colcon. The Python that runs this goes into the scripts' first line.
COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"


class Workspace:
    """The colcon workspace whose only members are this repository's packages."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.root = environment.root
        self.stamp = self.root / "install" / ".built_from"

    @property
    def base_paths(self) -> list[str]:
        """Folders of the packages; the stub packages only where no ROS brings the real packages."""
        own, prefixes = [".", "talk2dino_msgs"], self.environment.situation.prefixes
        if any((prefix / "share" / "behaviortree_cpp").is_dir() for prefix in prefixes):
            own.append("talk2dino_bt")  # elsewhere it builds nothing, and is not even looked at
        return own if prefixes else [*own, *STUB_PACKAGES]

    @property
    def key(self) -> str:
        """Key of the workspace: all it is built from."""
        files = [file for pattern in PACKAGING for file in self.root.glob(pattern)]
        for folder in self.base_paths[1:]:
            files += [file for pattern in MESSAGES for file in (self.root / folder).glob(pattern)]
        linked = sorted(str(file) for pattern in LINKED for file in self.root.glob(pattern))
        return fingerprint(files, self.environment.key, *linked)

    @property
    def fresh(self) -> bool:
        """True where nothing is to be built; a plain `colcon build` leaves copies, stale after the next edit."""
        copies = self.root.glob(f"install/{PACKAGE}/lib/python*/site-packages/{PACKAGE}")
        return is_fresh(self.stamp, self.key) and not any(copies)

    def steps(self) -> list[Step]:
        """Return the steps that build everything, each with a title."""
        return [
            ("Building the messages with colcon", self.build_messages),
            ("Installing the package with colcon", self.install_package),
        ]

    def build_messages(self, progress: Progress) -> None:
        """Build the interface packages, as copies: links and copies in one build folder make ament_cmake fail."""
        self.colcon(["--packages-skip", PACKAGE], progress)

    def install_package(self, progress: Progress) -> None:
        """Install the Python package as links, so that edits need no rebuild, and note from what all was built."""
        self.colcon(["--packages-select", PACKAGE, "--symlink-install"], progress)
        write_stamp(self.stamp, self.key)

    def colcon(self, arguments: list[str], progress: Progress) -> None:
        """Run `colcon build` by the environment's Python."""
        command: list[str | Path] = [self.environment.python, "-c", COLCON, "--log-base", self.root / "log", "build"]
        command += ["--base-paths", *self.base_paths, *arguments]
        log = self.environment.log.with_name("build.log")
        variables = self.environment.variables()
        run(command, progress, log=log, cwd=self.root, environment=variables)
