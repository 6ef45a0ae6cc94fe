# SPDX-License-Identifier: Apache-2.0
"""The browsers that look: to each the newest state and overlays, at the pace at which it shows them.

A turn is what is new, once; the next one waits until the browser says that it has drawn the last. So a slow browser
misses images, and none ever waits in a queue. What nobody looks at is not made (`PageSource.watch`). A turn begins when
the budget of processor time allows, one browser after the other: the more there are, the fewer images each gets.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import anyio  # whose cancelling is never lost, as asyncio's is where news come at the same moment (Python before 3.12)
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from talk2dino_ros.web.page_messages import PageMessages
from talk2dino_ros.web.processor_budget import ProcessorBudget
from talk2dino_ros.web.web_source import PageSource

MOST_VIEWERS = 100
MOST_WATCHED = 16  # cameras of one viewer: what a screen has room for
SIGN_OF_LIFE_S = 5.0  # a state goes out at least this often, so that a browser notices a dead line
LARGEST_MESSAGE = 16_384  # bytes, from a browser
BUSY, BAD_MESSAGE, FAILED = 1013, 1003, 1011  # codes of closing a websocket
_LOG = logging.getLogger("talk2dino")


class Viewers:
    """All viewers of one source. Its methods belong to the server's loop, but for `notify`."""

    def __init__(self, source: PageSource, max_rate_hz: float, read_only: bool) -> None:
        self._source = source
        self._period_s = 1 / max_rate_hz
        self._messages = PageMessages(source, read_only)
        self._budget: ProcessorBudget | None = None
        self._line = asyncio.Lock()
        self._viewers: set[Viewer] = set()
        self._watched: frozenset[str] = frozenset()
        self._loop: asyncio.AbstractEventLoop | None = None
        source.on_change = self.notify

    def notify(self) -> None:
        """Say that something is new; from any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the server has ended, maybe at this moment
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._messages.forget_state()
        for viewer in self._viewers:
            viewer.news.set()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one browser until it leaves."""
        await socket.accept()
        self._loop = asyncio.get_running_loop()
        if len(self._viewers) >= MOST_VIEWERS:
            return await socket.close(BUSY, f"{MOST_VIEWERS} pages are open already; close one")
        viewer = Viewer(socket, self._source, self._messages, self._period_s)
        self._viewers.add(viewer)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send, viewer)
                await _until_gone(self._receive(viewer))
                tasks.cancel_scope.cancel()
        finally:
            self._viewers.discard(viewer)
            self._tell_watched()
        return None

    async def _send(self, viewer: Viewer) -> None:
        """Send until the browser is gone; close its line where nothing can be sent, so that it says so and retries."""
        try:
            await viewer.send(self._until_paid)
        except Exception:
            _LOG.exception("a page was not sent what is new, which is a bug in this program")
            await _until_gone(viewer.socket.close(FAILED, "the server failed; its log has the details"))

    async def _until_paid(self) -> None:
        """Wait until the processor time that was spent is paid for, and all who came before have begun their turns."""
        self._budget = self._budget or ProcessorBudget()
        async with self._line:
            while (rest_s := self._budget.rest_s()) > 0:
                await asyncio.sleep(rest_s)

    async def _receive(self, viewer: Viewer) -> None:
        """Take what a browser says; close its line for what no page of ours says."""
        while True:
            try:
                message = json.loads(await viewer.socket.receive_text())
                viewer.take(message)
            except (ValueError, KeyError, TypeError, RecursionError):
                reason = "the message is not one that this page sends; reload the page"
                return await viewer.socket.close(BAD_MESSAGE, reason)
            self._tell_watched()

    def _tell_watched(self) -> None:
        watched = frozenset().union(*(viewer.watched for viewer in self._viewers))
        if watched != self._watched:
            self._watched = watched
            self._messages.keep(watched)
            self._source.watch(watched)


async def _until_gone(work: Coroutine[Any, Any, None]) -> None:
    """Do something until the browser is gone, which is no error."""
    with suppress(WebSocketDisconnect, RuntimeError):  # RuntimeError: the other side of it has closed meanwhile
        await work


class Viewer:
    """One browser. watched: the cameras that are on its screen."""

    def __init__(self, socket: WebSocket, source: PageSource, messages: PageMessages, period_s: float) -> None:
        self.socket = socket
        self.watched: frozenset[str] = frozenset()
        self.news = asyncio.Event()
        self._source = source
        self._messages = messages
        self._period_s = period_s
        self._drawn = asyncio.Event()
        self._sent: dict[str, int] = {}

    def take(self, message: Any) -> None:
        """Take one message: `{"drawn": true}` or `{"watch": [names]}`. Raises ValueError, TypeError or KeyError."""
        if message == {"drawn": True}:
            return self._drawn.set()
        names = message["watch"]
        if not isinstance(names, list) or len(names) > MOST_WATCHED or not all(isinstance(name, str) for name in names):
            raise ValueError("no list of cameras")
        known = {camera.name for camera in self._source.state().cameras}
        self.watched = frozenset(names) & known
        self._sent = {name: self._sent[name] for name in self.watched & self._sent.keys()}
        self.news.set()
        return None

    async def send(self, until_paid: Callable[[], Awaitable[None]]) -> None:
        """Send turns until the line is closed; until_paid: waits before each."""
        while self.socket.application_state is WebSocketState.CONNECTED:
            await until_paid()
            self.news.clear()
            self._drawn.clear()
            await _until_gone(self._send_turn([*self._new_pictures()], self._messages.state()))
            await self._drawn.wait()
            await asyncio.sleep(self._period_s)
            with anyio.move_on_after(SIGN_OF_LIFE_S) as wait:
                await self.news.wait()
            if wait.cancelled_caught:
                self._messages.forget_state()

    async def _send_turn(self, pictures: list[bytes], state: str) -> None:
        for picture in pictures:
            await self.socket.send_bytes(picture)
        await self.socket.send_text(state)

    def _new_pictures(self) -> Iterator[bytes]:
        """Yield the overlays that this browser has not got yet."""
        for name in sorted(self.watched):
            newest = self._messages.picture(name)
            if newest is not None and newest[0] != self._sent.get(name):
                self._sent[name], picture = newest
                yield picture
