# SPDX-License-Identifier: Apache-2.0
"""Goal poses that the goal node publishes, as a process in a scripted world.

The robot is at the origin of the map and looks along x, unless a test says otherwise; a stand-off of 1 m is asked for.
"""

import math

import pytest
from nav_msgs.msg import OccupancyGrid
from scripted_world import close, place_of, stamped_ns, tracked
from talk2dino_msgs.msg import GoToState, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import GoTo


def test_a_goal_stands_in_front_of_the_object_and_faces_it(world):
    world.objects = [tracked(4.0, 3.0, z=0.7)]
    reply = world.go_to(stand_off_m=1.0)
    assert reply.success, reply.message
    assert reply.state.value == GoToState.SEEN
    world.wait_for(lambda: world.goals, "goal_pose")
    (goal,) = world.goals
    assert close(place_of(goal), (3.2, 2.4, math.atan2(3, 4)))  # 5 m away, so 4/5 of the way
    assert goal.header.frame_id == "map"
    assert reply.goal == goal
    assert (reply.id, reply.position.header) == (1, goal.header)
    assert close((reply.position.point.x, reply.position.point.y, reply.position.point.z), (4.0, 3.0, 0.7))
    world.wait_for(lambda: world.states[-1:] == [GoToState.SEEN], "the state")


def test_the_goal_carries_the_stamp_of_the_image(world):
    world.is_shown = False
    stamps = []

    def show() -> bool:
        stamps.append(world.now_ns())
        world.publish_tf(stamps[-1])
        world.publish_objects(stamps[-1], [tracked(2.0, 0.0)])
        return bool(world.goals)

    call = world.call_async(GoTo, "goal/go_to", class_name="cup")
    world.wait_for(show, "goal_pose")
    assert stamped_ns(world.goals[0]) in stamps
    assert world.result(call, "go_to").success


def test_objects_of_a_camera_are_placed_by_where_the_robot_was_at_their_stamp(world):
    world.is_shown = world.has_tf = False
    world.frame = "camera"
    call = world.call_async(GoTo, "goal/go_to", class_name="cup", stand_off_m=1.0)
    world.wait_for(lambda: world.states and world.states[-1] == GoToState.SEARCHING, "the search")
    driven_ns, told_ns = 10**8, world.now_ns()

    def show() -> bool:  # a robot that drives on after its image
        nonlocal told_ns
        stamp_ns = world.now_ns() - driven_ns
        if stamp_ns > told_ns:  # TF says nothing of this moment yet, should the node take the objects first
            told_ns = stamp_ns + driven_ns
            poses = {stamp_ns: (10.0, 0.0, math.pi / 2), told_ns: (10.0, 5.0, math.pi / 2)}
            world.publish_tf_of(poses)
            world.publish_objects(stamp_ns, [tracked(0.0, 0.0, z=2.5)])
        return bool(world.goals)

    world.wait_for(show, "goal_pose")
    # seen at (10, 0) looking along y: the object is 0.5 + 2.5 m ahead, at (10, 3); the robot is at (10, 5) now
    assert close(place_of(world.goals[0]), (10.0, 4.0, -math.pi / 2))
    assert world.result(call, "go_to").success


@pytest.mark.parametrize(("which", "number"), [(0, 2), (1, 1), (2, 3)])
def test_which_selects_the_nearest_the_most_confident_or_the_given_id(world, which, number):
    world.objects = [
        tracked(5.0, 0.0, number=1, confidence=0.95),
        tracked(-3.0, 0.0, number=2, confidence=0.65),
        tracked(9.0, 0.0, number=3, confidence=0.7),
        tracked(1.0, 0.0, number=4, name="dog", confidence=0.99),
        tracked(1.0, 0.0, number=5, state=TrackedObject.TENTATIVE, confidence=0.99),
        tracked(1.0, 0.0, number=6, has_position=False, confidence=0.99),
    ]
    reply = world.go_to(which=which, id=3 if which == 2 else 0)
    assert reply.success, reply.message
    assert reply.id == number


def test_a_moving_object_updates_the_goal(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(keep_looking=True, stand_off_m=1.0)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(4.1, 0.0)]  # within goal_tolerance_m
    world.wait_until_shown()
    assert world.updates == []
    world.robot = (0.0, 2.0, 0.0)  # where the robot drives moves no goal
    world.objects = [tracked(6.0, 0.0)]
    world.wait_for(lambda: world.updates, "goal_update")
    assert close(place_of(world.updates[-1]), (5.0, 0.0, 0.0))
    assert stamped_ns(world.updates[-1]) > stamped_ns(world.goals[0])
    assert len(world.goals) == 1
    world.robot = (5.0, 0.0, 0.0)
    assert world.result_of(handle).result.goal == world.updates[-1]


def test_without_keep_looking_the_goal_stays_although_the_object_moves(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(stand_off_m=1.0)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(6.0, 0.0)]
    world.wait_until_shown()
    assert world.updates == []
    world.robot = (3.0, 0.0, 0.0)
    assert world.result_of(handle).result.state.value == GoToState.REACHED


def test_another_object_of_the_class_replaces_one_that_is_gone_for_good(world, vary):
    vary("lost_timeout_s", 0.5)
    world.objects = [tracked(4.0, 0.0), tracked(0.0, 7.0, number=2)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(4.0, 0.0, state=TrackedObject.LOST), tracked(0.0, 3.0, number=2)]
    world.wait_for(lambda: world.is_in(GoToState.LOST), "the loss")
    assert world.feedback[-1].id == 1  # it may come back: the nearer one is not taken instead
    world.objects = [tracked(0.0, 3.0, number=2)]
    world.wait_for(lambda: world.feedback and world.feedback[-1].id == 2, "the other object")
    world.wait_for(lambda: len(world.goals) == 2, "goal_pose again, as for another object the planner begins anew")
    handle.cancel_goal_async()
    world.result_of(handle)


def test_invalid_messages_are_dropped_and_the_node_goes_on(world):
    """Stamps before all time, and bytes that are no message at all."""
    early = TrackedObjectArray(objects=[tracked(1.0, 0.0)])
    early.header.frame_id = "map"
    early.header.stamp.sec = -1
    costmap = OccupancyGrid()
    costmap.header.stamp.sec = -1
    for publisher, message in ((world._objects_pub, early), (world._costmap_pub, costmap)):
        publisher.publish(message)
    world.publish_tf(-(10**9))
    for publisher in (world._objects_pub, world._costmap_pub, world._tf_pub):
        publisher.publish(b"\x00\x01\x00\x00" + b"\xff" * 40)
    world.wait_for(lambda: world.process.output.count("was dropped: its stamp is -1 s") >= 2, "two sentences")
    world.objects = [tracked(4.0, 3.0)]
    assert world.go_to().success
    assert "Traceback" not in world.process.output, world.process.output
