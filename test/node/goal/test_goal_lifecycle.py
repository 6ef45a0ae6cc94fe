# SPDX-License-Identifier: Apache-2.0
"""The goal node under a lifecycle manager, and starts that fail."""

from pathlib import Path

import pytest
from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from scripted_world import ScriptedWorld, tracked
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import GoTo


@pytest.fixture(scope="module")
def managed(start_goal):
    return start_goal("autostart:=false", namespace="/managed")


@pytest.fixture
def world(context, managed):
    """A fresh world around the one node, which is unconfigured before and after the test."""
    world = ScriptedWorld(context, "/managed", managed)
    yield world
    assert change(world, Transition.TRANSITION_DEACTIVATE)
    assert change(world, Transition.TRANSITION_CLEANUP)
    world.destroy()


def change(world, transition: int) -> bool:
    return world.call(ChangeState, "goal/change_state", transition=Transition(id=transition)).success


def test_go_to_is_served_only_while_the_node_is_active(world):
    early = world.go_to()
    assert (early.success, early.state.value) == (False, GoToState.FAILED)
    assert "activate it" in early.message
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert "activate it" in world.go_to().message
    assert change(world, Transition.TRANSITION_ACTIVATE)
    world.wait_until_heard()
    handle = world.send(keep_looking=True)
    call = world.call_async(GoTo, "goal/go_to", class_name="cup")
    assert world.result_of(handle).result.state.value == GoToState.CANCELLED  # the service came later
    assert change(world, Transition.TRANSITION_DEACTIVATE)
    reply = world.result(call, "go_to")
    assert reply.state.value == GoToState.CANCELLED
    assert "deactivated" in reply.message
    refused = world.result_of(world.send())
    assert (refused.status, refused.result.state.value) == (GoalStatus.STATUS_ABORTED, GoToState.FAILED)
    assert change(world, Transition.TRANSITION_CLEANUP)
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert change(world, Transition.TRANSITION_ACTIVATE)
    world.wait_until_heard()
    world.objects = [tracked(4.0, 0.0)]
    assert world.go_to().success


def test_a_node_that_is_only_configured_tells_its_state(world):
    told = world.collect(DiagnosticArray, "/diagnostics")
    assert change(world, Transition.TRANSITION_CONFIGURE)

    def message() -> str:
        statuses = [status for array in told for status in array.status if status.name == "managed/goal: goal"]
        return statuses[-1].message if statuses else ""

    world.wait_for(lambda: message() or "could not be reported" in world.process.output, "the node's state")
    assert (message(), "could not be reported" in world.process.output) == ("inactive", False)
    assert change(world, Transition.TRANSITION_ACTIVATE)


def test_an_unknown_base_frame_fails_the_go_to(world):
    assert world.set_parameter("base_frame", "chassis").successful
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert change(world, Transition.TRANSITION_ACTIVATE)
    world.wait_until_heard()
    world.objects = [tracked(3.0, 0.0)]
    reply = world.go_to(timeout_s=0.5)
    assert reply.state.value == GoToState.FAILED
    assert "'chassis'" in reply.message


def test_a_wrong_start_prints_one_sentence_and_ends_with_1(start_goal):
    process = start_goal("give_up_s:=0.1", namespace="/wrong")
    assert process.wait() == 1
    lines = [line for line in process.output.strip().splitlines() if not line.startswith("[INFO]")]
    assert len(lines) == 1, process.output
    assert lines[0].startswith("goal: ")
    assert "raise give_up_s" in lines[0]


def test_the_goal_node_loads_no_network_libraries(managed, world):
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert change(world, Transition.TRANSITION_ACTIVATE)
    libraries = Path(f"/proc/{managed.pid}/maps").read_text()
    assert [name for name in ("llvmlite", "libtorch", "tokenizers") if name in libraries] == []
