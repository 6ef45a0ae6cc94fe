# SPDX-License-Identifier: Apache-2.0
"""What RViz is told to show of the memory is what its nodes publish: topics, types, quality of service, fields."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("talk2dino_msgs", reason="talk2dino_msgs is not built")

from rclpy.qos import DurabilityPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible

from talk2dino_ros.goal.goal_topics import GoalTopics
from talk2dino_ros.memory.memory_messages import HEAT_FIELDS
from talk2dino_ros.memory.memory_parameters import MemoryParameters
from talk2dino_ros.memory.memory_topics import MemoryTopics

FILE = Path(__file__).parents[2] / "rviz" / "memory.rviz"
FROM_ELSEWHERE = {"map"}  # Nav2's map server
DURABILITY = {"Transient Local": DurabilityPolicy.TRANSIENT_LOCAL, "Volatile": DurabilityPolicy.VOLATILE}
RELIABILITY = {"Reliable": ReliabilityPolicy.RELIABLE, "Best Effort": ReliabilityPolicy.BEST_EFFORT}
# What RViz's displays take (rviz_default_plugins).
MESSAGES = {"MarkerArray": "MarkerArray", "PointCloud2": "PointCloud2", "Pose": "PoseStamped", "Map": "OccupancyGrid"}


class Noted:
    """A node that notes what is published: by topic the type's name and the quality of service."""

    def __init__(self, name: str, published: dict) -> None:
        self._name = name
        self._published = published

    def create_publisher(self, kind, topic, qos):
        self._published[topic.replace("~", self._name)] = kind.__name__, qos


@pytest.fixture
def published():
    noted: dict = {}
    MemoryTopics(Noted("memory", noted))
    GoalTopics(Noted("goal", noted))
    return noted


def displays() -> dict[str, dict]:
    shown = yaml.safe_load(FILE.read_text())["Visualization Manager"]["Displays"]
    return {display["Topic"]["Value"]: display for display in shown if "Topic" in display}


def test_rviz_shows_places_heat_and_goal_as_they_are_published(published):
    assert set(displays()) == {"memory/places", "memory/heat", "goal_pose"} | FROM_ELSEWHERE
    for topic in displays().keys() - FROM_ELSEWHERE:
        kind, offered = published[topic]
        shown = displays()[topic]
        assert MESSAGES[shown["Class"].removeprefix("rviz_default_plugins/")] == kind
        wanted = QoSProfile(
            depth=shown["Topic"]["Depth"],
            durability=DURABILITY[shown["Topic"]["Durability Policy"]],
            reliability=RELIABILITY[shown["Topic"]["Reliability Policy"]],
        )
        assert qos_check_compatible(offered, wanted)[0] != QoSCompatibility.ERROR
        assert wanted.durability == offered.durability  # what was found before RViz came is shown as well


def test_the_heat_is_coloured_by_the_score_in_cells_of_the_voxels_size():
    heat = displays()["memory/heat"]
    assert (heat["Color Transformer"], heat["Channel Name"]) == ("Intensity", HEAT_FIELDS[-1].name)
    assert heat["Size (m)"] == MemoryParameters().voxel_m
    assert yaml.safe_load(FILE.read_text())["Visualization Manager"]["Global Options"]["Fixed Frame"] == "map"
