# SPDX-License-Identifier: Apache-2.0
"""Frames whose parents change or close a circle, and clocks that go back."""

import time

import pytest
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from tf_end import LONG_S, at, complaint, place


def test_a_loop_of_parents_is_refused_at_once_with_its_frames(tf):
    for parent, child in (("base", "camera"), ("odom", "base"), ("map", "odom"), ("base", "map")):
        tf.move(parent, child, at(1))
    tf.settle()
    for source in ("camera", "base"):
        sentence = complaint(tf, "map", source, at(1), LONG_S)
        assert "circle, 'base' to 'odom' to 'map' to 'base'; stop one" in sentence
    assert "circle" in complaint(tf, "map", "camera", None)


@pytest.mark.parametrize("wrong_s", [0.5, 1.0, 1.5, 90.0])
def test_a_single_message_that_closes_a_loop_does_no_harm_at_other_stamps(tf, wrong_s):
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


def test_a_wrong_parent_holds_until_the_right_one_is_published_again(tf):
    tf.move("odom", "base", at(1))
    tf.move("base", "camera", at(1))
    tf.move("camera", "base", at(2))
    tf.settle()
    complaint(tf, "odom", "base", at(2))
    for seconds in (3.0, 4.0):
        tf.move("odom", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "odom", "base", at(3.5), 0) == pytest.approx([3.5, 0, 0])


def test_a_new_parent_holds_from_its_stamp_on(tf):
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


def test_a_stamp_at_which_the_frames_were_not_connected_is_refused(tf):
    tf.fix("map", "odom", 0)
    for parent, seconds in (("elsewhere", 1.0), ("elsewhere", 2.0), ("odom", 3.0), ("odom", 4.0)):
        tf.move(parent, "base", at(seconds))
    tf.settle()
    assert "the parents that they had then do not join them" in complaint(tf, "map", "base", at(1.5), LONG_S)
    assert place(tf, "map", "base", at(3.5), 0) == [0, 0, 0]


def test_stamps_of_a_loop_that_has_ended_are_refused(tf):
    for parent, child, seconds in (("base", "odom", 1), ("base", "odom", 2), ("odom", "base", 1), ("odom", "base", 2)):
        tf.move(parent, child, at(seconds))
    for parent, child, seconds in (("map", "odom", 3), ("odom", "base", 3), ("map", "odom", 4), ("odom", "base", 4)):
        tf.move(parent, child, at(seconds))
    tf.settle()
    assert "the parents that they had then do not join them" in complaint(tf, "map", "base", at(1.5), LONG_S)
    assert place(tf, "map", "base", at(3.5), 0) == [0, 0, 0]


def test_a_frame_may_change_from_static_to_moving_and_back(tf):
    tf.fix("map", "base", 0, (1, 0, 0))
    tf.settle()
    tf.move("map", "base", at(1), (2, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(1), 0) == [2, 0, 0]
    complaint(tf, "map", "base", at(2))
    tf.fix("map", "base", 0, (3, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(2), 0) == [3, 0, 0]


def test_clearing_forgets_moving_transforms_and_keeps_static_ones(tf):
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


def test_a_clock_that_jumps_back_clears_the_moving_transforms(tf):
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
