# SPDX-License-Identifier: Apache-2.0
"""Patch features beside the masks: for those who listen, at their rate, and nothing of it for nobody."""

from types import SimpleNamespace

import numpy as np
import pytest
from scripted_pipeline import PATCHES, Bench, depth_of, image
from talk2dino_msgs.msg import PatchFeatures

from talk2dino_ros.perception.patch_places import PatchPlaces
from talk2dino_ros.segmenter.feature_topic import FeatureTopic
from talk2dino_ros.segmenter.frames import SegmentedFrame
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.scene import Scene

SEGMENTER = SimpleNamespace(model=SimpleNamespace(name="mini"), feature_space="0123456789abcdef")


def test_while_nobody_listens_no_patch_is_asked_for_and_no_point_computed(monkeypatch):
    monkeypatch.setattr(Scene, "patch_places", lambda *_: pytest.fail("points of patches that nobody wants"))
    bench = Bench()
    for depth in bench.depths.values():
        depth.depth = depth_of(np.full((4, 6), 2.0))
    for _ in range(3):
        bench.process(front=image(), rear=image())
    assert bench.segmenter.patches_asked == [[False, False]] * 3
    assert {what for _, what in bench.whats()} == {"mask", "points"}
    assert bench.problems == []


def test_who_listens_to_one_camera_gets_its_features_after_all_else_and_the_other_camera_none():
    bench = Bench(features_encoding="int8")
    bench.rear.features.has_listener = bench.rear.has_cloud_listener = True
    bench.depths["rear"].depth = depth_of(np.full((4, 6), 2.0))
    bench.process(front=image(), rear=image())
    assert bench.segmenter.patches_asked == [[False, True]]
    assert bench.whats()[-3:] == [("rear", "points"), ("rear", "cloud"), ("rear", "features")]
    patches, places, encoding = bench.published[-1][2:]
    assert (patches, encoding) == (PATCHES, "int8")
    assert (places.target_frame, places.reason) == ("optical", "")
    np.testing.assert_allclose(places.points, [[0, 0, 2]], atol=1e-6)


def test_while_paused_nothing_is_segmented_so_there_are_no_features():
    bench = Bench()
    bench.front.features.has_listener = True
    bench.pipeline.enable(False)
    bench.process(front=image())
    assert bench.segmenter.patches_asked == []
    assert ("front", "features") not in bench.whats()


def test_features_that_fail_cost_the_image_nothing_else():
    bench = Bench()
    bench.front.features.has_listener = True

    def fail(*_):
        raise RuntimeError("the features cannot be published")

    bench.front.features.publish = fail
    bench.process(front=image())
    assert bench.whats() == [("front", "mask"), ("front", "points")]
    assert [reason for _, reason in bench.problems] == ["it is dark", "the features cannot be published"]


class StubPublisher:
    def __init__(self):
        self.readers, self.sent = 1, []

    def get_subscription_count(self):
        return self.readers

    def publish(self, message):
        self.sent.append(message)


class StubNode:
    def __init__(self):
        self.publisher = StubPublisher()

    def create_publisher(self, kind, topic, _qos):
        assert (kind, topic) == (PatchFeatures, "~/front/patch_features")
        return self.publisher


@pytest.fixture
def publisher():
    return StubPublisher()


@pytest.fixture
def topic(publisher):
    node = StubNode()
    node.publisher = publisher
    return FeatureTopic(node, "~/front/")


def received(at_s):
    header = PatchFeatures().header
    header.frame_id = "optical"
    return SegmentedFrame("front", SimpleNamespace(header=header), at_s, image(), result=None)


def due_times(topic, times_s, **parameters):
    """Publish what is due of images received at these times; return the times of those."""
    nowhere = PatchPlaces("", None, np.full((1, 3), np.nan, np.float32), "no TF")
    due = []
    for time_s in times_s:
        if topic.is_due(received(time_s), Parameters(**parameters)):
            due.append(time_s)
            topic.publish(received(time_s), PATCHES, nowhere, SEGMENTER, "fp16")
    return due


def test_features_go_out_at_most_at_their_rate_the_first_at_once(topic, publisher):
    assert due_times(topic, [100.0, 100.125, 100.25, 100.375, 100.5, 101.25], features_rate_hz=4.0) == [
        100.0,
        100.25,
        100.5,
        101.25,
    ]
    assert len(publisher.sent) == 4


def test_a_rate_of_0_is_never_and_one_above_the_cameras_is_always(topic):
    assert due_times(topic, [0.0, 5.0], features_rate_hz=0.0) == []
    assert due_times(topic, [0.0, 0.03, 0.06], features_rate_hz=100.0) == [0.0, 0.03, 0.06]


def test_a_listener_that_comes_and_goes_is_noticed(topic, publisher):
    publisher.readers = 0
    assert due_times(topic, [0.0, 1.0]) == []
    publisher.readers = 1
    assert due_times(topic, [2.0]) == [2.0]
    publisher.readers = 0
    assert due_times(topic, [3.0, 4.0]) == []


def test_the_message_names_the_image_the_model_and_the_space(topic, publisher):
    due_times(topic, [0.0])
    (message,) = publisher.sent
    assert (message.header.frame_id, message.model, message.feature_space) == ("optical", "mini", "0123456789abcdef")
    assert (message.image_height, message.image_width, message.no_position_reason) == (4, 6, "no TF")
