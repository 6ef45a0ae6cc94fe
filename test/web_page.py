# SPDX-License-Identifier: Apache-2.0
"""The page as a server of a test has it, what a browser shows of its pictures, and clients without a browser."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from PIL import Image

from talk2dino_ros.web.access import Access
from talk2dino_ros.web.web_app import make_app
from talk2dino_ros.web.web_server import WebServer

WAIT_MS = 60_000


@contextmanager
def served(source, access=None, port=0):
    access = access or Access()
    server = WebServer(make_app(source, access), access, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server._thread.join(WAIT_MS / 1000)  # which a busy machine may end later: the port is free then


def colour_in(page, x=0.5, y=0.5, camera="front"):
    """(red, green, blue) of the first camera's picture at a share of its width and height."""
    frame = page.locator(f"figure[data-key='{camera}'] .frame > img")
    picture = np.asarray(Image.open(io.BytesIO(frame.screenshot())).convert("RGB"))
    return picture[int(y * picture.shape[0]), int(x * picture.shape[1])].astype(int)


def wait_for_colour(page, colour, **where):
    for _ in range(WAIT_MS // 100):
        if np.abs(colour_in(page, **where) - colour).max() < 40:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{colour_in(page, **where)} is not {colour}")


def in_own_loop(coroutine):
    """Run it in a thread: Playwright has a loop of its own in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
