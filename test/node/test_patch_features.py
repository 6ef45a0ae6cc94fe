# SPDX-License-Identifier: Apache-2.0
"""Patch features and the vectors of words from one node: together they are the scores that the engine computes."""

import numpy as np
import pytest
from depth_camera import (
    CENTRE,
    DEPTH_M,
    FOCAL,
    HEIGHT,
    PLACE,
    QUATERNION,
    WIDTH,
    depth_message,
    flat,
    info_message,
    show,
    to_map,
    transform,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from probe import LATCHED, MANY, checkerboard, find, stamp_ns
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool
from talk2dino_msgs.msg import PatchFeatures
from talk2dino_msgs.srv import EncodeText, GetVocabulary
from tf2_msgs.msg import TFMessage

from talk2dino_ros.engine import load_segmenter

TOPIC, ENCODE = "talk2dino/patch_features", "talk2dino/encode_text"
WORDS = ["cup", "!wall", "dog: a dog, a puppy"]
HALF = 2**-11  # a half float's rounding, times vectors of length 1
OTHER_PROCESS = 1e-4  # float32 sums in another order


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "vocabulary:=[cup]",
        "background:=0.55",
        "target_frame:=map",
        "depth_wait_s:=5.0",
        "transform_timeout_s:=0.5",
        "features_rate_hz:=100.0",
        "autostart:=false",
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process)
    node = probe.node
    probe.early = probe.call(EncodeText, ENCODE, classes=WORDS)
    probe.infos = node.create_publisher(CameraInfo, "camera_info", 10)
    probe.depths = node.create_publisher(Image, "depth", 10)
    probe.static = node.create_publisher(TFMessage, "/tf_static", LATCHED)
    probe.static.publish(TFMessage(transforms=[transform("map", "camera")]))
    probe.early_while_loading = None
    for each in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        change = probe.call_async(ChangeState, "talk2dino/change_state", transition=Transition(id=each))
        while_loading = probe.call_async(EncodeText, ENCODE, classes=WORDS)
        assert probe.result(change, "the transition").success
        probe.early_while_loading = probe.early_while_loading or probe.result(while_loading, "words while loading")
    probe.wait_until_active()
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.features = probe.collect(PatchFeatures, TOPIC)
    for publisher in (probe.infos, probe.depths, probe.static):
        probe.wait_for(lambda publisher=publisher: publisher.get_subscription_count() > 0, "the node's subscriptions")
    probe.settle()
    probe.mask_of(checkerboard(HEIGHT, WIDTH), probe.masks)
    probe.wait_for(lambda: probe.features, "the first features")
    return probe


@pytest.fixture(scope="module")
def engine():
    return load_segmenter("mini", device="cpu")


def features_of(probe, depth=None, frame_id="camera"):
    """Publish an image with its camera_info and perhaps depth; return the message of its patches."""
    assert probe.set_parameter("depth_wait_s", 0.0 if depth is None else 5.0).successful
    header = show(probe, frame_id)
    probe.infos.publish(info_message(header))
    if depth is not None:
        probe.depths.publish(depth_message(header, depth))
    return probe.wait_for(lambda: find(probe.features, Time.from_msg(header.stamp).nanoseconds), "the features")


def decoded(message):
    """float64 [h * w, D], as the message's text says."""
    shape = message.height * message.width, message.dimensions
    if message.encoding == "fp16":
        return np.frombuffer(message.data, "<f2").reshape(shape).astype(np.float64)
    return np.frombuffer(message.data, np.int8).reshape(shape) * np.array(message.scales, np.float64)[:, None]


def vectors_of(reply):
    return np.reshape(np.array(reply.vectors, np.float64), (len(reply.names), reply.dimensions))


def test_words_before_and_while_the_model_loads_are_answered(probe):
    assert not probe.early.success
    assert probe.early.message.startswith("the node is not configured, expected it inactive or active; configure it")
    late = probe.early_while_loading
    assert late.success or late.message.startswith("the node is not configured")


def test_the_words_are_the_engines_vectors_and_what_a_decision_needs(probe, engine):
    reply = probe.call(EncodeText, ENCODE, classes=WORDS)
    assert reply.success, reply.message
    assert (list(reply.names), reply.dimensions) == (["cup", "wall", "dog"], engine.model.embedding_size)
    assert (reply.model, reply.feature_space) == ("mini", engine.feature_space)
    np.testing.assert_allclose(vectors_of(reply), engine.encode_vocabulary(WORDS).embeddings, atol=1e-5)
    assert (reply.background, reply.logit_scale) == (np.float32(0.55), np.float32(1 / 0.07))
    assert reply.seconds > 0


@pytest.mark.parametrize("encoding", ["int8", "fp16"])
def test_features_times_vectors_are_the_scores_within_the_formats_rounding(probe, engine, encoding):
    assert probe.set_parameter("features_encoding", encoding).successful
    message = features_of(probe)
    vectors = vectors_of(probe.call(EncodeText, ENCODE, classes=WORDS))
    seen = engine.segment(checkerboard(HEIGHT, WIDTH), engine.encode_vocabulary(WORDS), return_scores=True)
    assert (message.encoding, message.height, message.width) == (encoding, *seen.scores.shape[1:])
    assert (message.model, message.feature_space) == ("mini", engine.feature_space)
    # a code is off by half a step at most, so a cosine by that times the sum of the word's values
    steps = np.array(message.scales)[:, None] / 2 * abs(vectors).sum(axis=1) if encoding == "int8" else 0
    found, expected = decoded(message) @ vectors.T, seen.scores.reshape(len(WORDS), -1).T
    assert np.all(abs(found - expected) <= steps + HALF + OTHER_PROCESS)
    if encoding == "int8":
        assert np.median(steps) < 0.05, "the bound says something"


@pytest.mark.parametrize("mode", ["slide", "aspect", "square"])
def test_patches_and_their_pixels_are_the_engines_with_every_input(probe, engine, mode):
    assert probe.set_parameter("input", mode).successful
    message = features_of(probe)
    segmenter, rgb = engine.with_options(input=mode), checkerboard(HEIGHT, WIDTH)
    patches = segmenter.segment(rgb, segmenter.encode_vocabulary(["cup"]), return_patches=True).patches
    assert (message.height, message.width, message.dimensions) == patches.features.shape
    assert (message.image_height, message.image_width) == (HEIGHT, WIDTH)
    np.testing.assert_allclose((message.patch_height, message.patch_width), patches.size, rtol=1e-6)
    np.testing.assert_allclose(message.centres, patches.centres.ravel(), rtol=1e-6)
    np.testing.assert_allclose(decoded(message), patches.features.reshape(-1, message.dimensions), atol=2e-3)


def points_in(message):
    return np.reshape(message.points, (-1, 3))


def test_points_are_in_the_map_on_the_rays_of_the_patches(probe):
    message = features_of(probe, flat())
    x, y = np.reshape(message.centres, (-1, 2)).T
    in_camera = DEPTH_M * np.column_stack(
        [(x - 0.5 - CENTRE[0]) / FOCAL, (y - 0.5 - CENTRE[1]) / FOCAL, np.ones(len(x))]
    )
    np.testing.assert_allclose(points_in(message), [to_map(point) for point in in_camera], atol=1e-4)
    assert (message.target_frame, message.no_position_reason) == ("map", "")
    position, orientation = message.sensor_pose.position, message.sensor_pose.orientation
    np.testing.assert_allclose((position.x, position.y, position.z), PLACE)
    found = np.array((orientation.x, orientation.y, orientation.z, orientation.w))
    assert abs(found @ QUATERNION) == pytest.approx(1.0)
    assert message.header.frame_id == "camera"
    assert bytes(message.jpeg[:2]) == b"\xff\xd8"


def test_patches_without_depth_have_no_point_and_the_others_have_one(probe):
    depth = flat()
    depth[:, : WIDTH // 2] = np.nan
    message = features_of(probe, depth)
    is_left = np.reshape(message.centres, (-1, 2))[:, 0] < WIDTH / 2
    np.testing.assert_array_equal(np.isnan(points_in(message)).all(axis=1), is_left)


def test_without_depth_all_points_are_nan_and_the_pose_is_there(probe):
    message = features_of(probe)
    assert np.isnan(points_in(message)).all()
    assert len(points_in(message)) == message.height * message.width
    assert message.target_frame == "map"
    assert "/robot/depth" in message.no_position_reason


def test_without_a_transform_all_points_are_nan_and_there_is_no_frame(probe):
    message = features_of(probe, flat(), frame_id="elsewhere")
    assert np.isnan(points_in(message)).all()
    assert message.target_frame == ""
    assert "'elsewhere'" in message.no_position_reason


def test_while_paused_nothing_is_published_and_afterwards_again(probe):
    assert probe.call(SetBool, "talk2dino/enable", data=False).success
    paused = stamp_ns(probe.mask_of(checkerboard(HEIGHT, WIDTH), probe.masks))
    assert probe.call(SetBool, "talk2dino/enable", data=True).success
    features_of(probe)
    assert find(probe.features, paused) is None


def test_a_reader_that_comes_and_goes_changes_nothing_for_the_next(probe):
    others = []
    subscription = probe.node.create_subscription(PatchFeatures, TOPIC, others.append, MANY)
    probe.wait_for(lambda: features_of(probe) and others, "features for both")
    probe.node.destroy_subscription(subscription)
    probe.mask_of(checkerboard(HEIGHT, WIDTH), probe.masks)
    assert features_of(probe).feature_space == others[-1].feature_space


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ([], "a vocabulary of 0 classes"),
        (["cup", "cup"], "occurs twice"),
        (["cup:"], "a blank prompt"),
        ([": a cup"], "a blank class name"),
    ],
)
def test_words_that_are_none_are_answered_by_one_sentence(probe, classes, sentence):
    reply = probe.call(EncodeText, ENCODE, classes=classes)
    assert not reply.success
    assert sentence in reply.message
    assert "expected" in reply.message
    assert (reply.message.count("\n"), len(reply.vectors), len(reply.names)) == (0, 0, 0)


def test_a_hundred_calls_at_once_are_answered_and_the_vocabulary_stays(probe):
    before = probe.call(GetVocabulary, "talk2dino/get_vocabulary")
    calls = [probe.call_async(EncodeText, ENCODE, classes=WORDS[: 1 + number % 3]) for number in range(100)]
    replies = [probe.result(call, "words") for call in calls]
    assert [reply.message for reply in replies if not reply.success] == []
    assert [len(reply.names) for reply in replies] == [1 + number % 3 for number in range(100)]
    assert repr(probe.call(GetVocabulary, "talk2dino/get_vocabulary")) == repr(before)
