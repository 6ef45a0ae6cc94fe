# SPDX-License-Identifier: Apache-2.0
"""The package talk2dino_bt, where it is built: a tree from XML by BehaviorTree.CPP, against the real nodes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from node_process import DEADLINE_S, REPOSITORY

PREFIXES = map(Path, filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(":")))
RUN_TREE = next((path for each in PREFIXES if (path := each / "lib" / "talk2dino_bt" / "run_tree").exists()), None)
pytestmark = pytest.mark.skipif(RUN_TREE is None, reason="talk2dino_bt is not built: BehaviorTree.CPP 4 is not there")
TREE = REPOSITORY / "talk2dino_bt" / "trees" / "find_and_go.xml"
GO = '<root BTCPP_format="4"><BehaviorTree ID="t"><GoTo word="{word}" message="{{message}}"/></BehaviorTree></root>'


def start(tree):
    command = [str(RUN_TREE), str(tree), "--ros-args", "-r", "__ns:=/agents"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_tree_from_xml_waits_for_a_cup_and_goes_to_it(robot):
    goals = len(robot.goals)
    tree = start(TREE)
    output, _ = tree.communicate(timeout=DEADLINE_S)
    assert (tree.returncode, output.splitlines()[-1]) == (0, "SUCCESS"), output
    assert len(robot.goals) > goals
    robot.robot = (0.0, 0.0, 0.0)


def test_ctrl_c_halts_the_tree_which_cancels_the_go_to(robot, goal_states, tmp_path):
    file = tmp_path / "tree.xml"
    file.write_text(GO.format(word="unicorn"))
    tree = start(file)
    end_s = time.monotonic() + DEADLINE_S
    while goal_states[-1:] != ["SEARCHING"]:
        assert tree.poll() is None, tree.stdout.read()
        assert time.monotonic() < end_s, goal_states
        time.sleep(0.05)
    tree.send_signal(signal.SIGINT)
    output, _ = tree.communicate(timeout=DEADLINE_S)
    assert tree.returncode == 1, output
    end_s = time.monotonic() + DEADLINE_S
    while goal_states[-1] != "CANCELLED":
        assert time.monotonic() < end_s, (goal_states, output)
        time.sleep(0.05)


@pytest.fixture
def goal_states(robot, context):
    """The names of the goal node's states, as they come."""
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from talk2dino_msgs.msg import GoToState

    from talk2dino_ros.client.go_to_run import STATES

    states = []
    latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    keep = lambda state: states.append(STATES[state.value])  # noqa: E731
    subscription = robot.call(lambda: robot.node.create_subscription(GoToState, "goal/state", keep, latched))
    yield states
    robot.call(lambda: robot.node.destroy_subscription(subscription))
