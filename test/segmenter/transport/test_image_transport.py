# SPDX-License-Identifier: Apache-2.0
"""Images reach a best-effort reader in another process with the shipped profile, of Fast DDS or of Cyclone DDS."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from talk2dino_ros.ros.parameters.launch_arguments import (
    CYCLONE_VARIABLE,
    OLD_PROFILE_VARIABLE,
    PROFILE_VARIABLE,
    TRANSPORT_VARIABLES,
    profile_variable,
)

HERE = Path(__file__).parents[2]
PROFILE = HERE.parent / "config" / "fastdds.xml"
SEGMENT = 64 << 20
COUNT = 40  # as in image_end.py
SHARED_MEMORY = Path("/dev/shm")
RECEIVE_LIMIT = Path("/proc/sys/net/core/rmem_max")
IMAGE = 1280 * 720 * 3  # bytes, as in image_end.py
MIDDLEWARE = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")


def why_not() -> str:
    if importlib.util.find_spec("rclpy") is None:
        return "ROS 2 is missing: rclpy cannot be imported"
    if "cyclonedds" in MIDDLEWARE:
        limit = int(RECEIVE_LIMIT.read_text()) if RECEIVE_LIMIT.is_file() else 0
        return "" if 2 * limit > IMAGE else f"net.core.rmem_max is {limit}, too little for an image of {IMAGE} bytes"
    if "fastrtps" not in MIDDLEWARE:
        return f"the middleware is {MIDDLEWARE}, and the profiles are for Fast DDS and Cyclone DDS"
    if not SHARED_MEMORY.is_dir() or shutil.disk_usage(SHARED_MEMORY).free < 3 * SEGMENT:
        return "/dev/shm has less than 192 MiB free (a container? start it with --shm-size=1g)"
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def environment():
    """The profile, and no other choice of transport."""
    own = {name: value for name, value in os.environ.items() if name not in (*TRANSPORT_VARIABLES, CYCLONE_VARIABLE)}
    if "cyclonedds" in MIDDLEWARE:
        return own | {CYCLONE_VARIABLE: str(PROFILE.with_name("cyclonedds.xml"))}
    variable = profile_variable(own)
    assert variable in (PROFILE_VARIABLE, OLD_PROFILE_VARIABLE)
    return own | {variable: str(PROFILE)}


@pytest.fixture
def start(environment):
    """Return a function that starts one end; what still runs after the test is ended."""
    processes = []

    def start_one(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(HERE / "image_end.py"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, env=environment, **pipes))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()


def result_of(process: subprocess.Popen[str]):
    output, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors
    assert "XMLPARSER" not in errors, errors  # how Fast DDS complains of a profile
    return json.loads(output)


@pytest.mark.parametrize("reliability", ["best_effort", "reliable"])
def test_images_reach_a_best_effort_reader_in_another_process(start, reliability):
    receiver, publisher = start("receive"), start("publish", reliability)
    sent, received = result_of(publisher), result_of(receiver)
    assert "cyclonedds" in MIDDLEWARE or sent["segment"] >= SEGMENT
    assert sent["sent"] == COUNT
    assert received["intact"]
    assert received["received"] >= 0.95 * COUNT
