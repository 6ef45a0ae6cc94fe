# SPDX-License-Identifier: Apache-2.0
"""The real segmenter and goal node around a robot that lives by itself, shared by the tests of a file."""

import pytest
from node_process import DEADLINE_S, NodeProcess
from robot_world import RobotWorld

from talk2dino_ros.client.connected_client import connected_client

NAMESPACE = "/agents"
GOAL = "talk2dino_ros.goal.goal_main"


@pytest.fixture(scope="module")
def start_goal(_own_ros_network, tmp_path_factory):
    """Return a function that starts a goal node; all have to end well."""
    processes = []

    def start(namespace: str = NAMESPACE) -> NodeProcess:
        log = tmp_path_factory.mktemp("goal") / "log.txt"
        parameters = ["feedback_period_s:=0.05", f"segmenter:={NAMESPACE}/talk2dino", "diagnostics_period_s:=0.2"]
        # no test waits for a time to pass, and images come as late as a busy machine makes them
        patience = ("timeout_s", "lost_timeout_s", "give_up_s", "segmenter_timeout_s", "memory_timeout_s")
        parameters += [f"{name}:={DEADLINE_S}" for name in patience]
        processes.append(NodeProcess(parameters, namespace, log, GOAL))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture(scope="module")
def robot(start_node, start_goal, context):
    """The robot's world, with a segmenter and a goal node that are started in it."""
    words, late = "vocabulary:=[cup, dog, '!table']", ("transform_timeout_s:=5.0", "depth_wait_s:=5.0")
    start_node("model:=mini", words, "target_frame:=odom", "diagnostics_period_s:=0.2", *late, namespace=NAMESPACE)
    start_goal()
    world = RobotWorld(context, NAMESPACE)
    arguments = ["--ros-args", "-r", f"__ns:={NAMESPACE}"]
    with connected_client("starter", arguments) as client, client.watch("points_of_interest") as points:
        points.next(DEADLINE_S).result()  # the model is loaded, on a busy machine
    yield world
    world.destroy()
