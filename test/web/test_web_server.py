# SPDX-License-Identifier: Apache-2.0
"""The page's server on a real port, with one browser that looks and another that sends what no browser does."""

import asyncio
import gc
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from scripted_source import ScriptedSource
from web_page import in_own_loop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from talk2dino_ros.web.access import Access
from talk2dino_ros.web.viewers import LARGEST_MESSAGE
from talk2dino_ros.web.web_app import make_app
from talk2dino_ros.web.web_server import WebServer
from talk2dino_ros.web.web_source import WebError

WAIT_S = 60
THREADS = 40  # anyio's own number


@pytest.fixture(scope="module")
def server():
    server = WebServer(make_app(ScriptedSource(), Access()), Access(), 0)
    server.start()
    yield server
    server.stop()


def line_to(server):
    origin = server.address.rstrip("/")
    return connect(f"ws://127.0.0.1:{server.port}/live", origin=origin, max_size=None)


async def next_state(line):
    """The state of a browser's next turn, which is answered."""
    while isinstance(message := await asyncio.wait_for(line.recv(), WAIT_S), bytes):
        pass
    await line.send(json.dumps({"drawn": True}))
    return json.loads(message)


def wait_until_served(server):
    """Until the server knows that all browsers have left: at its end it cancels those it has to wait for."""
    served, end_s = server._server.server_state, time.monotonic() + WAIT_S
    while served.connections or served.tasks:
        assert time.monotonic() < end_s, served.tasks
        time.sleep(0.01)


def test_a_line_with_ten_megabytes_is_closed_and_others_go_on(server):
    async def send():
        async with line_to(server) as looking, line_to(server) as sending:
            await next_state(looking)
            with suppress(ConnectionClosed):
                await sending.send("x" * 10_000_000)
            await asyncio.wait_for(sending.wait_closed(), WAIT_S)
            await looking.send(json.dumps({"watch": ["front"]}))
            return sending.close_code, (await next_state(looking))["model"]

    assert in_own_loop(send()) == (1009, "tiny")  # 1009: message too big


def test_a_message_of_the_largest_size_is_read(server):
    async def send():
        async with line_to(server) as line:
            text = json.dumps({"watch": ["front"]})
            await line.send(text + " " * (LARGEST_MESSAGE - len(text)))
            while not isinstance(message := await asyncio.wait_for(line.recv(), WAIT_S), bytes):
                await line.send(json.dumps({"drawn": True}))
            return message[2:21]

    assert in_own_loop(send()) == b'{"camera": "front"}'


@pytest.mark.parametrize(
    "rubbish",
    [
        bytes(range(256)) * 40,
        b"GET / HTTP/1.1\r\nHost: " + b"x" * 10_000_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),  # the beginning of TLS
        b"POST /words HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9" + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_a_line_that_speaks_no_http_is_closed_and_the_page_is_served_to_others(server, rubbish):
    async def send():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            writer.write(rubbish)
            await writer.drain()
            return await asyncio.wait_for(reader.read(), WAIT_S)  # until it is closed
        except ConnectionError:
            return b""
        finally:
            writer.close()

    answer = in_own_loop(send())
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    with urllib.request.urlopen(server.address, timeout=WAIT_S) as page:
        assert b"<main>" in page.read()


@pytest.fixture
def warnings(caplog):
    """What is logged from now on, asyncio's too, of which earlier tests leave no garbage."""
    gc.collect()
    caplog.handler.filters.clear()
    caplog.clear()
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_browser_that_breaks_off_is_no_error_in_the_log(warnings):
    """Its line is reset in the middle of a turn, as where a laptop leaves the network."""
    source = ScriptedSource()
    server = WebServer(make_app(source, Access(), max_rate_hz=1000), Access(), 0)
    server.start()

    async def break_off():
        for _ in range(20):
            line = await line_to(server)
            await line.send(json.dumps({"watch": ["front"]}))
            await next_state(line)
            source.show((40, 40, 200))
            line.transport.abort()
        async with line_to(server) as line:
            await next_state(line)

    in_own_loop(break_off())
    wait_until_served(server)
    server.stop()
    server._thread.join(WAIT_S)
    gc.collect()  # where a task's error that nobody asked for is told
    assert warnings() == []


def test_the_robot_is_stopped_however_many_requests_wait_for_its_nodes():
    """Each that waits has one of the server's threads, of which there are 40."""
    source, asked, goes_on = ScriptedSource(), threading.Semaphore(0), threading.Event()

    def wait(_camera):
        asked.release()
        assert goes_on.wait(2 * WAIT_S)
        raise WebError("no image came")

    def snapshot():
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server.address}snapshot?camera=front", timeout=3 * WAIT_S).close()

    source.snapshot = wait
    server = WebServer(make_app(source, Access()), Access(), 0)
    server.start()
    stop = urllib.request.Request(f"{server.address}stop", b"", {"Origin": server.address.rstrip("/")})
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for _ in range(THREADS):
                pool.submit(snapshot)
            assert all(asked.acquire(timeout=WAIT_S) for _ in range(THREADS))
            with urllib.request.urlopen(stop, timeout=WAIT_S) as reply:
                assert json.load(reply) == {"message": "the robot is told to stop"}
        finally:
            goes_on.set()
    server.stop()
    assert source.asked == ["stop"]


def test_a_request_that_waits_as_the_server_ends_is_no_error_in_the_log(warnings):
    """As where words are read, which takes its time, and a person presses Ctrl-C."""
    source, asked, goes_on = ScriptedSource(), threading.Event(), threading.Event()

    def wait(_camera):
        asked.set()
        assert goes_on.wait(WAIT_S)
        raise WebError("no image came")

    def snapshot():
        with suppress(OSError):  # whatever it is told
            urllib.request.urlopen(f"{server.address}snapshot?camera=front", timeout=WAIT_S).close()

    source.snapshot = wait
    server = WebServer(make_app(source, Access()), Access(), 0)
    server.start()
    with ThreadPoolExecutor(1) as pool:
        try:
            pool.submit(snapshot)
            assert asked.wait(WAIT_S)
            server.stop()
            server._thread.join(WAIT_S)
        finally:
            goes_on.set()
    assert not server._thread.is_alive()
    gc.collect()
    assert warnings() == []


def test_what_is_sent_is_not_compressed_for_each_browser(server):
    """A JPEG gets no smaller, and the work would be done anew for each."""

    async def offered():
        async with line_to(server) as line:
            return line.response.headers.get("Sec-WebSocket-Extensions")

    assert in_own_loop(offered()) is None
