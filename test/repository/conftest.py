# SPDX-License-Identifier: Apache-2.0
"""An environment for the launch files."""

import os
import stat

import pytest
from fake_nodes import FAKE_SEGMENTER, HERE, NOTES_VARIABLE, STOOD_IN

from talk2dino_ros.ros.parameters.launch_arguments import TRANSPORT_VARIABLES


@pytest.fixture
def environment(tmp_path):
    """An environment in which the stand-in is all that is started, and no transport is chosen."""
    prefix = tmp_path / "prefix"
    index, notes = prefix / "share" / "ament_index" / "resource_index" / "packages", tmp_path / "notes"
    for folder in (index, notes):
        folder.mkdir(parents=True)
    for package, name in STOOD_IN:
        (index / package).touch()
        executable = prefix / "lib" / package / name
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(FAKE_SEGMENTER)
        executable.chmod(stat.S_IRWXU)
    own = {name: value for name, value in os.environ.items() if name not in (*TRANSPORT_VARIABLES, "ROS_DISTRO")}
    return own | {
        "AMENT_PREFIX_PATH": os.pathsep.join([str(prefix), os.environ.get("AMENT_PREFIX_PATH", "")]),
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        "ROS_LOG_DIR": str(tmp_path / "log"),
        NOTES_VARIABLE: str(notes),
    }
