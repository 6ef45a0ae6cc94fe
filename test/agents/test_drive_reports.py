# SPDX-License-Identifier: Apache-2.0
"""What is told of a drive that ends at the very moment at which it is looked at: another thread ends it."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("talk2dino_ros.agents.robot_server", reason="there is no ROS, or no mcp")

from geometry_msgs.msg import PointStamped
from std_msgs.msg import Header
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import GoToState

from talk2dino_ros.agents import robot_server
from talk2dino_ros.agents.robot_answers import RobotAnswers
from talk2dino_ros.client.client_errors import AbsentNodeError
from talk2dino_ros.client.go_to_run import GoToRun

SEEN = GoTo.Feedback(state=GoToState(value=GoToState.SEEN), message="on the way", distance_m=1.5)
CUP = PointStamped(header=Header(frame_id="map"))
REACHED = GoTo.Result(state=GoToState(value=GoToState.REACHED), message="arrived", position=CUP)


class EndsAtALook:
    """The future of a drive's result, which comes as it is looked at for the nth time."""

    def __init__(self, looks):
        self._looks = looks

    def done(self):
        self._looks -= 1
        return self._looks < 0

    def exception(self):
        return None

    def result(self):
        return REACHED


def drive(looks, feedback):
    action = SimpleNamespace(server_is_ready=lambda: True)
    run = GoToRun(action, SimpleNamespace(start=lambda work: EndsAtALook(looks)), goal=None)
    run.feedback = feedback
    return run


@pytest.mark.parametrize("looks", range(4))
@pytest.mark.parametrize("feedback", [None, SEEN])
def test_a_report_is_of_one_moment(looks, feedback):
    answers = RobotAnswers(client=None)
    answers.run = drive(looks, feedback)
    report = answers.report()
    assert report.is_over == (looks == 0)
    told = ("REACHED", "arrived") if report.is_over else ("SEEN", "on the way") if feedback else ("STARTING", "")
    assert (report.state, report.message) == told
    assert (report.position is not None) == report.is_over


@pytest.mark.parametrize("looks", range(6))
@pytest.mark.parametrize("feedback", [None, SEEN])
def test_a_drive_that_ends_while_it_is_waited_for_is_waited_for_no_longer(looks, feedback, monkeypatch):
    monkeypatch.setattr(robot_server, "PERIOD_S", 0.0)
    told = []

    async def report_progress(_progress, message):
        told.append(message)

    context = SimpleNamespace(report_progress=report_progress)
    asyncio.run(robot_server._until_it_ends(context, drive(looks, feedback), wait_s=60.0))
    assert told == (["SEEN: on the way"] if feedback and looks else [])


def test_a_drive_whose_node_ends_after_it_was_there_has_no_state():
    def fail(_work):
        return SimpleNamespace(done=lambda: True, exception=lambda: AbsentNodeError("the goal node has gone"))

    run = GoToRun(SimpleNamespace(server_is_ready=lambda: True), SimpleNamespace(start=fail), goal=None)
    run.feedback = GoTo.Feedback(state=GoToState(value=GoToState.REACHED))
    assert run.state == ""
