# SPDX-License-Identifier: Apache-2.0
"""What the doctor says of ROS, from made-up graphs."""

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from talk2dino_ros.engine.doctor.health_finding import Level
from talk2dino_ros.segmenter.statistics import CameraStatistics
from talk2dino_ros.segmenter.transport.graph_findings import ros_sections
from talk2dino_ros.segmenter.transport.running_graph import GraphReport, HeardTopic
from talk2dino_ros.segmenter.transport.transport_verdict import TransportVerdict

FAST_DDS = "rmw_fastrtps_cpp"


def found(what, report=None, environment=None):
    """The findings of this name, in the setup or the graph."""
    sections = ros_sections(report or GraphReport(FAST_DDS), environment or {})
    return [each for section in sections for each in section.findings if each.what == what]


def test_distribution_middleware_and_domain_are_said():
    environment = {"ROS_DISTRO": "jazzy", "ROS_DOMAIN_ID": "7", "ROS_LOCALHOST_ONLY": "1"}
    said = [found(what, environment=environment)[0].said for what in ("ROS 2", "middleware", "discovery")]
    assert said == ["jazzy", FAST_DDS, "domain 7, range LOCALHOST"]


def test_a_shell_without_a_profile_is_told_when_one_is_needed():
    (transport,) = found("transport")
    assert transport.level is Level.NOTE
    assert "images above 0.52 MB need it where the camera's driver starts" in transport.said


@pytest.mark.parametrize(
    ("distribution", "variable"),
    [("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"), ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE")],
)
def test_a_profile_is_taken_from_the_variable_that_this_ros_reads(tmp_path, distribution, variable):
    environment = {"ROS_DISTRO": distribution, variable: str(tmp_path / "fastdds.xml")}
    (transport,) = found("transport", environment=environment)
    assert (transport.level, transport.remedy) == (Level.WRONG, "correct the path")
    (tmp_path / "fastdds.xml").touch()
    assert found("transport", environment=environment)[0].level is Level.OK


def test_another_middleware_has_no_profile():
    assert found("transport", GraphReport("rmw_connextdds")) == []


def heard(verdict):
    topic = HeardTopic("/image", "sensor_msgs/msg/Image", ("/camera (best effort)",), CameraStatistics(0.0))
    topic.rate, topic.image_size, topic.verdict = 9.7, (921600, "640x480 rgb8"), verdict
    topic.statistics.on_lost(3)
    return topic


def test_a_topic_is_said_with_its_publishers_rate_losses_and_size():
    (topic,) = found("/image", GraphReport(FAST_DDS, topics=(heard(TransportVerdict(True, "well", "images arrive")),)))
    assert (topic.level, topic.remedy) == (Level.OK, "")
    assert topic.said == ("from /camera (best effort): 9.7 images per second, 3 lost on their way, 640x480 rgb8")


def test_images_that_cannot_arrive_are_wrong_with_the_verdict_as_what_to_do():
    verdict = TransportVerdict(False, "lost", "images are lost; set the profile")
    (topic,) = found("/image", GraphReport(FAST_DDS, topics=(heard(verdict),)))
    assert (topic.level, topic.remedy) == (Level.WRONG, "images are lost; set the profile")


def test_a_running_nodes_diagnostics_are_repeated():
    statuses = (
        ("talk2dino: model", 0, "segmenting"),
        ("talk2dino: camera", 1, "no image on /image for 9 s: nobody publishes on /image; start the camera"),
    )
    report = GraphReport(FAST_DDS, nodes=("/talk2dino", "/other"), statuses=statuses)
    assert found("talk2dino: model", report)[0].level is Level.OK
    (camera,) = found("talk2dino: camera", report)
    assert camera.level is Level.WRONG
    assert camera.remedy == statuses[1][2]
    assert "wrote no /diagnostics" in found("/other", report)[0].said


def test_an_empty_graph_is_said_to_be_one():
    assert found("segmenter")[0].said == "none runs in this domain"
    assert found("images")[0].said == "nobody publishes any"
