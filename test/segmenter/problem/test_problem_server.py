# SPDX-License-Identifier: Apache-2.0
"""Calls of ~/record_problem, of which one writes at a time: a flood of them starts no thread each."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from std_srvs.srv import Trigger

from talk2dino_ros.segmenter.problem import problem_recorder


@pytest.fixture
def started(monkeypatch):
    """The works that were started, each a future that the test ends."""
    works = []

    def start(*_):
        works.append(asyncio.get_running_loop().create_future())
        return SimpleNamespace(future=works[-1])

    monkeypatch.setattr(problem_recorder, "in_thread", start)
    return works


def test_a_call_while_another_is_written_is_refused_and_the_next_is_not(started):
    node = SimpleNamespace(create_service=lambda *_, **__: None)
    recorder = SimpleNamespace(write=lambda _why: "")
    server = problem_recorder.ProblemServer(node, lambda: recorder)

    async def call():
        return await server._on_record_problem(Trigger.Request(), Trigger.Response())

    async def story():
        first = asyncio.ensure_future(call())
        await asyncio.sleep(0)
        refused = await asyncio.wait_for(call(), 10.0)
        started[0].set_result("/problems/1")
        return [await first, refused, await _third()]

    async def _third():
        third = asyncio.ensure_future(call())
        await asyncio.sleep(0)
        started[1].set_exception(problem_recorder.Talk2DinoError("the disk is full"))
        return await third

    answers = asyncio.run(story())
    assert [(each.success, each.message) for each in answers] == [
        (True, "/problems/1"),
        (False, "another call's bag is being written, expected one at a time; ask again when it is there"),
        (False, "the disk is full"),
    ]
