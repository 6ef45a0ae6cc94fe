# SPDX-License-Identifier: Apache-2.0
"""What the Dockerfile, pixi.toml and package.xml name is there; nothing here needs Docker, pixi or a network."""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

import pytest

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in (DOCKER / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
OWN_PACKAGES = {"talk2dino_msgs"}
OF_CONDA = {
    "python3-numpy": "numpy",
    "python3-opencv": "py-opencv",
    "python3-pytest": "pytest",
    "python3-yaml": "pyyaml",
}
OF_PYTHON = {"python3-dev", "python3-venv"}  # part of conda's


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def dependencies() -> set[str]:
    """The keys of both package.xml."""
    manifests = (ElementTree.parse(ROOT / folder / "package.xml").getroot() for folder in (".", "talk2dino_msgs"))
    return {element.text for root in manifests for element in root if "depend" in element.tag} - OWN_PACKAGES


def test_base_images_have_a_tag_of_their_release_and_the_targets_are_the_pages():
    froms = [re.fullmatch(r"(\S+) AS (\w+)", each).groups() for each in arguments("FROM")]
    stages = [stage for _, stage in froms]
    bases = [image for image, _ in froms if image not in stages]
    assert bases == ["ros:jazzy-ros-base-noble"]
    page = (ROOT / "docs" / "docker.md").read_text()
    assert stages == ["workspace", *re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)]
    assert set(re.findall(r"--target (\w+)", page)) <= set(stages)


def test_what_is_copied_is_there_and_is_not_ignored():
    ignored = [line for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] != "#"]
    assert {".git", ".venv", "build", "install", "log"} <= set(ignored)  # of this machine, and of no use in an image
    needed = ["Makefile", "package.xml", "setup.py", "docker/entrypoint.sh", "tools/setup_env", "tools/requirements"]
    for rest in arguments("COPY"):
        *sources, _ = [word for word in rest.split() if not word.startswith("--")]
        assert [name for name in sources if not (ROOT / name).exists()] == []
        needed += [name for name in sources if name != "."]
    assert [name for name in needed if any(fnmatch(name.split("/")[0], pattern) for pattern in ignored)] == []


def test_make_targets_launch_files_and_scripts_of_the_dockerfile_are_there():
    text = (DOCKER / "Dockerfile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)$", text, re.MULTILINE)) == {"setup"} <= targets
    for command in arguments("CMD"):
        file, *given = re.findall(r'"([^"]+)"', command)[3:]
        source = (ROOT / "launch" / file).read_text()
        assert [each for each in given if f'"{each.split(":=")[0]}"' not in source] == []
    scripts = set(re.findall(r"/talk2dino/(docker/\S+?\.sh)", text))
    assert scripts == {"docker/entrypoint.sh", "docker/is_active.sh"}
    assert [name for name in scripts if not os.access(ROOT / name, os.X_OK)] == []


def test_the_nodes_do_not_run_as_root():
    names = [name for name, _ in INSTRUCTIONS]
    assert arguments("USER") == ["1000:1000"]
    assert names.index("USER") < names.index("ENTRYPOINT")


@pytest.fixture
def container(tmp_path):
    """A folder as /talk2dino is in a container, and a `ros2` that says what stands in the file `state`."""
    shutil.copytree(DOCKER, tmp_path / "docker")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "setup.bash").write_text(f"export PATH={tmp_path}:$PATH\n")
    (tmp_path / "ros2").write_text(f'#!/bin/bash\necho "$@" > {tmp_path}/asked\ncat {tmp_path}/state\n')
    (tmp_path / "ros2").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("state", "healthy"), [("active [3]", True), ("inactive [2]", False), ("Node not found", False)]
)
def test_the_container_is_healthy_while_the_node_is_active(container, state, healthy):
    (container / "state").write_text(f"{state}\n")
    command = [container / "docker" / "entrypoint.sh", container / "docker" / "is_active.sh"]
    done = subprocess.run(
        command, check=False, env={**os.environ, "NODE": "/robot1/talk2dino"}, capture_output=True, text=True
    )
    assert (done.returncode == 0, done.stdout.strip()) == (healthy, state)
    assert (container / "asked").read_text().split()[:2] == ["lifecycle", "get"]
    assert (container / "asked").read_text().split()[-1] == "/robot1/talk2dino"


def test_the_entrypoint_becomes_the_command(container):
    """It has to get the signal by which a container is stopped."""
    assert arguments("STOPSIGNAL") == ["SIGINT"]
    command = [container / "docker" / "entrypoint.sh", "bash", "-c", "echo $PPID; exit 3"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, int(done.stdout)) == (3, os.getpid())


def test_every_dependency_is_one_of_rosdistros_keys():
    lines = (ROOT / "test" / "repository" / "rosdep_keys.txt").read_text().splitlines()
    keys = [key for line in lines if line[0] != "#" for key in line.split(":")[1].split()]
    assert sorted(keys) == sorted(dependencies()), "look the new one up in ros/rosdistro, and note the commit"


def test_pixi_has_every_dependency_and_its_tasks_are_make_targets():
    pixi = tomllib.loads((ROOT / "pixi.toml").read_text())
    assert pixi["workspace"]["channels"] == ["robostack-jazzy", "conda-forge"]  # RoboStack's first
    of_ros = {name for name in dependencies() if not name.startswith("python3-")}
    wanted = {f"ros-jazzy-{name.replace('_', '-')}" for name in of_ros}
    wanted |= {OF_CONDA[name] for name in dependencies() - of_ros - OF_PYTHON}
    assert wanted <= set(pixi["dependencies"])
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {command.removeprefix("make ") for command in pixi["tasks"].values()} <= targets
