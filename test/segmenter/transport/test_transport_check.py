# SPDX-License-Identifier: Apache-2.0
"""What the node says of a silent camera is true when it is said."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from talk2dino_ros.segmenter.transport.image_transport import DEFAULT_SEGMENT, Transport
from talk2dino_ros.segmenter.transport.transport_check import TransportCheck
from talk2dino_ros.segmenter.transport.transport_verdict import Probe, Publisher, TransportVerdict

TYPE = "sensor_msgs/msg/Image"


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


@pytest.mark.parametrize("is_silent", [True, False])
def test_only_the_service_starts_a_process_though_images_are_larger_than_the_segment(monkeypatch, is_silent):
    """The health of a camera is read every second, also where the computer has no time to spare."""
    probes = []

    async def probe(_self, *_args, **_options):
        probes.append(1)
        return Probe(10, 10, "like the camera's")

    sender = Publisher("/camera", TYPE, transport=Transport(DEFAULT_SEGMENT, "it has no profile"))
    monkeypatch.setattr(TransportCheck, "_publishers", lambda *_: [(sender, None)])
    monkeypatch.setattr(TransportCheck, "_probe", probe)
    logger = SimpleNamespace(warning=lambda _: None, info=lambda _: None, error=lambda _: None)
    node = SimpleNamespace(
        get_logger=lambda: logger,
        create_service=lambda *_, **__: None,
        get_topic_names_and_types=list,
        get_fully_qualified_name=lambda: "/node",
    )
    camera = SimpleNamespace(
        topic="/image", message_type=TYPE, is_streaming=True, transport_state="state", verdicts={},
        image_size=(DEFAULT_SEGMENT * 4, "1280x720 rgb8"), most_pixels=10**7,
        statistics=SimpleNamespace(last_received_s=0.0, received=3),
    )  # fmt: skip
    active = SimpleNamespace(parameters=SimpleNamespace(image_timeout_s=5.0))
    check = TransportCheck(node, lambda: SimpleNamespace(active=active, cameras={"": camera}))
    asyncio.run(check._check_and_log(camera, 5.0, is_silent=is_silent))
    assert probes == []
    assert "more than the shared-memory segment" in camera.verdicts["state"].text
    asyncio.run(check._on_check(None, SimpleNamespace()))
    assert probes == [1]
