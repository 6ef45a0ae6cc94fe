# SPDX-License-Identifier: Apache-2.0
"""With SROS 2 enforced by the policies of security/, an operator is answered, a reader reads, a stranger is not heard.

It takes ROS 2's own tool and a middleware with security, as ROS 2's Debian packages have.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from node_process import NodeProcess

POLICIES = sorted((Path(__file__).parents[2] / "security").glob("*.xml"))
NO_SECURITY = ("security libraries", "does not have security support")  # as Fast DDS and Cyclone DDS say it
CLIENT = """
import sys
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_srvs.srv import Trigger

rclpy.init()
node, heard = Node(sys.argv[1]), rclpy.task.Future()
try:
    node.create_subscription(DiagnosticArray, "/diagnostics", heard.set_result, 10)
    rclpy.spin_until_future_complete(node, heard, timeout_sec=float(sys.argv[2]))
    print("reads" if heard.done() else "hears nothing")
    client = node.create_client(Trigger, "/goal/cancel")
    if client.wait_for_service(float(sys.argv[2])):
        answer = client.call_async(Trigger.Request())
        rclpy.spin_until_future_complete(node, answer, timeout_sec=float(sys.argv[2]))
        print("is answered" if answer.done() else "is not answered")
    else:
        print("sees no service")
except RuntimeError as error:
    print("is refused")
"""


@pytest.fixture(scope="module")
def goal(tmp_path_factory):
    """A goal node in its enclave; the environment of this process is that of who has the keystore."""
    if importlib.util.find_spec("sros2") is None:
        pytest.skip("ROS 2's tool `ros2 security` is not installed (PyPI's ROS 2 lacks it)")
    folder = tmp_path_factory.mktemp("secured")
    command = ["ros2", "security", "generate_artifacts", "-k", str(folder / "keys"), "-p", *map(str, POLICIES)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_SECURITY_KEYSTORE", str(folder / "keys"))
        patch.setenv("ROS_SECURITY_ENABLE", "true")
        patch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
        patch.setenv("ROS_SECURITY_ENCLAVE_OVERRIDE", "/talk2dino/goal")
        process = NodeProcess([], "/", folder / "log.txt", "talk2dino_ros.goal.goal_main")
        yield process
        process.stop()


def seen_by(goal, name, patience_s=60.0, **environment):
    """What a client of this enclave sees of the node, in words."""
    told = os.environ | {"ROS_SECURITY_ENCLAVE_OVERRIDE": f"/talk2dino/{name}"} | environment
    command = [sys.executable, "-c", CLIENT, name, str(patience_s)]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    if any(words in goal.output for words in NO_SECURITY):
        pytest.skip("the middleware here is built without security")
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if "[rcl]" not in line]


@pytest.mark.slow
def test_an_operator_is_answered_and_a_reader_reads_and_is_refused(goal):
    assert seen_by(goal, "operator") == ["reads", "is answered"]
    assert seen_by(goal, "reader") == ["reads", "is refused"]


@pytest.mark.slow
def test_a_stranger_without_a_key_hears_nothing_and_is_not_heard(goal):
    assert seen_by(goal, "operator") == ["reads", "is answered"]
    assert seen_by(goal, "stranger", 5.0, ROS_SECURITY_ENABLE="false") == ["hears nothing", "sees no service"]
