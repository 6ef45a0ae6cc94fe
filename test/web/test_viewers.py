# SPDX-License-Identifier: Apache-2.0
"""One browser's line without a network, so that it breaks off at any turn of the loop."""

import asyncio
import json

import pytest
from scripted_source import ScriptedSource
from starlette.websockets import WebSocket

from talk2dino_ros.web.viewers import Viewers

ROUNDS = 20  # of the loop: more than the end of a task takes


async def rounds(count):
    for _ in range(count):
        await asyncio.sleep(0)


class Line:
    """A browser that has drawn its first turn, and waits for the next."""

    def __init__(self, source, viewers):
        self.said = asyncio.Queue()
        self.turns = 0
        self.say({"type": "websocket.connect"})
        self.serving = asyncio.ensure_future(viewers.serve(WebSocket({"type": "websocket"}, self.said.get, self.take)))

    def say(self, message):
        self.said.put_nowait(message)

    async def take(self, message):
        if message["type"] == "websocket.send" and "text" in message:
            self.turns += 1
            self.say({"type": "websocket.receive", "text": json.dumps({"drawn": True})})


def test_news_that_come_as_the_server_ends_reach_nobody_and_are_no_error(monkeypatch):
    """The thread that has them, a camera's or the model's, goes on; the loop is closed where it has just looked."""
    source = ScriptedSource()

    async def look():
        line = Line(source, Viewers(source, max_rate_hz=1e6, read_only=False))
        while not line.turns:
            await asyncio.sleep(0)
        line.say({"type": "websocket.disconnect", "code": 1001})
        await line.serving
        return asyncio.get_running_loop()

    loop = asyncio.run(look())
    monkeypatch.setattr(loop, "is_closed", lambda: False)
    source.on_change()


@pytest.mark.parametrize("later", range(8))
def test_nothing_is_left_of_a_browser_that_leaves_while_news_come(later):
    """Before Python 3.12, asyncio's own wait_for loses a cancel that comes where what it waits for has just come."""

    async def leave():
        source = ScriptedSource()
        line = Line(source, Viewers(source, max_rate_hz=1e6, read_only=False))
        while not line.turns:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)  # it has begun to wait for news
        source.on_change()
        await rounds(later)
        line.say({"type": "websocket.disconnect", "code": 1001})
        await line.serving
        await rounds(ROUNDS)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(leave()) == set()
