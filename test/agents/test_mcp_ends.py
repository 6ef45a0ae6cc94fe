# SPDX-License-Identifier: Apache-2.0
"""A server whose client goes and which gets a signal at the same moment, as by Ctrl-C for both; without a robot."""

import argparse
import asyncio
import threading
from contextlib import contextmanager

import pytest

pytest.importorskip("talk2dino_ros.agents.robot_server", reason="there is no ROS, or no mcp")

from talk2dino_ros.agents import mcp_main
from talk2dino_ros.client import connected_client


class Shutdown:
    """A stand-in for what takes signals, and ends no process."""

    def __init__(self, _name):
        self.before_exit = None

    def end(self, code):
        raise SystemExit(code)


def test_a_signal_while_the_robot_is_being_stopped_waits_until_it_is(monkeypatch):
    done, signalled = [], []

    @contextmanager
    def connected(*_, **__):
        yield "client"
        signalled.append(threading.Thread(target=take_signal))
        signalled[0].start()
        signalled[0].join(0.2)  # where it can end: it must not
        done.append("the robot is stopped")

    def take_signal():
        shutdowns[0].before_exit()
        done.append("the process ends")

    class Server:
        def __init__(self, lifespan, _permissions):
            self._lifespan = lifespan

        def run(self, _transport):
            async def serve():
                async with self._lifespan(self):
                    pass

            asyncio.run(serve())

    shutdowns = []
    monkeypatch.setattr(mcp_main, "ShutdownHandler", lambda name: shutdowns.append(Shutdown(name)) or shutdowns[0])
    monkeypatch.setattr(mcp_main, "_importing", lambda: Server)
    monkeypatch.setattr(connected_client, "connected_client", connected)
    words = {"segmenter": "talk2dino", "goal": "goal", "memory": "memory", "namespace": ""}
    limits = {"allow_go_to": "", "confirm_go_to": False, "allow_set_words": False}
    with pytest.raises(SystemExit):
        mcp_main.serve(argparse.Namespace(**words, **limits))
    signalled[0].join(60)
    assert done == ["the robot is stopped", "the process ends"]
