# SPDX-License-Identifier: Apache-2.0
"""The client of the nodes, in a thread of its own, with the real segmenter and goal node."""

import asyncio
import threading
import time

import numpy as np
import pytest
from node_process import DEADLINE_S
from rclpy.action import ActionServer
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from robot_world import DEPTH_M, HEIGHT, WIDTH
from std_srvs.srv import Trigger
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import GoToState

from talk2dino_ros.client import go_to_run, service_requests
from talk2dino_ros.client.client_errors import (
    AbsentNodeError,
    ClientError,
    RefusedError,
    SilentNodeError,
    VocabularyConflictError,
)
from talk2dino_ros.client.connected_client import connected_client
from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb

WAIT_S = DEADLINE_S
ARGUMENTS = ["--ros-args", "-r", "__ns:=/agents"]


@pytest.fixture(scope="module")
def client(robot):
    with connected_client("client_of_test", ARGUMENTS, timeout_s=WAIT_S) as client:
        yield client


def wait_for(condition, what):
    end_s = time.monotonic() + WAIT_S
    while not (value := condition()):
        assert time.monotonic() < end_s, f"waited in vain for {what}"
        time.sleep(0.01)
    return value


def test_a_topic_is_subscribed_to_while_someone_wants_it(client, robot):
    topic = "/agents/talk2dino/overlay"
    assert robot.node.count_subscribers(topic) == 0
    seen = []
    with client.watch("overlay", on_message=seen.append) as first, client.watch("overlay") as second:
        picture = image_to_rgb(first.next(WAIT_S).result())
        assert second.newest is not None
        # the robot's world may hear of it later than the segmenter, which has sent already
        wait_for(lambda: robot.node.count_subscribers(topic), "the subscription")
        assert robot.node.count_subscribers(topic) == 1
        first.close()
        assert second.next(WAIT_S).result().header.frame_id == "camera"
        assert second.age_s < WAIT_S
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert seen
    wait_for(lambda: robot.node.count_subscribers(topic) == 0, "the end of the subscription")
    wait_for(lambda: second.newest is None, "the end of what came by it")


def test_the_cameras_are_those_of_the_segmenter(client):
    assert wait_for(client.cameras, "a camera") == [""]


def test_the_image_is_the_cameras_own(client):
    with client.watch("image") as image:
        assert image.next(WAIT_S).result().encoding == "bgr8"


def test_words_are_read_and_replaced_and_a_conflict_is_told_apart(client):
    before = client.get_vocabulary().result()
    assert list(before.classes) == ["cup", "dog", "!table"]
    after = client.set_vocabulary(add=["spoon"], expected_version=before.version).result()
    with pytest.raises(VocabularyConflictError, match=f"expected {before.version}") as conflict:
        client.set_vocabulary(["sofa"], expected_version=before.version).result()
    assert conflict.value.answer.version == after.version
    client.set_vocabulary(remove=["spoon"]).result()
    assert client.get_vocabulary().result().names == ["cup", "dog", "table"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["x" * 10_000_000], "characters in all came, expected at most 1000000;"),
        ([f"word {n}" for n in range(10_000)], "expected 1 to 254"),
        (["cup\x1b[2J"], "control"),
        (["!wall"], "expected at least one to label"),
    ],
)
def test_words_that_can_be_none_are_refused_before_anyone_is_asked(client, words, why):
    with pytest.raises(VocabularyError, match=why):
        client.set_vocabulary(words).result(WAIT_S)


def test_a_refusal_of_the_segmenter_is_its_sentence(client):
    with pytest.raises(RefusedError, match=r"/agents/talk2dino/set_vocabulary refuses: .*ids"):
        client.set_vocabulary(["cup"], ids=[1, 2, 3]).result()


def test_what_is_in_view_is_asked_and_a_word_that_nobody_looks_for_is_refused(client):
    told = client.is_in_view("cup", timeout_s=WAIT_S).result()
    assert told.presence.class_name == "cup"
    assert told.message.startswith("'cup': ")
    with pytest.raises(RefusedError, match="'sofa' is not looked for, expected one of cup, dog; add it"):
        client.is_in_view("sofa").result()


def test_what_the_memory_knows_is_found(client, robot):
    found = client.find("mug").result()
    assert (found.map_id, found.places[0].position.x, robot.asked[-1]) == ("kitchen", 4.0, "mug")


def test_a_future_is_awaited_in_asyncio(client):
    async def names():
        return (await asyncio.wrap_future(client.get_vocabulary())).names

    assert asyncio.run(names()) == ["cup", "dog", "table"]


def test_the_newest_statuses_are_those_of_these_nodes(client):
    with client.diagnostics() as diagnostics:
        wanted = {"agents/talk2dino: model", "agents/talk2dino: camera", "agents/goal: goal"}
        wait_for(lambda: wanted <= set(diagnostics.statuses), "diagnostics")
        assert diagnostics.statuses["agents/talk2dino: model"].status.hardware_id


def test_a_robot_is_sent_to_a_cup_with_feedback(client, robot):
    robot.drives = False
    states = []
    run = client.go_to("cup", lambda feedback: states.append(feedback.state.value), stand_off_m=1.0)
    wait_for(lambda: run.feedback and run.state == "SEEN", "the cup to be seen")
    assert client.current_go_to is run
    x = run.feedback.goal.pose.position.x
    assert x < 0.5 + DEPTH_M
    robot.drives = True
    robot.robot = (x, run.feedback.goal.pose.position.y, 2 * np.arcsin(run.feedback.goal.pose.orientation.z))
    result = run.result.result(WAIT_S)
    assert (result.state.value, run.state, client.current_go_to) == (GoToState.REACHED, "REACHED", None)
    assert result.position.point.x == pytest.approx(0.5 + DEPTH_M, abs=0.05)
    assert GoToState.SEEN in states
    robot.robot = (0.0, 0.0, 0.0)


def test_a_go_to_is_cancelled(client):
    run = client.go_to("unicorn", timeout_s=100.0)
    assert run.cancel().result(WAIT_S).state.value == GoToState.CANCELLED  # before it was taken
    run = client.go_to("unicorn", timeout_s=100.0)
    wait_for(lambda: run.state == "SEARCHING", "the search")
    assert run.cancel().result(WAIT_S).message == "cancelled by the client of the action"


def test_a_program_that_ends_cancels_its_go_to(robot, client, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.client.connected_client.CANCEL_S", WAIT_S)
    with connected_client("brief", ARGUMENTS) as brief:
        run = brief.go_to("unicorn", timeout_s=100.0)
        wait_for(lambda: run.state == "SEARCHING", "the search")
        waits = brief.find("mug")
    assert run.result.result().state.value == GoToState.CANCELLED
    assert waits.done()
    with pytest.raises(ClientError, match="has been closed"):
        brief.get_vocabulary()


def test_a_node_that_is_not_there_is_told_of(monkeypatch, context):
    monkeypatch.setattr(service_requests, "DISCOVERY_S", 0.1)
    monkeypatch.setattr(go_to_run, "DISCOVERY_S", 0.1)
    with connected_client("alone", ["--ros-args", "-r", "__ns:=/nobody"]) as alone:
        for asked in (alone.get_vocabulary(), alone.set_vocabulary(["cup"]), alone.find("cup")):
            with pytest.raises(AbsentNodeError, match=r"/nobody/\w+/\w+ is not there after 0"):
                asked.result(WAIT_S)
        with pytest.raises(AbsentNodeError, match="the goal node's action go is not there"):
            alone.go_to("cup").result.result(WAIT_S)
        with (
            alone.watch("overlay") as overlay,
            pytest.raises(SilentNodeError, match="/nobody/talk2dino/overlay in 0"),
        ):
            overlay.next(0.1).result(WAIT_S)


def test_a_node_that_is_silent_is_told_of(client, robot):
    client.find("mug").result()  # it is known then, as the node's other service
    asked = client.ask(Trigger, "broken", Trigger.Request(), 0.2)
    error = asked.exception(WAIT_S)
    robot.may_answer.set()
    assert isinstance(error, SilentNodeError)
    assert "/agents/broken has not answered in 0" in str(error)


def test_a_node_that_ends_in_the_middle_is_told_of(robot, client):
    never = Future()

    async def search(_handle):
        await never

    server = robot.call(lambda: ActionServer(robot.node, GoTo, "/vanishing/go", search))
    with connected_client("mourner", ARGUMENTS, goal="/vanishing") as mourner:
        run = mourner.go_to("cup")
        wait_for(lambda: robot.call(lambda: len(server._goal_handles)), "the goal")
        robot.call(server.destroy)
        with pytest.raises(AbsentNodeError, match="the goal node's action go has gone before it answered"):
            run.result.result(WAIT_S)


def test_a_goal_node_that_is_ended_answers_first(start_goal, robot, monkeypatch):
    asked, heard = threading.Event(), []
    ask = ClientGoalHandle.get_result_async
    monkeypatch.setattr(ClientGoalHandle, "get_result_async", lambda handle: (ask(handle), asked.set())[0])
    goal = start_goal("/ending")
    with connected_client("last", ["--ros-args", "-r", "__ns:=/ending"]) as client:
        run = client.go_to("unicorn", timeout_s=100.0, on_feedback=heard.append)
        assert asked.wait(WAIT_S)
        count = len(heard) + 20  # by when the node knows that it is waited for
        wait_for(lambda: len(heard) >= count, "its feedback")
        goal.interrupt()
        result = run.result.result(WAIT_S)
    assert (run.state, result.message) == ("CANCELLED", "the node goal was deactivated")
