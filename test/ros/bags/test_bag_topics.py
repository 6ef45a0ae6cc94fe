# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from types import SimpleNamespace

import pytest

from talk2dino_ros.ros.bags.bag_reader import BagError
from talk2dino_ros.ros.bags.bag_topics import CAMERA_INFO, COMPRESSED, IMAGE, TF, CameraTopics, choose_topics, tf_topics


class ToldBag:
    """A bag's topics: an image's encoding or a compressed one's format, or a type."""

    path = Path("drive")

    def __init__(self, topics: dict[str, str]) -> None:
        self._topics = topics
        self.types = {
            topic: what if "/msg/" in what else COMPRESSED if topic.endswith("compressed") else IMAGE
            for topic, what in topics.items()
        }

    def first(self, topic):
        what = self._topics[topic]
        return SimpleNamespace(encoding=what, format=what) if what else None


REALSENSE = {
    "/camera/color/image_raw": "rgb8",
    "/camera/color/image_raw/compressed": "rgb8; jpeg compressed bgr8",
    "/camera/color/camera_info": CAMERA_INFO,
    "/camera/aligned_depth_to_color/image_raw": "16UC1",
    "/camera/aligned_depth_to_color/camera_info": CAMERA_INFO,
    "/tf": TF,
    "/robot/tf_static": TF,
    "/unused": "",
}
COLOUR, DEPTH = "/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw"
INFO, DEPTH_INFO = "/camera/color/camera_info", "/camera/aligned_depth_to_color/camera_info"


def test_one_camera_is_found_by_types_and_names():
    bag = ToldBag(REALSENSE)
    assert choose_topics(bag) == CameraTopics(COLOUR, DEPTH, INFO, DEPTH_INFO)
    assert tf_topics(bag) == ["/tf", "/robot/tf_static"]


def test_without_the_raw_image_the_compressed_one_is_taken():
    rest = {topic: what for topic, what in REALSENSE.items() if topic not in (COLOUR, DEPTH_INFO)}
    assert choose_topics(ToldBag(rest)) == CameraTopics(f"{COLOUR}/compressed", DEPTH, INFO)


def test_of_two_cameras_one_has_to_be_named():
    two = {**REALSENSE, "/rear/image": "bgr8", "/rear/camera_info": CAMERA_INFO}
    with pytest.raises(BagError, match=r"but /camera/color/image_raw, /rear/image; name one by --image-topic"):
        choose_topics(ToldBag(two))
    assert choose_topics(ToldBag(two), image="/rear/image").info == "/rear/camera_info"
    assert choose_topics(ToldBag(two), image="/rear/image", info=INFO).info == INFO


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ((DEPTH,), "no one topic that is the depth"),
        ((INFO, DEPTH_INFO), "no one topic that is the camera-info, and none of its type; record it too"),
    ],
)
def test_a_missing_topic_is_named(missing, sentence):
    with pytest.raises(BagError, match=sentence):
        choose_topics(ToldBag({topic: what for topic, what in REALSENSE.items() if topic not in missing}))
    with pytest.raises(BagError, match="has no transforms"):
        tf_topics(ToldBag({"/a": "rgb8"}))
