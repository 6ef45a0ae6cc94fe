# SPDX-License-Identifier: Apache-2.0
"""Behaviours in a real tree that ticks, against the real segmenter and goal node."""

import time

import pytest
from node_process import DEADLINE_S
from robot_world import DEPTH_M
from scripted_world import place_of

from talk2dino_ros.client import go_to_run
from talk2dino_ros.client.connected_client import connected_client

py_trees = pytest.importorskip("py_trees", reason="py_trees is not installed")
from py_trees.common import Status  # noqa: E402

from talk2dino_ros.trees.behaviours import Find, GoTo, IsVisible  # noqa: E402


@pytest.fixture(scope="module")
def client(robot):
    with connected_client("tree", ["--ros-args", "-r", "__ns:=/agents"]) as client:
        yield client


@pytest.fixture
def grow():
    """Return a function that sets a tree up; it is shut down with the test."""
    trees = []

    def grow(root):
        trees.append(py_trees.trees.BehaviourTree(root))
        trees[-1].setup(timeout=10)
        return trees[-1]

    yield grow
    for tree in trees:
        tree.root.stop(Status.INVALID)
        tree.shutdown()


def tick_until(tree, condition, what):
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, f"waited in vain for {what}: {tree.tip().feedback_message}"
        tree.tick()
        time.sleep(0.05)


def place():
    return py_trees.blackboard.Blackboard.get("/found")


def test_a_tree_sees_finds_and_goes(client, robot, grow):
    find = Find("find", client, "cup", memory=False)
    go_to = GoTo("go", client, "cup", stand_off_m=1.0)
    seen = IsVisible("seen", client, "cup", min_confidence=0.5)
    tree = grow(py_trees.composites.Sequence("all", memory=True, children=[find, seen, go_to]))
    tick_until(tree, lambda: tree.root.status == Status.SUCCESS, "the end of the tree")
    assert place().point.x == pytest.approx(0.5 + DEPTH_M, abs=0.05)
    assert place().header.frame_id == "odom"
    assert "is in view" in seen.feedback_message
    robot.robot = (0.0, 0.0, 0.0)


def test_what_is_in_no_image_is_not_visible(client, grow):
    tree = grow(IsVisible("seen", client, "submarine"))
    tick_until(tree, lambda: "no region of" in tree.root.feedback_message, "an image")
    assert tree.root.status == Status.FAILURE


def test_what_is_not_seen_is_remembered(client, grow):
    tree = grow(Find("find", client, "mug"))
    tick_until(tree, lambda: tree.root.status == Status.SUCCESS, "the memory's answer")
    assert (place().point.x, place().point.y, place().header.frame_id) == (4.0, 1.0, "map")


def test_what_nobody_knows_is_given_up(client, grow):
    tree = grow(Find("find", client, "submarine", memory=False, timeout_s=0.1))
    tick_until(tree, lambda: tree.root.status == Status.FAILURE, "the end")


def test_a_go_to_follows_what_moves(client, robot, grow):
    robot.drives, moved_m, sent = False, 0.4, len(robot.goals)
    go_to = GoTo("go", client, "cup", stand_off_m=1.0, keep_looking=True)
    tree = grow(go_to)
    tick_until(tree, lambda: "is seen" in go_to.feedback_message, "the cup")
    goal = lambda: client.current_go_to.feedback.goal  # noqa: E731
    there = goal().pose.position.x + moved_m
    robot.put_view_at(DEPTH_M + moved_m)
    # goal_tolerance_m is 0.15, and the object's position a mean
    tick_until(tree, lambda: abs(goal().pose.position.x - there) < 0.2, "the goal to follow")
    tick_until(tree, lambda: len(robot.goals) > sent, "the first goal at the robot, another thread")
    assert (go_to.status, len(robot.goals)) == (Status.RUNNING, sent + 1)  # the rest is goal_update's
    assert "'cup' is seen (object " in go_to.feedback_message
    robot.put_view_at(0.5, place_of(goal()))  # the robot stands there: 1.0 m before it, the camera 0.5 m
    tick_until(tree, lambda: go_to.status == Status.SUCCESS, "the end")
    assert go_to.feedback_message == "the robot stands in front of 'cup'"
    robot.drives = True
    robot.put_view_at(DEPTH_M, (0.0, 0.0, 0.0))


def test_a_go_to_that_is_interrupted_is_cancelled(client, grow):
    go_to = GoTo("go", client, "unicorn", timeout_s=100.0)
    tree = grow(go_to)
    tick_until(tree, lambda: "looking for" in go_to.feedback_message, "the search")
    run = client.current_go_to
    tree.root.stop(Status.INVALID)
    assert go_to.status == Status.INVALID
    assert run.result.result(DEADLINE_S).message == "cancelled by the client of the action"


def test_a_goal_node_that_is_not_there_is_a_failure_with_a_sentence(robot, grow, monkeypatch):
    monkeypatch.setattr(go_to_run, "DISCOVERY_S", 0.1)
    with connected_client("lonely", ["--ros-args", "-r", "__ns:=/nobody"]) as lonely:
        tree = grow(GoTo("go", lonely, "cup"))
        tick_until(tree, lambda: tree.root.status == Status.FAILURE, "the end")
        assert "the goal node's action go is not there" in tree.root.feedback_message
