# SPDX-License-Identifier: Apache-2.0
"""Segmenter and memory together: a cup that was seen while nobody asked for one is found by that word, where it is."""

from pathlib import Path

import cv2
import pytest
from depth_camera import HEIGHT, PLACE, WIDTH, depth_message, flat, info_message, to_map, transform
from diagnostic_msgs.msg import DiagnosticArray
from memory_world import positions
from probe import LATCHED, raw_message
from sensor_msgs.msg import CameraInfo, Image
from talk2dino_msgs.srv import Find, RememberedView
from tf2_msgs.msg import TFMessage

PHOTO = Path(__file__).parents[3] / "talk2dino_ros" / "demo" / "photos" / "coffee.jpg"
DEPTH_M = 2.0


@pytest.fixture(scope="module")
def probe(start_node, start_memory, make_probe, tmp_path_factory):
    """A camera in the map, with both nodes; the vocabulary has no cup."""
    segmenter = start_node(
        "model:=mini", "vocabulary:=[door]", "target_frame:=map", "features_rate_hz:=10.0", "depth_wait_s:=5.0"
    )
    start_memory("segmenter_timeout_s:=60.0", folder=tmp_path_factory.mktemp("together"))
    probe = make_probe(segmenter)
    probe.infos = probe.node.create_publisher(CameraInfo, "camera_info", 10)
    probe.depths = probe.node.create_publisher(Image, "depth", 10)
    static = probe.node.create_publisher(TFMessage, "/tf_static", LATCHED)
    static.publish(TFMessage(transforms=[transform("map", "camera")]))
    probe.wait_until_active()
    for publisher in (probe.infos, probe.depths, static):
        probe.wait_for(lambda publisher=publisher: publisher.get_subscription_count() > 0, "the node's subscriptions")
    probe.statuses = probe.collect(DiagnosticArray, "/diagnostics")
    return probe


def show_coffee(probe) -> None:
    """Publish the photo with its depth: all of it stands two metres away."""
    picture = cv2.resize(cv2.imread(str(PHOTO))[..., ::-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    message = raw_message(picture)
    message.header.stamp, message.header.frame_id = probe.node.get_clock().now().to_msg(), "camera"
    probe.infos.publish(info_message(message.header))
    probe.depths.publish(depth_message(message.header, flat(DEPTH_M)))
    probe._image_pub("").publish(message)


def keyframes(probe) -> str:
    ours = [each for array in probe.statuses for each in array.status if each.name.endswith("memory: memory")]
    return {pair.key: pair.value for pair in ours[-1].values}["keyframes"] if ours else ""


def test_an_object_seen_with_another_vocabulary_is_found_by_its_word(probe):
    timer = probe.node.create_timer(0.5, lambda: show_coffee(probe))
    probe.wait_for(lambda: keyframes(probe) == "1", "a keyframe")
    probe.node.destroy_timer(timer)
    response = probe.call(Find, "memory/find", class_name="cup: coffee cup, cup", against=["wall", "floor"])
    assert response.success, response.message
    assert response.places, response.message
    x, y, z = positions(response)[0]
    assert x == pytest.approx(PLACE[0] + DEPTH_M, abs=0.06)  # half a voxel, and rounding
    # the cup fills the middle of the photo
    middle = to_map((0.0, 0.0, DEPTH_M))
    assert (y, z) == pytest.approx(tuple(middle[1:]), abs=0.5)
    assert response.places[0].confidence > 0.5
    view = probe.call(RememberedView, "memory/view", id=response.places[0].id)
    assert view.success, view.message
    assert (view.view.header.frame_id, view.seen_from.pose.position.z) == ("camera", PLACE[2])

    absent = probe.call(Find, "memory/find", class_name="bicycle", against=["wall", "floor"])
    assert absent.success, absent.message
    assert not absent.places, absent.message
