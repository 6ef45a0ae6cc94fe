# SPDX-License-Identifier: Apache-2.0
"""What the node says of a silent camera is true when it is said."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from talk2dino_ros.segmenter.transport.transport_check import TransportCheck
from talk2dino_ros.segmenter.transport.transport_verdict import TransportVerdict


@pytest.mark.parametrize("is_streaming", [True, False], ids=["active", "deactivated while it is checked"])
def test_a_camera_is_called_silent_only_while_images_are_taken(monkeypatch, is_streaming):
    said = []
    logger = SimpleNamespace(warning=said.append, info=said.append, error=said.append)
    node = SimpleNamespace(get_logger=lambda: logger, create_service=lambda *_, **__: None)
    camera = SimpleNamespace(topic="/image", is_streaming=True, transport_state="silent", verdicts={})

    async def check(*_args, **_options):
        camera.is_streaming = is_streaming
        return TransportVerdict(False, "nobody publishes on /image")

    monkeypatch.setattr(TransportCheck, "_check", check)
    transport_check = TransportCheck(node, lambda: None)
    asyncio.run(transport_check._check_and_log(camera, 5.0, is_silent=True))
    assert said == (["no image on /image for 5 s: nobody publishes on /image"] if is_streaming else [])
