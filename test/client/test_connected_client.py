# SPDX-License-Identifier: Apache-2.0
"""A client with a thread of its own, whose program is in a hurry."""

import threading

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.msg")

from talk2dino_ros.client import connected_client
from talk2dino_ros.client.client_errors import ClientError


def test_nothing_is_left_where_a_second_ctrl_c_ends_the_waiting_for_the_robot(monkeypatch):
    def interrupted(_client):
        raise KeyboardInterrupt

    monkeypatch.setattr(connected_client, "_cancel", interrupted)
    before, open_client = set(threading.enumerate()), connected_client.connected_client("hasty", ["--ros-args"])
    client = open_client.__enter__()
    with pytest.raises(KeyboardInterrupt):
        open_client.__exit__(None, None, None)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()
    with pytest.raises(ClientError, match="has been closed"):
        client.get_vocabulary()
