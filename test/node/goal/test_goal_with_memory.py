# SPDX-License-Identifier: Apache-2.0
"""The goal node and the node memory together: a mug that was seen once is gone to, and missed."""

import pytest
from memory_room import LAMP, MUG
from memory_world import MemoryWorld, positions
from node_process import NodeProcess
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import Find, GoTo, RememberedView

NAMESPACE = "/with_memory_node"


@pytest.fixture
def memory(context, tmp_path):
    """The world of a memory that has seen the room."""
    parameters = (f"folder:={tmp_path}", "map_id:=room")
    process = NodeProcess(parameters, NAMESPACE, tmp_path / "log.txt", "talk2dino_ros.memory.memory_main")
    world = MemoryWorld(context, NAMESPACE, process)
    world.wait_until_heard()
    world.show(0.0, {MUG: "mug", LAMP: "lamp"}, 100.0)
    world.wait_for(lambda: positions(world.call(Find, "memory/find", class_name="mug")), "the mug in the memory")
    yield world
    world.destroy()
    process.stop()


def test_a_mug_that_the_memory_node_knows_is_gone_to_and_missed(memory, make_world):
    world = make_world(NAMESPACE, "verify_s:=1.0")
    world.wait_until_heard()
    handle = world.send("mug", memory=GoTo.Request.ONLY)
    # the memory asks its own world for the vectors of the words
    memory.wait_for(lambda: world.node.executor.spin_once(timeout_sec=0.0) or world.goals, "a goal")
    world.wait_for(lambda: world.is_in(GoToState.REMEMBERED), "the way to the place")
    world.stand_at_goal()
    result = world.result_of(handle).result
    assert (result.state.value, result.from_memory) == (GoToState.NOT_THERE_ANY_MORE, True)
    assert (result.position.point.x, result.position.point.y, result.position.point.z) == pytest.approx(MUG, abs=0.05)
    assert result.position.header.stamp.sec == 100
    assert "'mug': it is not at (2.05, 0.05), where it was last seen" in result.message
    view = memory.call(RememberedView, "memory/view", id=result.place_id)
    assert view.success, view.message
