# SPDX-License-Identifier: Apache-2.0
"""A circle of parents counts at the stamps at which all of them hold, which is what tf2's lookups climb by."""

import pytest

from talk2dino_ros.ros.tf.lookup import NotKnownError
from talk2dino_ros.ros.tf.samples import TransformSample
from talk2dino_ros.ros.tf.tree import FrameTree

S = 10**9


def tree_of(*links: tuple[str, str, float], static: tuple[tuple[str, str], ...] = ()) -> FrameTree:
    tree = FrameTree()
    for parent, child, seconds in links:
        tree.add(
            TransformSample(child, parent, round(seconds * S), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)), is_static=False
        )
    for parent, child in static:
        tree.add(TransformSample(child, parent, 0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)), is_static=True)
    return tree


def is_refused(tree: FrameTree, stamp_ns: int | None, *frames: str) -> bool:
    try:
        tree.refuse_circles(stamp_ns, *frames)
    except NotKnownError:
        return True
    return False


RIGHT = [("odom", "base", 1.0), ("odom", "base", 5.0), ("map", "odom", 1.0), ("map", "odom", 5.0)]


@pytest.mark.parametrize("stamp_s", [1.0, 2.9, 3.1, 5.0])
def test_a_single_wrong_message_counts_at_its_own_stamp_only(stamp_s):
    tree = tree_of(*RIGHT, ("base", "map", 3.0))
    assert is_refused(tree, 3 * S, "base", "map")
    assert not is_refused(tree, round(stamp_s * S), "base", "map")


def test_a_lasting_loop_is_reported_at_each_of_its_stamps():
    tree = tree_of(*RIGHT, ("base", "map", 2.0), ("base", "map", 4.0))
    assert [is_refused(tree, stamp_s * S, "base") for stamp_s in (1, 2, 3, 4, 5)] == [False, True, True, True, False]


def test_the_right_parent_ends_a_loop_at_once():
    tree = tree_of(("base", "camera", 1.0), ("camera", "base", 1.0))
    assert is_refused(tree, S, "base")
    tree = tree_of(("base", "camera", 1.0), ("camera", "base", 1.0), ("odom", "base", 2.0))
    assert not is_refused(tree, S, "base", "camera")


def test_a_loop_of_static_frames_is_always_reported():
    tree = tree_of(static=(("base", "camera"), ("camera", "base")))
    assert is_refused(tree, S, "base")
    assert is_refused(tree, None, "base")


def test_of_too_many_frames_the_one_that_was_named_longest_ago_goes(monkeypatch):
    monkeypatch.setattr("talk2dino_ros.ros.tf.tree.MOST_FRAMES", 3)
    tree = tree_of(
        ("map", "a", 1.0), ("map", "b", 1.0), ("map", "c", 1.0), ("map", "a", 2.0), static=(("a", "camera"),)
    )
    assert tree.make_room("a") == ""
    assert tree.make_room("d") == "b"
    assert tree.names() == {"map", "a", "c", "camera"}
    assert tree.make_room("d") == ""


def test_frames_that_do_not_move_are_never_forgotten_but_no_more_are_added(monkeypatch):
    monkeypatch.setattr("talk2dino_ros.ros.tf.tree.MOST_FRAMES", 2)
    tree = tree_of(("map", "base", 1.0), static=(("base", "a"), ("base", "b"), ("base", "a")))
    assert tree.no_room("a") == ""
    assert tree.no_room("new\n") == (
        "A transform of frame 'new\\n' was dropped: /tf_static has named 2 frames already; look for a publisher that "
        "makes up names."
    )
    tree.forget_moving()
    assert tree.names() == {"base", "a", "b"}
