# SPDX-License-Identifier: Apache-2.0
"""Lookups that have no answer, and transforms that are none: the sentence says which and why."""

import math
import threading
import time

import pytest
import rclpy
from rcl_interfaces.msg import Log
from tf_end import LONG_S, NS, at, complaint, place


def test_an_unknown_frame_is_refused_with_the_known_ones(tf):
    assert "nothing on /tf or /tf_static names 'camera'" in complaint(tf, "map", "camera", at(1))
    tf.fix("base", "camera", 0)
    tf.settle()
    sentence = complaint(tf, "map", "camera", at(1))
    assert "names 'map', only base, camera, mark_" in sentence
    assert "check the name" in sentence


def test_frames_of_two_trees_are_refused_with_both_roots(tf):
    tf.fix("base", "camera", 0)
    tf.move("map", "odom", at(1))
    tf.settle()
    assert "trees of their own, below 'base' and 'map'" in complaint(tf, "odom", "camera", at(1))
    assert "trees of their own, below 'base' and 'map'" in complaint(tf, "odom", "camera", None)


def test_a_stamp_after_the_newest_is_refused(tf):
    for seconds in (1.0, 2.0):
        tf.move("map", "odom", at(seconds), (seconds, 0, 0))
        tf.move("odom", "base", at(seconds + 0.5))
    tf.settle()
    sentence = complaint(tf, "map", "base", at(2.25))
    assert "is 0.250 s earlier, and TF is not extrapolated" in sentence
    assert f"at {at(2.25) / NS:.3f} s:" in sentence
    assert place(tf, "map", "base", at(2.0), 0)[0] == 2.0


def test_a_stamp_before_the_oldest_is_refused_at_once(tf):
    for seconds in (1.0, 2.0):
        tf.move("map", "base", at(seconds))
    tf.settle()
    began = time.monotonic()
    sentence = complaint(tf, "map", "base", at(0.25), LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    assert "is 0.750 s later" in sentence
    assert "after waiting" not in sentence


def test_a_single_sample_holds_at_its_own_stamp_only(tf):
    tf.move("map", "base", at(1))
    tf.settle()
    assert place(tf, "map", "base", at(1), 0) == [0, 0, 0]
    assert "0.500 s earlier" in complaint(tf, "map", "base", at(1.5))
    assert "0.500 s later" in complaint(tf, "map", "base", at(0.5))


def test_samples_older_than_the_history_are_dropped(tf):
    for seconds in (0.0, 1.0, 10.5, 12.0):  # 10 s are kept; tf2 drops the outdated with the sample after
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.move("map", "base", at(12.1))
    tf.settle()
    assert "8.500 s later" in complaint(tf, "map", "base", at(2.0))
    assert place(tf, "map", "base", at(11), 0)[0] == pytest.approx(11)


def test_a_sample_that_is_older_than_the_history_is_ignored(tf):
    for seconds in (20.0, 21.0, 1.0):
        tf.move("map", "base", at(seconds), (seconds, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", None, 0) == [21, 0, 0]
    complaint(tf, "map", "base", at(1))


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
def test_an_invalid_transform_is_dropped_with_one_throttled_warning(tf, names, translation, rotation, words):
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


def test_a_leading_slash_is_removed_from_published_frames_and_refused_in_a_lookup(tf):
    tf.move("/map", "/base", at(1), (1, 0, 0))
    tf.settle()
    assert place(tf, "map", "base", at(1), 0) == [1, 0, 0]
    assert "'/base' starts with a slash" in complaint(tf, "map", "/base", at(1), LONG_S)
    assert "write 'map'" in complaint(tf, "/map", "base", at(1))


def test_a_lookup_without_a_frame_or_a_stamp_is_refused(tf):
    tf.move("map", "base", at(1))
    tf.settle()
    assert "a frame's name is empty" in complaint(tf, "map", "", at(1))
    assert "a frame's name is empty" in complaint(tf, "", "", at(1))
    assert "the stamp is not set" in complaint(tf, "map", "base", 0)  # to tf2 a 0 means the newest
