# SPDX-License-Identifier: Apache-2.0
"""Work that is begun, under way, or never begun when the client closes; the executor is a list, stepped by hand."""

import gc
from types import SimpleNamespace

import pytest

from talk2dino_ros.client import client_work
from talk2dino_ros.client.client_errors import ClientError
from talk2dino_ros.client.client_work import ClientWork
from talk2dino_ros.ros.node.waits import Waits


@pytest.fixture
def tasks():
    return []


@pytest.fixture
def work(tasks, monkeypatch):
    timer = SimpleNamespace(cancel=lambda: None, reset=lambda: None)
    node = SimpleNamespace(
        create_timer=lambda *_, **__: timer,
        destroy_timer=lambda timer: vars(timer).clear(),  # as rclpy's, which can do nothing any more
        executor=SimpleNamespace(create_task=tasks.append),
    )
    monkeypatch.setattr(client_work, "Waits", lambda _node: Waits(SimpleNamespace(executor=None)))
    return ClientWork(node)


async def seven():
    return 7


def step(task):
    with pytest.raises(StopIteration):
        task.send(None)


def test_what_a_coroutine_returns_or_raises_is_in_its_future(work, tasks):
    async def fail():
        raise ClientError("as told")

    returned, raised = work.start(seven), work.start(fail)
    for task in tasks:
        step(task)
    assert returned.result(0) == 7
    with pytest.raises(ClientError, match="as told"):
        raised.result(0)


def test_what_the_executor_never_began_ends_with_the_client_and_warns_of_nothing(work, tasks):
    """An executor that ends with tasks in its queue leaves coroutines that nobody awaits."""
    future = work.start(seven)
    work.close()
    work.drop()
    with pytest.raises(ClientError, match="has been closed"):
        future.result(0)
    tasks.clear()
    gc.collect()  # a coroutine that was never awaited is an error of this test


def test_what_an_executor_begins_after_the_close_ends_by_itself(work, tasks):
    future = work.start(seven)
    work.close()
    step(tasks[0])
    assert future.exception(0)
    with pytest.raises(ClientError, match="has been closed"):
        work.start(seven)


def test_what_waits_at_the_close_ends_where_the_executor_goes_on(work, tasks):
    """As where a node that is a client of others is deactivated, and goes on itself."""
    went_on = []

    async def wait():
        await work.waits.until(lambda: False, 1000)
        went_on.append("as if nothing had happened")

    future = work.start(wait)
    tasks[0].send(None)
    work.close()
    step(tasks[0])
    assert isinstance(future.exception(0), ClientError)
    assert went_on == []
