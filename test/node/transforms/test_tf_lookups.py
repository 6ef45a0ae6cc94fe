# SPDX-License-Identifier: Apache-2.0
"""Both listeners to TF, by tf2_ros and of our own, answer the same lookups alike, over real DDS."""

import math
import threading
import time

import numpy as np
import pytest
import rclpy
from scipy.spatial.transform import Rotation, Slerp
from spinning_thread import SpinningThread
from tf_end import LONG_S, QUARTER, TURN_LEFT, at, complaint, place

from talk2dino_ros.ros.tf.open_transforms import is_installed, open_transforms


def test_a_point_is_transformed_by_the_robots_pose_and_the_cameras_mount(tf):
    # the robot stands at (2, 1) and looks along the map's y; its camera is 0.5 m up and looks ahead, optical axes
    tf.fix("base", "camera", 0, (0.1, 0.0, 0.5), (-0.5, 0.5, -0.5, 0.5))
    tf.move("map", "base", at(1), (2.0, 1.0, 0.0), TURN_LEFT)
    transform = tf.transforms.lookup("map", "camera", at(1), LONG_S)
    # 3 m ahead and 1 m to the right of the camera, 0.2 m below it
    np.testing.assert_allclose(transform.apply(np.array([[1.0, 0.2, 3.0]])), [[3.0, 4.1, 0.3]], atol=1e-12)
    np.testing.assert_allclose(transform.inverse().apply(np.array([3.0, 4.1, 0.3])), [1.0, 0.2, 3.0], atol=1e-12)
    assert transform.stamp_ns == at(1)


def test_frames_of_two_branches_are_joined_by_their_common_parent(tf):
    tf.fix("base", "left", 0, (0.0, 1.0, 0.0))
    tf.fix("base", "right", 0, (0.0, -1.0, 0.0), TURN_LEFT)
    tf.move("map", "base", at(1), (5.0, 0.0, 0.0))
    assert place(tf, "right", "left", at(1)) == pytest.approx([2.0, 0.0, 0.0])
    assert place(tf, "right", "map", at(1)) == pytest.approx([1.0, 5.0, 0.0])


def test_between_two_stamps_translations_are_interpolated_linearly_and_rotations_by_slerp(tf):
    rotations = Rotation.from_euler("xyz", [[0.1, -0.4, 0.3], [1.0, 0.7, 2.9]])
    for seconds, shift, turn in zip((1.0, 2.0), ((0, 0, 0), (4, 8, -2)), rotations.as_quat(), strict=True):
        tf.move("map", "base", at(seconds), shift, turn)
    tf.settle()
    for share in (0.0, 0.125, 0.75, 1.0):
        transform = tf.transforms.lookup("map", "base", at(1 + share))
        np.testing.assert_allclose(transform.translation, [4 * share, 8 * share, -2 * share], atol=1e-9)
        expected = Slerp([0.0, 1.0], rotations)(share).as_matrix()
        np.testing.assert_allclose(transform.rotation, expected, atol=1e-9)


def test_rotations_are_interpolated_the_short_way_round(tf):
    tf.move("map", "base", at(1), (0, 0, 0), (0, 0, 0, 1))
    tf.move("map", "base", at(2), (0, 0, 0), (0, 0, -QUARTER, -QUARTER))  # the same turn as TURN_LEFT
    assert tf.transforms.lookup("map", "base", at(1.5), LONG_S).yaw == pytest.approx(math.pi / 4)


def test_stamps_are_exact_to_the_nanosecond(tf):
    for nanoseconds, x in ((0, 0.0), (100, 1.0), (200, 0.0)):
        tf.move("map", "base", at(1) + nanoseconds, (x, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(1) + 50, 0)[0] == pytest.approx(0.5)
    assert place(tf, "map", "base", at(1) + 100, 0)[0] == 1.0


def test_samples_may_come_in_any_order(tf):
    for seconds in (3.0, 1.0, 2.0):
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(1.5), 0)[0] == pytest.approx(1.5)
    assert place(tf, "map", "base", at(2.5), 0)[0] == pytest.approx(2.5)


def test_the_newest_transform_is_at_the_newest_stamp_that_all_moving_frames_have(tf):
    tf.fix("base", "camera", 0, (0, 0, 1))
    for seconds in (1.0, 2.0, 3.0):
        tf.move("odom", "base", at(seconds), (seconds, 0, 0))
    for seconds in (1.0, 2.0):
        tf.move("map", "odom", at(seconds), (0, 10 * seconds, 0))
    tf.settle()
    transform = tf.transforms.lookup("map", "camera", None)
    assert transform.translation.tolist() == pytest.approx([2.0, 20.0, 1.0])
    assert transform.stamp_ns == at(2)
    assert tf.transforms.lookup("odom", "base", None).stamp_ns == at(3)
    assert tf.transforms.lookup("base", "camera", None).stamp_ns is None


def test_static_transforms_hold_at_any_stamp(tf):
    tf.fix("base", "camera", at(5), (0, 0, 1))
    assert place(tf, "base", "camera", at(-1000)) == [0, 0, 1]
    assert place(tf, "base", "camera", at(1000)) == [0, 0, 1]


def test_a_static_transform_that_is_published_again_replaces_the_one_before(tf):
    tf.fix("base", "camera", 0, (0, 0, 1))
    tf.fix("base", "camera", 0, (0, 0, 2))
    tf.settle()
    assert place(tf, "base", "camera", at(1), 0) == [0, 0, 2]


def test_static_transforms_from_before_the_listener_are_known(tf, context, request):
    tf.fix("base", "camera", 0, (0, 0, 1))
    make = request.node.callspec.params["tf"]
    late = rclpy.create_node("late", context=context, use_global_arguments=False)
    transforms = make(late)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(late)
    thread = SpinningThread(executor)
    try:
        assert transforms.lookup("base", "camera", at(1), LONG_S).translation.tolist() == [0, 0, 1]
    finally:
        thread.end()
        transforms.destroy()
        late.destroy_node()


def test_a_frame_in_itself_is_the_identity_also_without_tf(tf):
    transform = tf.transforms.lookup("camera", "camera", at(1))
    assert transform.apply(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 2.0, 3.0]


def test_a_quaternion_that_is_almost_normal_is_normalised(tf):
    tf.move("map", "base", at(1), (1, 0, 0), [1.004 * value for value in TURN_LEFT])
    transform = tf.transforms.lookup("map", "base", at(1), LONG_S)
    np.testing.assert_allclose(transform.rotation, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


def test_a_lookup_waits_in_its_thread_while_the_executor_receives(tf):
    tf.move("map", "base", at(1), (1, 0, 0))
    tf.settle()
    found = []
    waiter = threading.Thread(target=lambda: found.append(place(tf, "map", "base", at(1.5))))
    waiter.start()
    tf.move("map", "base", at(1.2), (1.2, 0, 0))
    tf.settle()
    assert not found
    tf.move("map", "base", at(2), (2, 0, 0))
    waiter.join(LONG_S)
    assert found == [pytest.approx([1.5, 0, 0])]


def test_a_frame_that_comes_late_is_waited_for(tf):
    found = []
    waiter = threading.Thread(target=lambda: found.append(place(tf, "map", "camera", at(1))))
    waiter.start()
    tf.fix("base", "camera", 0, (0, 0, 1))
    tf.settle()
    assert not found
    tf.move("map", "base", at(1), (1, 0, 0))
    waiter.join(LONG_S)
    assert found == [[1, 0, 1]]


def test_waiting_ends_after_the_timeout_with_the_sentence(tf):
    tf.move("map", "base", at(1))
    tf.settle()
    began = time.monotonic()
    sentence = complaint(tf, "map", "base", at(1.5), 0.2)
    assert 0.2 <= time.monotonic() - began < LONG_S
    assert "s after waiting 0.2 s: the newest moment known" in sentence


def test_a_callback_may_look_up_without_waiting(tf):
    tf.move("map", "base", at(1), (1, 0, 0))
    tf.settle()
    assert tf.in_executor(lambda: place(tf, "map", "base", at(1), 0)) == [1, 0, 0]
    assert "0.500 s earlier" in tf.in_executor(lambda: complaint(tf, "map", "base", at(1.5)))


def test_destroying_the_listener_ends_a_waiting_lookup(tf):
    sentences = []
    waiter = threading.Thread(target=lambda: sentences.append(complaint(tf, "map", "base", at(1), LONG_S)))
    waiter.start()
    began = time.monotonic()
    tf.in_executor(tf.transforms.destroy)
    waiter.join(LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    assert len(sentences) == 1


def test_destroying_the_listener_ends_its_subscriptions(tf):
    tf.in_executor(tf.transforms.destroy)
    names = {subscription.topic_name for subscription in tf.node.subscriptions}
    assert not names & {"/tf", "/tf_static"}


def test_tf2_ros_is_preferred_where_it_is_installed_and_the_log_says_which_is_used(context):
    node = rclpy.create_node("opened", context=context, use_global_arguments=False)
    lines = []
    node.get_logger().info = lines.append
    transforms = open_transforms(node)
    expected = "tf2_ros" if is_installed("tf2_ros") else "talk2dino_ros"
    assert transforms.source == expected
    assert lines == [f"Transforms between frames come from {expected}."]
    transforms.destroy()
    node.destroy_node()
