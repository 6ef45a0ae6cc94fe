# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from types import SimpleNamespace

import pytest

from talk2dino_ros.ros.bags.bag_reader import BagError
from talk2dino_ros.ros.bags.bag_topics import (
    CAMERA_INFO,
    COMPRESSED,
    IMAGE,
    TF,
    CameraTopics,
    TopicNames,
    camera_names,
    choose_cameras,
    find_cameras,
    tf_topics,
)


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
    assert choose_cameras(bag, TopicNames()) == ([CameraTopics(COLOUR, DEPTH, INFO, DEPTH_INFO)], [])
    assert tf_topics(bag) == ["/tf", "/robot/tf_static"]


def test_without_the_raw_image_the_compressed_one_is_taken():
    rest = {topic: what for topic, what in REALSENSE.items() if topic not in (COLOUR, DEPTH_INFO)}
    assert choose_cameras(ToldBag(rest), TopicNames())[0] == [CameraTopics(f"{COLOUR}/compressed", DEPTH, INFO)]


TWO = {
    "/robot/front/color/image_raw": "rgb8",
    "/robot/front/color/camera_info": CAMERA_INFO,
    "/robot/front/depth/image_raw": "16UC1",
    "/robot/rear/color/image_raw/compressed": "jpeg",
    "/robot/rear/color/camera_info": CAMERA_INFO,
    "/robot/rear/depth/image_raw/compressedDepth": "16UC1; compressedDepth png",
    "/robot/rear/depth/camera_info": CAMERA_INFO,
}
FRONT = CameraTopics("/robot/front/color/image_raw", "/robot/front/depth/image_raw", "/robot/front/color/camera_info")
REAR = CameraTopics(
    "/robot/rear/color/image_raw/compressed",
    "/robot/rear/depth/image_raw/compressedDepth",
    "/robot/rear/color/camera_info",
    "/robot/rear/depth/camera_info",
)


def test_all_cameras_with_depth_are_found_by_their_namespaces_and_those_without_are_told():
    assert choose_cameras(ToldBag(TWO), TopicNames()) == ([FRONT, REAR], [])
    with_eye = ToldBag({**TWO, "/eye/image": "bgr8", "/eye/camera_info": CAMERA_INFO})
    cameras, left_out = choose_cameras(with_eye, TopicNames())
    assert cameras == [FRONT, REAR]
    assert left_out == [
        "/eye/image has no depth in its namespace and is left out; name both by --image-topic and --depth-topic"
    ]


def test_named_cameras_have_the_depth_of_their_namespace_unless_another_is_named():
    bag = ToldBag(TWO)
    assert choose_cameras(bag, TopicNames([REAR.image]))[0] == [REAR]
    assert choose_cameras(bag, TopicNames([REAR.image, FRONT.image]))[0] == [REAR, FRONT]
    crossed = TopicNames([FRONT.image, REAR.image], [REAR.depth, FRONT.depth], [REAR.info, FRONT.info])
    assert [(each.image, each.depth, each.info) for each in choose_cameras(bag, crossed)[0]] == [
        (FRONT.image, REAR.depth, REAR.info),
        (REAR.image, FRONT.depth, FRONT.info),
    ]
    with pytest.raises(BagError, match=r"^--depth-topic is given 1 time, and another topic 2 times, .*; give as many$"):
        choose_cameras(bag, TopicNames([FRONT.image, REAR.image], [REAR.depth]))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        # an infrared image beside the colour one: the depth may be of both
        ({"/camera/infra1/image": "mono8"}, r"but /camera/color/image_raw, /camera/infra1/image; name one by --image-"),
        # depth that is not registered beside depth that is
        ({"/camera/depth/image": "16UC1"}, r"but /camera/aligned_\S+, /camera/depth/image; name one by --depth-topic"),
    ],
)
def test_what_may_belong_to_two_has_to_be_named(more, sentence):
    with pytest.raises(BagError, match=sentence):
        choose_cameras(ToldBag({**REALSENSE, **more}), TopicNames())
    named = choose_cameras(ToldBag({**REALSENSE, **more}), TopicNames([COLOUR], [DEPTH]))[0]
    assert named == [CameraTopics(COLOUR, DEPTH, INFO, DEPTH_INFO)]


def test_images_that_share_no_namespace_with_the_depth_have_to_be_named():
    bag = ToldBag({"/a/image": "rgb8", "/b/image": "rgb8", "/depth": "16UC1", "/a/camera_info": CAMERA_INFO})
    with pytest.raises(BagError, match=r"but /a/image, /b/image; name one by --image-topic"):
        choose_cameras(bag, TopicNames())
    named = TopicNames(["/a/image"])
    assert choose_cameras(bag, named)[0] == [CameraTopics("/a/image", "/depth", "/a/camera_info")]


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ((DEPTH,), "no one topic that is the depth"),
        ((INFO, DEPTH_INFO), "no one topic that is the camera-info, and none of its type; record it too"),
    ],
)
def test_a_missing_topic_is_named(missing, sentence):
    with pytest.raises(BagError, match=sentence):
        choose_cameras(ToldBag({k: what for k, what in REALSENSE.items() if k not in missing}), TopicNames())
    with pytest.raises(BagError, match="has no transforms"):
        tf_topics(ToldBag({"/a": "rgb8"}))


def test_cameras_are_found_with_what_they_have_and_without_what_they_lack():
    bag = ToldBag({**TWO, "/robot/top/image_raw": "rgb8", "/robot/top/camera_info": CAMERA_INFO, "/lone/image": "bgr8"})
    top, lone = CameraTopics("/robot/top/image_raw", "", "/robot/top/camera_info"), CameraTopics("/lone/image", "", "")
    found = find_cameras(bag, TopicNames())
    assert sorted(found, key=lambda each: each.image) == [lone, FRONT, REAR, top]
    assert lone.all == ["/lone/image"]


def test_named_cameras_are_taken_and_what_is_not_there_is_told():
    bag = ToldBag(TWO)
    assert find_cameras(bag, TopicNames(image=[REAR.image])) == [REAR]
    named = TopicNames(image=[FRONT.image], depth=[REAR.depth], info=[REAR.info])
    assert find_cameras(bag, named) == [CameraTopics(FRONT.image, REAR.depth, REAR.info, REAR.depth_info)]
    with pytest.raises(BagError, match=r"no topic /up for the depth, but .*/robot/front/depth/image_raw"):
        find_cameras(bag, TopicNames(image=[FRONT.image], depth=["/up"]))
    with pytest.raises(BagError, match=r"--depth-topic is given 2 times, and another topic 2 times|is given 1 time"):
        find_cameras(bag, TopicNames(image=[FRONT.image], depth=["/a", "/b"]))


def test_the_only_camera_has_the_only_camera_info_wherever_it_is():
    bag = ToldBag({"/image": "rgb8", "/elsewhere/camera_info": CAMERA_INFO})
    assert find_cameras(bag, TopicNames()) == [CameraTopics("/image", "", "/elsewhere/camera_info")]


def test_cameras_are_named_by_their_namespaces_the_only_one_not_at_all():
    assert camera_names([FRONT]) == [""]
    assert camera_names([FRONT, REAR]) == ["robot_front_color", "robot_rear_color"]
    twins = [CameraTopics("/cam/image", "", ""), CameraTopics("/cam/other", "", ""), CameraTopics("/1st/image", "", "")]
    assert camera_names(twins) == ["camera_1", "camera_2", "camera_3"]


def test_a_bag_without_images_is_told_with_what_there_is():
    with pytest.raises(BagError, match=r"drive has no topic with images, but /tf \(tf2_msgs/msg/TFMessage\); expected"):
        find_cameras(ToldBag({"/tf": TF}), TopicNames())
    with pytest.raises(BagError, match="has no topic with images, but nothing;"):
        find_cameras(ToldBag({}), TopicNames())
