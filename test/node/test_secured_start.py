# SPDX-License-Identifier: Apache-2.0
"""A node that SROS 2 does not let start says why in one sentence, and ends with 1."""

import pytest
from node_process import NodeProcess

from talk2dino_ros.ros.security.security_settings import FILES

NODES = {
    "talk2dino": "talk2dino_ros.segmenter.segmenter_main",
    "goal": "talk2dino_ros.goal.goal_main",
    "memory": "talk2dino_ros.memory.memory_main",
}


@pytest.fixture
def keystore(tmp_path, monkeypatch):
    """A keystore whose enclave / is of files that are no keys, which no middleware takes."""
    (tmp_path / "enclaves").mkdir()
    for file in FILES:
        (tmp_path / "enclaves" / file).write_text("no key")
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
    monkeypatch.setenv("ROS_SECURITY_KEYSTORE", str(tmp_path))
    return tmp_path


def said(log, module):
    """The one sentence with which a node ends; ROS tells of the enclave's folder before."""
    process = NodeProcess([], "/robot", log, module)
    assert process.wait() == 1
    lines = [line for line in process.output.strip().splitlines() if "[rcl]" not in line]
    assert len(lines) == 1, process.output
    return lines[0]


@pytest.mark.parametrize("name", NODES)
def test_enforcing_without_a_keystore_ends_each_node_with_a_sentence(keystore, monkeypatch, name):
    monkeypatch.delenv("ROS_SECURITY_KEYSTORE")
    line = said(keystore / "log.txt", NODES[name])
    assert line.startswith(f"{name}: ROS_SECURITY_KEYSTORE is not set, expected the folder of a keystore")


def test_an_enclave_that_the_middleware_refuses_ends_a_node_with_a_sentence(keystore):
    line = said(keystore / "log.txt", NODES["goal"])
    assert line.startswith("goal: ROS refuses the start in the enclave '/' (")
    assert line.endswith("a middleware with security; docs/security.md says how")
