# SPDX-License-Identifier: Apache-2.0
"""Tests of the node as a process of its own, over real DDS with the shipped Fast DDS profile.

Fixtures wait for conditions, with deadlines generous enough for a busy machine; no test waits for time to pass.
"""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from talk2dino_ros.ros.parameters.launch_arguments import profile_names

HERE = Path(__file__).parent
PROFILE = HERE.parents[1] / "config" / "fastdds.xml"


def is_installed(package: str) -> bool:
    """Whether a package can be imported; a folder of its name without __init__.py, as the sources', is none."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


MISSING = [package for package in ("rclpy", "talk2dino_msgs", "vision_msgs") if not is_installed(package)]

sys.path.insert(0, str(HERE))  # node_process, probe and nav2_consumer are modules beside the tests
collect_ignore_glob = ["*"] if MISSING else []


def pytest_report_header() -> str:
    return f"test/node left out, as these packages are missing: {', '.join(MISSING)}" if MISSING else ""


@pytest.fixture(scope="session", autouse=True)
def _own_ros_network():
    """Start processes with the profile."""
    # .venv/setup.bash names the shipped profile that fits this machine's /dev/shm
    os.environ.setdefault(profile_names(os.environ)[0], str(PROFILE))


@pytest.fixture(scope="module")
def start_node(_own_ros_network, tmp_path_factory):
    """Return a function that starts a node process; all are ended after the module, and have to end well.

    Masks do not pause for new readers, where a test does not ask for it: most are such readers, and would wait.
    """
    from node_process import NodeProcess

    processes = []

    def start(*parameters: str, namespace: str = "/robot", **options: bool) -> NodeProcess:
        log = tmp_path_factory.mktemp("node") / "log.txt"
        processes.append(NodeProcess(["new_reader_pause_s:=0.0", *parameters], namespace, log, **options))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture(scope="module")
def context(_own_ros_network):
    """A ROS context of this process, for the ends of the test."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture(scope="module")
def make_probe(context):
    """Return a function that makes a probe, a client of the node, in this process."""
    from probe import Probe

    probes = []

    def make(process, namespace: str = "/robot", compressed: bool = False) -> Probe:
        probes.append(Probe(context, namespace, process, compressed))
        return probes[-1]

    yield make
    for probe in probes:
        probe.destroy()
