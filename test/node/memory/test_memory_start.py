# SPDX-License-Identifier: Apache-2.0
"""How the node memory starts, or does not, and what it says while it is not active."""

import subprocess
import sys

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from memory_room import MUG
from talk2dino_msgs.srv import Find, Forget

from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore

NO_TORCH = """
import sys
import talk2dino_ros.memory.memory_main, talk2dino_ros.memory.memory_node
print(sorted({name.split(".")[0] for name in sys.modules} & {"torch", "timm", "open_clip", "transformers"}))
"""


def test_no_network_library_is_loaded_into_its_process():
    done = subprocess.run([sys.executable, "-c", NO_TORCH], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_store_that_another_process_has_ends_the_start_with_who_that_is(start_memory, tmp_path):
    store = KeyframeStore(tmp_path, "room")
    process = start_memory(folder=tmp_path, namespace="/second")
    assert process.wait() == 1
    assert "is in use by process" in process.output
    assert "Traceback" not in process.output
    store.close()


def test_places_in_odometry_are_warned_of_once_when_they_come_and_at_the_next_start(start_memory, make_world, tmp_path):
    warning = "the places are in 'odom', which begins anew with each start of the robot"
    process = start_memory(folder=tmp_path, namespace="/lost")
    world = make_world(process, "/lost")
    world.wait_until_heard()
    assert warning not in process.output
    world.show(0.0, {MUG: "mug"}, 100.0, target_frame="odom")
    world.wait_for(lambda: warning in process.output, "the warning")
    world.show(5.0, {MUG: "mug"}, 105.0, target_frame="odom")
    world.wait_for(lambda: len(world.call(Find, "memory/find", class_name="mug").places) == 1, "the place")
    assert process.interrupt() == 0
    assert process.output.count(warning) == 1
    assert not list((tmp_path / "room").glob("*-wal"))  # all of it is in one file
    later = start_memory(folder=tmp_path, namespace="/later")
    make_world(later, "/later").wait_until_heard()
    world.wait_for(lambda: warning in later.output, "the warning at the next start")


@pytest.fixture(scope="module")
def world(start_memory, make_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("managed")
    process = start_memory("autostart:=false", "pose_topic:=pose", folder=folder, namespace="/managed")
    return make_world(process, "/managed")


def change(world, transition: int) -> bool:
    return world.call(ChangeState, "memory/change_state", transition=Transition(id=transition)).success


def test_it_says_that_it_is_not_active_and_serves_once_it_is(world):
    """One node through its states; with a localisation that is lost, sure, and lost again."""
    for service, name in ((Find, "find"), (Forget, "forget")):
        response = world.call(service, f"memory/{name}")
        assert not response.success
        assert "not active" in response.message
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert change(world, Transition.TRANSITION_ACTIVATE)
    world.wait_until_heard()
    world.wait_for(world._pose_pub.get_subscription_count, "the node at the localisation")
    statuses = world.collect(DiagnosticArray, "/diagnostics")

    def values() -> dict[str, str]:
        ours = [each for array in statuses for each in array.status if each.name == "managed/memory: memory"]
        return {pair.key: pair.value for pair in ours[-1].values} if ours else {}

    def until(key: str, value: str) -> None:
        world.wait_for(lambda: values().get(key) == value, f"{key} to be {value}")

    world.show(0.0, {MUG: "mug"}, 100.0)
    until("rejected: no localisation", "1")
    world.localise(101.0, variance=1.0)
    world.show(0.0, {MUG: "mug"}, 101.0)
    until("rejected images", "2")
    assert values().get("rejected: localisation uncertain", "0") == "1" or values()["rejected: no localisation"] == "2"
    world.localise(102.0, variance=0.01)
    world.wait_for(lambda: shown(world, values), "a keyframe")
    assert world.call(Find, "memory/find", class_name="mug").places
    assert change(world, Transition.TRANSITION_DEACTIVATE)
    assert "not active" in world.call(Find, "memory/find", class_name="mug").message
    assert change(world, Transition.TRANSITION_CLEANUP)
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert change(world, Transition.TRANSITION_ACTIVATE)
    assert world.call(Find, "memory/find", class_name="mug").places


def shown(world, values) -> bool:
    """Show the room until it is remembered: pose and image take ways of their own."""
    if values().get("keyframes") != "1":
        world.show(0.0, {MUG: "mug"}, 102.0)
    return values().get("keyframes") == "1"
