# SPDX-License-Identifier: Apache-2.0
"""What the node observes of a camera's images over time, and when it says what."""

import time
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from talk2dino_ros.segmenter.statistics import CameraStatistics
from talk2dino_ros.segmenter.transport import transport_check
from talk2dino_ros.segmenter.transport.transport_check import LISTED_S, LISTEN_S, TransportCheck, TransportWatch

TIMEOUT_S = 5.0


class Graph:
    """A node that sees what the test says, with a clock of the test's."""

    def __init__(self, monkeypatch):
        self.now_s = 100.0
        self.publishers = {}
        self.said = []
        self.listeners = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        self.camera = SimpleNamespace(
            topic="/front/image", message_type="sensor_msgs/msg/Image", is_streaming=True, image_size=None,
            image_qos=qos_profile_sensor_data, statistics=CameraStatistics(self.now_s),
        )  # fmt: skip
        self.camera.transport = TransportWatch(self, self.camera)
        self.check = TransportCheck(self, lambda: None)

    def publish(self, topic, *gids, node="driver", type_name="sensor_msgs/msg/Image"):
        self.publishers[topic] = [
            SimpleNamespace(
                node_namespace="/", node_name=node, topic_type=type_name, endpoint_gid=[gid] * 16,
                qos_profile=qos_profile_sensor_data,
            )
            for gid in gids
        ]  # fmt: skip

    def receive(self, count=1, lost=0):
        for _ in range(count):
            self.camera.statistics.on_received(self.now_s)
        self.camera.statistics.on_lost(lost)
        self.look()

    def look(self, after_s=0.0):
        self.now_s += after_s
        self.check.watch(self.camera, TIMEOUT_S)
        return self.camera.transport.verdict

    def get_publishers_info_by_topic(self, topic):
        return self.publishers.get(topic, [])

    def get_topic_names_and_types(self):
        return []

    def get_fully_qualified_name(self):
        return "/talk2dino"

    def create_service(self, *_):
        pass

    def create_subscription(self, message_type, topic, callback, _profile):
        assert (message_type, topic) == (CameraInfo, "/front/camera_info")
        self.listeners.append(callback)
        return callback

    def destroy_subscription(self, subscription):
        self.listeners.remove(subscription)

    def get_logger(self):
        return SimpleNamespace(info=self.said.append, warning=self.said.append)


@pytest.fixture
def graph(monkeypatch):
    graph = Graph(monkeypatch)
    graph.publish("/front/image", 1)
    return graph


def test_nothing_is_said_before_an_image_or_the_timeout(graph):
    assert graph.look(1.0) is None
    assert (graph.said, graph.listeners) == ([], [])


def test_the_first_image_is_logged_once(graph):
    graph.receive()
    graph.look(1.0)
    assert graph.said == ["images arrive on /front/image"]


def test_two_publishers_on_one_topic_are_named_and_one_that_was_killed_and_restarted_is_not(graph):
    """A killed camera is listed beside its successor for the 20 s of Fast DDS's lease."""
    graph.receive()
    (driver,) = graph.publishers["/front/image"]
    intruder = SimpleNamespace(**{**vars(driver), "node_name": "intruder", "endpoint_gid": [2] * 16})
    graph.publishers["/front/image"] = [driver, intruder]
    graph.receive()
    for _ in range(4):
        graph.now_s += 5.0
        graph.receive()
        assert graph.camera.transport.verdict.is_well
    graph.now_s += LISTED_S - 20.0 + 0.1
    graph.receive()
    verdict = graph.camera.transport.verdict
    assert (verdict.can_arrive, verdict.is_well, verdict.cause) == (True, False, "mixed")
    assert verdict.text.startswith("/driver, /intruder publish on /front/image, expected one publisher: ")
    assert "end all but one, or give each a camera of its own (the parameter cameras)" in verdict.text
    assert graph.said[-1] == verdict.text
    graph.publish("/front/image", 1)
    graph.receive()
    assert graph.camera.transport.verdict.cause == "well"


def test_silence_is_explained_once_camera_info_had_time_to_come(graph):
    assert graph.look(TIMEOUT_S + 0.1) is None
    assert len(graph.listeners) == 1
    assert graph.look(LISTEN_S - 0.2) is None
    assert graph.look(0.3).cause == "silent"
    graph.look(1.0)
    assert [text.partition(":")[0] for text in graph.said] == ["no image on /front/image for 7 s"]


def test_camera_info_of_the_same_node_without_an_image_shows_a_loss_and_gives_the_size(graph):
    graph.publish("/front/camera_info", 2, type_name="sensor_msgs/msg/CameraInfo")
    graph.look(TIMEOUT_S + 0.1)
    graph.listeners[0](CameraInfo(width=1280, height=720))
    verdict = graph.look(0.1)
    assert verdict.cause == "lost"
    assert "images of 1280x720 (by /front/camera_info, taken as rgb8) have 2.76 MB" in verdict.text


def test_a_camera_that_is_killed_while_its_images_were_lost_is_not_told_so_any_more(graph):
    """It is listed for seconds more, and the camera_info that was heard before says nothing of now."""
    graph.publish("/front/camera_info", 2, type_name="sensor_msgs/msg/CameraInfo")
    graph.look(TIMEOUT_S + 0.1)
    graph.listeners[0](CameraInfo(width=1280, height=720))
    assert graph.look(TIMEOUT_S - 0.1).cause == "lost"
    verdict = graph.look(0.2)
    assert verdict.cause == "silent"
    assert "neither an image nor its camera_info has been received in" in verdict.text
    assert "fastdds.xml" not in verdict.text


def test_camera_info_of_another_node_says_nothing_of_the_image(graph):
    """A rectifying node that hangs, beside a driver that runs."""
    graph.publish("/front/camera_info", 2, node="another", type_name="sensor_msgs/msg/CameraInfo")
    graph.look(TIMEOUT_S + 0.1)
    graph.listeners[0](CameraInfo(width=1280, height=720))
    assert graph.look(LISTEN_S).cause == "silent"


def test_listening_ends_with_the_silence(graph):
    graph.look(TIMEOUT_S + 0.1)
    graph.receive()
    assert graph.listeners == []


def test_images_of_an_earlier_publisher_say_nothing_of_a_new_one(graph):
    graph.receive(10)
    graph.publish("/front/image", 9)
    graph.look()
    graph.look(TIMEOUT_S + 0.1)
    assert "none has been received" in graph.look(LISTEN_S).text


def test_images_before_a_long_silence_still_count(graph):
    """After minutes of silence too the transport is not blamed for a camera whose images came."""
    graph.look()
    graph.receive(10)
    for _ in range(200):
        verdict = graph.look(1.0)
    assert "10 of its images have been received, the last 200 s ago" in verdict.text


def test_losses_count_from_the_last_minute_only(graph):
    graph.look()
    graph.receive(10, lost=10)
    assert graph.camera.transport.verdict.cause == "lost"
    for _ in range(61):
        graph.now_s += 1.0
        graph.receive(10)
    assert graph.camera.transport.verdict.cause == "well"


def test_a_deactivated_node_says_nothing(graph):
    graph.camera.is_streaming = False
    assert graph.look(60.0).can_arrive
    assert graph.said == []


def test_a_camera_that_comes_and_goes_is_logged_once_a_minute(graph):
    graph.look()
    for _ in range(5):
        graph.receive()
        graph.look(TIMEOUT_S + 0.1)
        graph.look(LISTEN_S)
    assert len(graph.said) == 2


def test_packets_dropped_at_one_image_of_ten_are_no_loss_and_at_each_are_one(monkeypatch, graph):
    dropped = 0
    monkeypatch.setattr(transport_check, "dropped_packets", lambda _middleware: dropped)
    graph.publish("/front/image", 1)
    for second in range(20):
        dropped += 400 * (second % 10 == 9)
        graph.receive()
        verdict = graph.look(after_s=1.0)
    assert verdict.is_well
    for _ in range(20):
        dropped += 400
        graph.receive()
        verdict = graph.look(after_s=1.0)
    assert verdict.cause == "lost"
    assert "8400 packets have been dropped" in verdict.text  # the first 400 are more than 60 looks old
