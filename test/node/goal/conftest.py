# SPDX-License-Identifier: Apache-2.0
"""The goal node as a process, in a scripted world."""

import pytest
from node_process import NodeProcess
from scripted_world import ScriptedWorld
from std_srvs.srv import Trigger

GOAL = "talk2dino_ros.goal.goal_main"
# often, and on no machine too soon; a test that waits for a time to pass has its own
PARAMETERS = {
    "goal_update_rate_hz": 20.0,
    "feedback_period_s": 0.05,
    "transform_timeout_s": 0.5,
    "lost_timeout_s": 100.0,
    "give_up_s": 200.0,
    "timeout_s": 100.0,
    "segmenter_timeout_s": 100.0,
    "memory_timeout_s": 100.0,
}


@pytest.fixture(scope="module")
def start_goal(_own_ros_network, tmp_path_factory):
    """Return a function that starts a goal node; all have to end well."""
    processes = []

    def start(*parameters: str, namespace: str = "/robot") -> NodeProcess:
        log = tmp_path_factory.mktemp("goal") / "log.txt"
        usual = [f"{name}:={value}" for name, value in PARAMETERS.items()]
        processes.append(NodeProcess([*usual, *parameters], namespace, log, GOAL))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture(scope="module")
def process(start_goal):
    return start_goal()


@pytest.fixture
def world(context, process):
    """A fresh world around the one node, without a go-to task from the test before."""
    world = ScriptedWorld(context, "/robot", process)
    world.wait_until_heard()
    yield world
    world.call(Trigger, "goal/cancel")
    world.destroy()


@pytest.fixture
def vary(world):
    """Return a function that sets a parameter of the one node until the test ends."""
    names = []

    def vary(name: str, value: float) -> None:
        assert world.set_parameter(name, value).successful
        names.append(name)

    yield vary
    for name in reversed(names):
        assert world.set_parameter(name, PARAMETERS[name]).successful


@pytest.fixture
def make_world(context, start_goal):
    """Return a function that makes a world around a node of its own; both end with the test."""
    made = []

    def make(namespace: str, *parameters: str, **options) -> ScriptedWorld:
        process = start_goal(*parameters, namespace=namespace)
        made.append(ScriptedWorld(context, namespace, process, **options))
        return made[-1]

    yield make
    for world in made:
        world.destroy()
        world.process.stop()
