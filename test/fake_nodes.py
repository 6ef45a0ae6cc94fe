# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the nodes that a launch file starts: each notes how it was called."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
CONFIG = HERE.parent / "config"
LAUNCH_FILE = HERE.parent / "launch" / "segment.launch.py"
NOTES_VARIABLE = "NOTES_OF_THE_FAKE_SEGMENTER"
STOOD_IN = (
    ("talk2dino_ros", "goal"),
    ("talk2dino_ros", "memory"),
    ("talk2dino_ros", "segmenter"),
    ("talk2dino_ros", "web"),
    ("nav2_lifecycle_manager", "lifecycle_manager"),
)
FAKE_SEGMENTER = f"""#!{sys.executable}
import json, os, pathlib, sys
files = [argument for before, argument in zip(sys.argv, sys.argv[1:]) if before == "--params-file"]
notes = dict(arguments=sys.argv, files=files, texts=[pathlib.Path(file).read_text() for file in files],
             environment=dict(os.environ))
pathlib.Path(os.environ["{NOTES_VARIABLE}"], pathlib.Path(sys.argv[0]).name).write_text(json.dumps(notes))
print("what the node has to say")
"""


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


# A folder named launch lies in this repository, so it is launch_ros that tells whether launch is installed.
needs_launch = pytest.mark.skipif(
    not (has("launch_ros") and shutil.which("ros2")), reason="`ros2 launch` is not installed (PyPI's ROS 2 lacks it)"
)


def launch(environment, *arguments: str, file: Path = LAUNCH_FILE) -> subprocess.CompletedProcess[str]:
    command = ["ros2", "launch", str(file), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def notes_of(environment, *arguments: str, file: Path = LAUNCH_FILE) -> dict[str, Any]:
    """Launch with the arguments; return each stand-in's notes by its name, with `overrides` by parameter name."""
    result = launch(environment, *arguments, file=file)
    assert result.returncode == 0, result.stdout + result.stderr
    files = Path(environment[NOTES_VARIABLE]).iterdir()
    return {file.name: with_overrides(json.loads(file.read_text())) for file in files}


def segmenter_notes(environment, *arguments: str) -> dict[str, Any]:
    return notes_of(environment, *arguments)["segmenter"]


def with_overrides(notes: dict[str, Any]) -> dict[str, Any]:
    notes["overrides"] = {}
    for text in notes["texts"][1:]:
        (node,) = yaml.full_load(text).values()  # launch_ros writes lists with the tag of a Python tuple
        notes["overrides"] |= node["ros__parameters"]
    return notes
