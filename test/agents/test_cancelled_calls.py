# SPDX-License-Identifier: Apache-2.0
"""Calls that a client gives up as the nodes' answers come: each ends alone, in the scope of the SDK that it runs in."""

import asyncio
from concurrent.futures import Future
from contextlib import nullcontext
from types import SimpleNamespace

import anyio
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.msg")

from talk2dino_ros.agents.robot_answers import RobotAnswers
from talk2dino_ros.client.client_errors import SilentNodeError

ROUNDS = 20  # of the loop: more than the end of a call takes


async def rounds(count):
    for _ in range(count):
        await asyncio.sleep(0)


class Client:
    """Knows its words at once, and one camera; all else is answered when a test says so. asked: what is."""

    def __init__(self):
        self.asked = []

    def get_vocabulary(self):
        known = Future()
        known.set_result(SimpleNamespace(names=["cup"], classes=["cup"], version=1))
        return known

    def cameras(self):
        return [""]

    def watch(self, _topic, _camera):
        return nullcontext(SimpleNamespace(next=lambda _timeout_s: self.is_in_view()))

    def is_in_view(self, *_):
        self.asked.append(Future())
        self.asked[-1].set_running_or_notify_cancel()  # as the client's own are
        return self.asked[-1]

    find = is_in_view


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("later", range(6))
@pytest.mark.parametrize("call", [lambda answers: answers.find("cup", ""), lambda answers: answers.known("")])
def test_a_call_that_is_cancelled_as_an_answer_comes_ends_alone(call, later, which):
    async def cancel():
        client, happened = Client(), []

        async def carry_out():
            with scope:
                await call(RobotAnswers(client))
                happened.append("an answer")
            happened.append("the call ended")

        async with anyio.create_task_group() as server:
            scope = anyio.CancelScope()
            server.start_soon(carry_out)
            await rounds(ROUNDS)
            client.asked[which % len(client.asked)].set_exception(SilentNodeError("nothing came"))
            await rounds(later)
            scope.cancel()
            await rounds(ROUNDS)
            happened.append("the server goes on")
        return happened

    assert anyio.run(cancel) == ["the call ended", "the server goes on"]


def test_what_no_answer_came_of_is_not_known_and_not_said_to_be_unlooked_for():
    async def ask():
        client = Client()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail, client)
            return await RobotAnswers(client).find("cup", "")

    async def fail(client):
        await rounds(ROUNDS)
        for each in client.asked:
            each.set_exception(SilentNodeError("nothing came"))

    found = anyio.run(ask)
    assert (found.is_looked_for, found.presence, found.why) == (True, "not known", "")
    assert found.notes == ["nothing came"] * 3
