# SPDX-License-Identifier: Apache-2.0
"""Both listeners to TF, by tf2_ros and by pytransform3d, answer the same questions alike, over real DDS."""

import math
import threading
import time

import numpy as np
import pytest
import rclpy
from rcl_interfaces.msg import Log
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation, Slerp
from tf_end import LONG_S, NS, TfEnd, at

from talk2dino_ros.ros.tf.open_transforms import is_installed, open_transforms
from talk2dino_ros.ros.tf.transforms import TransformError

QUARTER = math.sqrt(0.5)
TURN_LEFT = (0.0, 0.0, QUARTER, QUARTER)  # 90 degrees about z: x ahead becomes y


def tf2_ros(node):
    from talk2dino_ros.ros.tf.tf2_adapter import Tf2Transforms

    return Tf2Transforms(node)


def pytransform3d(node):
    from talk2dino_ros.ros.tf.pytransform3d_adapter import Pytransform3dTransforms

    return Pytransform3dTransforms(node)


@pytest.fixture(scope="module")
def context(_own_ros_network):
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


LISTENERS = (tf2_ros, pytransform3d)


def listener(make):
    missing = pytest.mark.skipif(not is_installed(make.__name__), reason=f"{make.__name__} is not installed")
    return pytest.param(make, id=make.__name__, marks=missing)


@pytest.fixture(params=map(listener, LISTENERS))
def tf(request, context):
    end = TfEnd(context, request.param)
    yield end
    end.destroy()


def place(tf: TfEnd, target: str, source: str, stamp_ns: int | None, timeout_s: float = LONG_S) -> list[float]:
    """Return where the origin of `source` is in `target`."""
    return tf.transforms.lookup(target, source, stamp_ns, timeout_s).translation.tolist()


def complaint(tf: TfEnd, target: str, source: str, stamp_ns: int | None, timeout_s: float = 0.0) -> str:
    """Return the sentence that refuses a lookup, after a look at its form."""
    with pytest.raises(TransformError) as caught:
        tf.transforms.lookup(target, source, stamp_ns, timeout_s)
    sentence = str(caught.value)
    assert sentence.startswith(f"No transform from frame '{source}' to frame '{target}' at ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_a_point_in_front_of_a_turned_robot_is_beside_the_map(tf):
    # the robot stands at (2, 1) and looks along the map's y; its camera is 0.5 m up and looks ahead, optical axes
    tf.fix("base", "camera", 0, (0.1, 0.0, 0.5), (-0.5, 0.5, -0.5, 0.5))
    tf.move("map", "base", at(1), (2.0, 1.0, 0.0), TURN_LEFT)
    transform = tf.transforms.lookup("map", "camera", at(1), LONG_S)
    # 3 m ahead and 1 m to the right of the camera, 0.2 m below it
    np.testing.assert_allclose(transform.apply(np.array([[1.0, 0.2, 3.0]])), [[3.0, 4.1, 0.3]], atol=1e-12)
    np.testing.assert_allclose(transform.inverse().apply(np.array([3.0, 4.1, 0.3])), [1.0, 0.2, 3.0], atol=1e-12)
    assert transform.stamp_ns == at(1)


def test_a_path_goes_up_from_one_frame_and_down_to_the_other(tf):
    tf.fix("base", "left", 0, (0.0, 1.0, 0.0))
    tf.fix("base", "right", 0, (0.0, -1.0, 0.0), TURN_LEFT)
    tf.move("map", "base", at(1), (5.0, 0.0, 0.0))
    assert place(tf, "right", "left", at(1)) == pytest.approx([2.0, 0.0, 0.0])
    assert place(tf, "right", "map", at(1)) == pytest.approx([1.0, 5.0, 0.0])


def test_frames_between_two_stamps_are_interpolated_straight_and_by_slerp(tf):
    rotations = Rotation.from_euler("xyz", [[0.1, -0.4, 0.3], [1.0, 0.7, 2.9]])
    for seconds, shift, turn in zip((1.0, 2.0), ((0, 0, 0), (4, 8, -2)), rotations.as_quat(), strict=True):
        tf.move("map", "base", at(seconds), shift, turn)
    tf.settle()
    for share in (0.0, 0.125, 0.75, 1.0):
        transform = tf.transforms.lookup("map", "base", at(1 + share))
        np.testing.assert_allclose(transform.translation, [4 * share, 8 * share, -2 * share], atol=1e-9)
        expected = Slerp([0.0, 1.0], rotations)(share).as_matrix()
        np.testing.assert_allclose(transform.rotation, expected, atol=1e-9)


def test_the_interpolation_turns_the_short_way_round(tf):
    tf.move("map", "base", at(1), (0, 0, 0), (0, 0, 0, 1))
    tf.move("map", "base", at(2), (0, 0, 0), (0, 0, -QUARTER, -QUARTER))  # the same turn as TURN_LEFT
    assert tf.transforms.lookup("map", "base", at(1.5), LONG_S).yaw == pytest.approx(math.pi / 4)


def test_stamps_count_to_the_nanosecond(tf):
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


def test_the_newest_is_the_newest_that_all_moving_frames_know(tf):
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


def test_static_frames_hold_at_any_stamp(tf):
    tf.fix("base", "camera", at(5), (0, 0, 1))
    assert place(tf, "base", "camera", at(-1000)) == [0, 0, 1]
    assert place(tf, "base", "camera", at(1000)) == [0, 0, 1]


def test_a_static_frame_that_is_published_again_is_moved(tf):
    tf.fix("base", "camera", 0, (0, 0, 1))
    tf.fix("base", "camera", 0, (0, 0, 2))
    tf.settle()
    assert place(tf, "base", "camera", at(1), 0) == [0, 0, 2]


def test_static_frames_from_before_the_listener_are_known(tf, context, request):
    tf.fix("base", "camera", 0, (0, 0, 1))
    make = request.node.callspec.params["tf"]
    late = rclpy.create_node("late", context=context, use_global_arguments=False)
    transforms = make(late)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(late)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        assert transforms.lookup("base", "camera", at(1), LONG_S).translation.tolist() == [0, 0, 1]
    finally:
        transforms.destroy()
        executor.shutdown()
        thread.join(LONG_S)
        late.destroy_node()


def test_a_frame_in_itself_is_the_identity_even_without_tf(tf):
    transform = tf.transforms.lookup("camera", "camera", at(1))
    assert transform.apply(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 2.0, 3.0]


def test_a_frame_that_tf_never_named_is_named_with_those_it_did(tf):
    assert "nothing on /tf or /tf_static names 'camera'" in complaint(tf, "map", "camera", at(1))
    tf.fix("base", "camera", 0)
    tf.settle()
    sentence = complaint(tf, "map", "camera", at(1))
    assert "names 'map', only base, camera, mark_" in sentence
    assert "check the name" in sentence


def test_frames_in_trees_of_their_own_are_said_to_be(tf):
    tf.fix("base", "camera", 0)
    tf.move("map", "odom", at(1))
    tf.settle()
    assert "trees of their own, below 'base' and 'map'" in complaint(tf, "odom", "camera", at(1))
    assert "trees of their own, below 'base' and 'map'" in complaint(tf, "odom", "camera", None)


def test_tf_is_not_extrapolated_ahead(tf):
    for seconds in (1.0, 2.0):
        tf.move("map", "odom", at(seconds), (seconds, 0, 0))
        tf.move("odom", "base", at(seconds + 0.5))
    tf.settle()
    sentence = complaint(tf, "map", "base", at(2.25))
    assert "is 0.250 s earlier, and TF is not extrapolated" in sentence
    assert f"at {at(2.25) / NS:.3f} s:" in sentence
    assert place(tf, "map", "base", at(2.0), 0)[0] == 2.0


def test_tf_is_not_extrapolated_backwards_and_that_is_not_waited_for(tf):
    for seconds in (1.0, 2.0):
        tf.move("map", "base", at(seconds))
    tf.settle()
    began = time.monotonic()
    sentence = complaint(tf, "map", "base", at(0.25), LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    assert "is 0.750 s later" in sentence
    assert "after waiting" not in sentence


def test_one_sample_holds_at_its_own_stamp_alone(tf):
    tf.move("map", "base", at(1))
    tf.settle()
    assert place(tf, "map", "base", at(1), 0) == [0, 0, 0]
    assert "0.500 s earlier" in complaint(tf, "map", "base", at(1.5))
    assert "0.500 s later" in complaint(tf, "map", "base", at(0.5))


def test_samples_older_than_the_history_are_gone(tf):
    for seconds in (0.0, 1.0, 10.5, 12.0):  # 10 s are kept; tf2 drops the outdated with the sample after
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.move("map", "base", at(12.1))
    tf.settle()
    assert "8.500 s later" in complaint(tf, "map", "base", at(2.0))
    assert place(tf, "map", "base", at(11), 0)[0] == pytest.approx(11)


def test_a_sample_from_before_the_history_changes_nothing(tf):
    for seconds in (20.0, 21.0, 1.0):
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", None, 0) == [21, 0, 0]
    complaint(tf, "map", "base", at(1))


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


def test_the_executor_itself_may_ask_without_waiting(tf):
    tf.move("map", "base", at(1), (1, 0, 0))
    tf.settle()
    assert tf.in_executor(lambda: place(tf, "map", "base", at(1), 0)) == [1, 0, 0]
    assert "0.500 s earlier" in tf.in_executor(lambda: complaint(tf, "map", "base", at(1.5)))


def test_a_circle_of_parents_is_named_and_not_waited_for(tf):
    for parent, child in (("base", "camera"), ("odom", "base"), ("map", "odom"), ("base", "map")):
        tf.move(parent, child, at(1))
    tf.settle()
    for source in ("camera", "base"):
        sentence = complaint(tf, "map", source, at(1), LONG_S)
        assert "circle, 'base' to 'odom' to 'map' to 'base'; stop one" in sentence
    assert "circle" in complaint(tf, "map", "camera", None)


@pytest.mark.parametrize("wrong_s", [0.5, 1.0, 1.5, 90.0])
def test_one_wrong_message_that_closes_a_circle_does_no_harm_after_its_stamp(tf, wrong_s):
    for seconds in (1.0, 2.0):
        tf.move("map", "odom", at(seconds), (10.0, 0, 0))
        tf.move("odom", "base", at(seconds), (seconds, 0, 0))
    tf.move("base", "map", at(wrong_s), (7.0, 7.0, 7.0))
    for seconds in (3.0, 4.0):
        tf.move("map", "odom", at(seconds), (10.0, 0, 0))
        tf.move("odom", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    for stamp_ns, x in ((at(3.5), 13.5), (at(1.25), 11.25), (None, 14.0)):
        assert place(tf, "map", "base", stamp_ns, 0) == pytest.approx([x, 0, 0])


def test_a_wrong_parent_counts_until_the_right_one_is_named_again(tf):
    tf.move("odom", "base", at(1))
    tf.move("base", "camera", at(1))
    tf.move("camera", "base", at(2))
    tf.settle()
    complaint(tf, "odom", "base", at(2))
    for seconds in (3.0, 4.0):
        tf.move("odom", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "odom", "base", at(3.5), 0) == pytest.approx([3.5, 0, 0])


def test_of_two_parents_the_newer_counts_from_its_stamp_on(tf):
    tf.fix("map", "odom", 0, (100, 0, 0))
    tf.fix("map", "other", 0, (200, 0, 0))
    for parent, seconds in (("odom", 1.0), ("odom", 2.0), ("other", 3.0), ("other", 4.0)):
        tf.move(parent, "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(3.5), 0)[0] == pytest.approx(203.5)
    assert place(tf, "map", "base", None, 0)[0] == 204.0
    assert place(tf, "map", "base", at(1.5), 0)[0] == pytest.approx(101.5)
    assert place(tf, "map", "base", at(2.5), 0)[0] == 102.0  # nothing is between two parents
    assert place(tf, "map", "base", at(3.0), 0)[0] == 203.0


def test_a_stamp_from_when_the_frames_were_not_joined_has_no_transform(tf):
    tf.fix("map", "odom", 0)
    for parent, seconds in (("elsewhere", 1.0), ("elsewhere", 2.0), ("odom", 3.0), ("odom", 4.0)):
        tf.move(parent, "base", at(seconds))
    tf.settle()
    assert "the parents that they had then do not join them" in complaint(tf, "map", "base", at(1.5), LONG_S)
    assert place(tf, "map", "base", at(3.5), 0) == [0, 0, 0]


def test_a_circle_that_was_ended_leaves_its_stamps_without_a_transform(tf):
    for parent, child, seconds in (("base", "odom", 1), ("base", "odom", 2), ("odom", "base", 1), ("odom", "base", 2)):
        tf.move(parent, child, at(seconds))
    for parent, child, seconds in (("map", "odom", 3), ("odom", "base", 3), ("map", "odom", 4), ("odom", "base", 4)):
        tf.move(parent, child, at(seconds))
    tf.settle()
    assert "the parents that they had then do not join them" in complaint(tf, "map", "base", at(1.5), LONG_S)
    assert place(tf, "map", "base", at(3.5), 0) == [0, 0, 0]


def test_a_frame_may_turn_from_static_to_moving_and_back(tf):
    tf.fix("map", "base", 0, (1, 0, 0))
    tf.settle()
    tf.move("map", "base", at(1), (2, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(1), 0) == [2, 0, 0]
    complaint(tf, "map", "base", at(2))
    tf.fix("map", "base", 0, (3, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(2), 0) == [3, 0, 0]


def test_when_the_clock_went_back_what_moved_is_forgotten_and_what_is_static_stays(tf):
    tf.fix("base", "camera", 0, (0, 0, 1))
    for seconds in (100.0, 101.0):
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    tf.transforms.clear()
    assert place(tf, "base", "camera", at(1), 0) == [0, 0, 1]
    assert "names 'map'" in complaint(tf, "map", "camera", at(100.5))
    assert "names 'map'" in complaint(tf, "map", "camera", None)
    for seconds in (1.0, 2.0):
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "map", "camera", at(1.5), 0) == pytest.approx([1.5, 0, 1])
    assert place(tf, "map", "camera", None, 0) == [2, 0, 1]
    complaint(tf, "map", "camera", at(100.5))


def test_a_clock_that_goes_back_has_it_cleared(tf):
    clock_pub = tf.robot.create_publisher(Clock, "/clock", 10)
    tf.node.set_parameters([Parameter("use_sim_time", value=True)])

    def set_clock(seconds: int) -> None:
        deadline = time.monotonic() + LONG_S
        while tf.node.get_clock().now().nanoseconds != at(seconds):
            clock_pub.publish(Clock(clock=Time(nanoseconds=at(seconds)).to_msg()))
            assert time.monotonic() < deadline
            time.sleep(0.01)

    set_clock(100)
    tf.move("map", "base", at(100), (1, 0, 0))
    tf.settle()
    set_clock(101)
    assert place(tf, "map", "base", at(100), 0) == [1, 0, 0]
    set_clock(50)
    tf.in_executor(lambda: None)  # the clock tells its listeners after it was set
    assert "names 'base'" in complaint(tf, "map", "base", at(100))


@pytest.mark.parametrize(
    ("names", "translation", "rotation", "words"),
    [
        (("map", "base"), (0, 0, 0), (0, 0, 0, 0), "the length 0 instead of 1"),
        (("map", "base"), (0, 0, 0), (0, 0, 1, 1), "the length 1.41 instead of 1"),
        (("map", "base"), (0, 0, 0), (0, 0, 0, math.nan), "a NaN or an infinity"),
        (("map", "base"), (0, math.nan, 0), (0, 0, 0, 1), "a NaN or an infinity"),
        (("map", "base"), (0, math.inf, 0), (0, 0, 0, 1), "a NaN or an infinity"),
        (("", "base"), (0, 0, 0), (0, 0, 0, 1), "name is empty"),
        (("map", ""), (0, 0, 0), (0, 0, 0, 1), "name is empty"),
        (("base", "/base"), (0, 0, 0), (0, 0, 0, 1), "cannot be its own parent"),
    ],
)
def test_a_transform_that_cannot_be_is_dropped_with_one_throttled_sentence(tf, names, translation, rotation, words):
    heard = []
    tf.executor.add_node(ear := rclpy.create_node("ear", context=tf.node.context, use_global_arguments=False))
    done = threading.Event()
    ear.create_subscription(Log, "/rosout", lambda log: (heard.append(log.msg), words in log.msg and done.set()), 100)
    while not ear.count_publishers("/rosout"):
        time.sleep(0.01)
    tf.move("map", "base", at(1), (1, 0, 0))
    for _ in range(3):
        tf.move(*names, at(2), translation, rotation)
        tf.fix(*names, at(2), translation, rotation)
    tf.settle()
    assert place(tf, "map", "base", None, 0) == [1, 0, 0]
    complaint(tf, "map", "base", at(2))
    assert done.wait(LONG_S), heard
    dropped = [message for message in heard if "dropped" in message]
    assert len(dropped) == 1, dropped
    assert dropped[0].startswith("A transform from frame '")
    assert not [message for message in heard if "TF_" in message]  # tf2's own complaints, one for each message
    tf.executor.remove_node(ear)
    ear.destroy_node()


def test_a_quaternion_that_is_almost_normal_is_normalised(tf):
    tf.move("map", "base", at(1), (1, 0, 0), [1.004 * value for value in TURN_LEFT])
    transform = tf.transforms.lookup("map", "base", at(1), LONG_S)
    np.testing.assert_allclose(transform.rotation, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


def test_a_leading_slash_is_taken_from_what_is_published_and_refused_in_a_question(tf):
    tf.move("/map", "/base", at(1), (1, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(1), 0) == [1, 0, 0]
    assert "'/base' starts with a slash" in complaint(tf, "map", "/base", at(1), LONG_S)
    assert "write 'map'" in complaint(tf, "/map", "base", at(1))


def test_questions_without_a_frame_or_a_stamp_are_refused(tf):
    tf.move("map", "base", at(1))
    tf.settle()
    assert "a frame's name is empty" in complaint(tf, "map", "", at(1))
    assert "a frame's name is empty" in complaint(tf, "", "", at(1))
    assert "the stamp is not set" in complaint(tf, "map", "base", 0)  # to tf2 a 0 means the newest


def test_the_end_of_listening_ends_the_waiting(tf):
    sentences = []
    waiter = threading.Thread(target=lambda: sentences.append(complaint(tf, "map", "base", at(1), LONG_S)))
    waiter.start()
    began = time.monotonic()
    tf.transforms.destroy()
    waiter.join(LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    assert len(sentences) == 1


def test_after_the_end_nothing_is_subscribed(tf):
    tf.transforms.destroy()
    names = {subscription.topic_name for subscription in tf.node.subscriptions}
    assert not names & {"/tf", "/tf_static"}


def test_tf2_ros_is_used_where_it_is_and_the_log_says_which(context):
    node = rclpy.create_node("opened", context=context, use_global_arguments=False)
    lines = []
    node.get_logger().info = lines.append
    transforms = open_transforms(node)
    expected = "tf2_ros" if is_installed("tf2_ros") else "pytransform3d"
    assert transforms.source == expected
    assert lines == [f"Transforms between frames come from {expected}."]
    transforms.destroy()
    node.destroy_node()
