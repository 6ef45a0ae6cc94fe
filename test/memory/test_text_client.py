# SPDX-License-Identifier: Apache-2.0
"""Finds that wait for a segmenter that is not there: all end when the first one's time is over, not one by one."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from talk2dino_ros.memory.text_client import NoVectorsError, TextClient

FINDS = 50
TIMEOUT_S = 15.0


class World:
    """A clock that stands, and waits that end when it has moved."""

    def __init__(self):
        self.now_s = 0.0
        self.executor = None

    def monotonic(self):
        return self.now_s

    def create_client(self, *_, **__):
        return SimpleNamespace(service_is_ready=lambda: False, srv_name="talk2dino/encode_text")

    async def until(self, condition, timeout_s):
        end_s = self.now_s + timeout_s
        while not condition() and self.now_s < end_s:
            await Pause()
        return condition()


class Pause:
    def __await__(self):
        yield


def end_of(coroutine) -> str:
    """Go on with a coroutine; return its error's sentence, "" where it waits."""
    try:
        coroutine.send(None)
    except NoVectorsError as error:
        return str(error)
    return ""


def test_finds_without_a_segmenter_end_together(monkeypatch):
    world = World()
    for module in ("memory.text_client", "ros.node.first_answer"):
        monkeypatch.setattr(f"talk2dino_ros.{module}.time", world)
    client = TextClient(world, "talk2dino", world)
    entries = [SimpleNamespace(text="cup", name="cup")]
    finds = [client.encode(entries, TIMEOUT_S, lambda: False) for _ in range(FINDS)]
    assert [end_of(each) for each in finds] == [""] * FINDS
    world.now_s = TIMEOUT_S
    ends = [end_of(each) for each in finds]
    assert set(ends) == {
        "the service talk2dino/encode_text is not there after 15 s; start the segmenter, or set the parameter "
        "segmenter to the name of its node"
    }
    late = client.encode(entries, TIMEOUT_S, lambda: False)
    assert end_of(late) == ""
    late.close()
