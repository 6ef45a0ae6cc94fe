# SPDX-License-Identifier: Apache-2.0
"""The goal node as a process, in a scripted world: what it publishes, what it answers, how it ends.

The robot is at the origin of the map and looks along x, unless a test says otherwise; a stand-off of 1 m is asked for.
"""

import math
import os
import signal
import subprocess
import sys
import time

import pytest
from action_msgs.msg import GoalStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from nav_msgs.msg import OccupancyGrid
from node_process import DEADLINE_S, REPOSITORY, NodeProcess
from scripted_world import ScriptedWorld, frame_at, place_of, stamped_ns, tracked
from std_srvs.srv import Trigger
from talk2dino_msgs.msg import GoToState, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import GoTo
from tf2_msgs.msg import TFMessage

GOAL = "talk2dino_ros.goal.goal_main"
QUICK = (
    "lost_timeout_s:=0.5",
    "give_up_s:=1.5",
    "goal_update_rate_hz:=20.0",
    "transform_timeout_s:=0.5",
    "segmenter_timeout_s:=5.0",
    "feedback_period_s:=0.05",
)
FREE, WALL = 0, 100


@pytest.fixture(scope="module")
def context(_own_ros_network):
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture(scope="module")
def start_goal(_own_ros_network, tmp_path_factory):
    """Return a function that starts a goal node; all have to end well."""
    processes = []

    def start(*parameters: str, namespace: str = "/robot") -> NodeProcess:
        log = tmp_path_factory.mktemp("goal") / "log.txt"
        processes.append(NodeProcess([*QUICK, *parameters], namespace, log, GOAL))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture(scope="module")
def process(start_goal):
    return start_goal()


@pytest.fixture
def world(context, process):
    """A fresh world around the one node, without a go-to task from the test before."""
    world = ScriptedWorld(context, "/robot", process)
    world.wait_until_heard()
    yield world
    world.call(Trigger, "goal/cancel")
    world.destroy()


@pytest.fixture
def make_world(context, start_goal):
    """Return a function that makes a world around a node of its own; both end with the test."""
    made = []

    def make(namespace: str, *parameters: str, **options) -> ScriptedWorld:
        process = start_goal(*parameters, namespace=namespace)
        made.append(ScriptedWorld(context, namespace, process, **options))
        return made[-1]

    yield make
    for world in made:
        world.destroy()
        world.process.stop()


def close(found, expected) -> bool:
    return all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(found, expected, strict=True))


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


def test_no_message_of_any_topic_ends_the_node(world):
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

    def show() -> bool:  # a robot that drives on for a second after its image
        stamp_ns = world.now_ns() - 10**9
        world.publish_tf(stamp_ns, (10.0, 0.0, math.pi / 2))
        world.publish_tf(stamp_ns + 10**9, (10.0, 5.0, math.pi / 2))
        world.publish_objects(stamp_ns, [tracked(0.0, 0.0, z=2.5)])
        return bool(world.goals)

    world.wait_for(show, "goal_pose")
    # seen at (10, 0) looking along y: the object is 0.5 + 2.5 m ahead, at (10, 3); the robot is at (10, 5) now
    assert close(place_of(world.goals[0]), (10.0, 4.0, -math.pi / 2))
    assert world.result(call, "go_to").success


@pytest.mark.parametrize(("which", "number"), [(0, 2), (1, 1), (2, 3)])
def test_of_several_the_nearest_or_the_surest_or_the_one_with_the_id_is_meant(world, which, number):
    world.objects = [
        tracked(5.0, 0.0, number=1, confidence=0.95),
        tracked(-3.0, 0.0, number=2, confidence=0.5),
        tracked(9.0, 0.0, number=3, confidence=0.6),
        tracked(1.0, 0.0, number=4, name="dog", confidence=0.99),
        tracked(1.0, 0.0, number=5, state=TrackedObject.TENTATIVE, confidence=0.99),
        tracked(1.0, 0.0, number=6, has_position=False, confidence=0.99),
    ]
    reply = world.go_to(which=which, id=3 if which == 2 else 0)
    assert reply.success, reply.message
    assert reply.id == number


def test_a_word_that_the_vocabulary_lacks_is_asked_for_as_a_question_until_the_go_to_ends(world):
    world.objects = [tracked(3.0, 0.0, name="red mug")]
    before = list(world.classes)
    assert world.go_to("red mug: mug, cup that is red").success
    assert world.asked == [(["?red mug: mug, cup that is red"], [])]
    assert world.call(Trigger, "goal/cancel").success
    world.wait_for(lambda: world.asked[1:] == [([], ["?red mug"])], "the word's removal")
    assert world.classes == before


def test_a_go_to_that_ends_by_itself_takes_its_word_away(world):
    reply = world.go_to("unicorn", timeout_s=0.3)
    assert reply.state.value == GoToState.NEVER_SEEN
    world.wait_for(lambda: world.asked == [(["?unicorn"], []), ([], ["?unicorn"])], "the word's removal")


def test_another_go_to_takes_the_word_before_away_and_one_to_the_same_word_keeps_it(world):
    handle = world.send("unicorn")
    world.wait_for(lambda: world.asked == [(["?unicorn"], [])], "the question")
    world.send("Unicorn")
    assert world.result_of(handle).result.state.value == GoToState.CANCELLED
    last = world.send("dragon")
    world.wait_for(lambda: len(world.asked) == 3, "the other word, and the first one's removal")
    assert sorted(world.asked[1:]) == [([], ["?unicorn"]), (["?dragon"], [])]
    world.result(last.cancel_goal_async(), "the cancelling")
    world.wait_for(lambda: world.asked[-1] == ([], ["?dragon"]), "the last word's removal")


def test_a_word_that_is_known_is_not_added_again_and_stays(world):
    world.objects = [tracked(3.0, 0.0, name="dog")]
    world.classes.append("?cat")
    assert world.go_to("Dog").success
    assert world.go_to("cat", timeout_s=0.2).state.value == GoToState.NEVER_SEEN
    assert world.call(GoTo, "goal/go_to", class_name="wall").state.value == GoToState.NOT_IN_VOCABULARY  # has ended all
    assert world.asked == []


def test_a_node_that_is_told_to_end_takes_its_word_away(make_world, process, monkeypatch):
    world = make_world("/leaving")
    world.wait_until_heard()
    world.send("unicorn")
    world.wait_for(lambda: world.asked == [(["?unicorn"], [])], "the question")
    leaving = world.process
    monkeypatch.setattr(world, "process", process)  # the other may end while this waits
    os.kill(leaving.pid, signal.SIGINT)
    world.wait_for(lambda: world.asked[1:] == [([], ["?unicorn"])], "the word's removal")
    assert leaving.wait() == 0


def test_a_word_that_the_segmenter_refuses_is_not_in_the_vocabulary(world):
    world.refusal = "a vocabulary of 255 classes was asked for, expected 1 to 254"
    reply = world.go_to("unicorn")
    assert (reply.success, reply.state.value) == (False, GoToState.NOT_IN_VOCABULARY)
    assert world.refusal in reply.message
    world.wait_for(lambda: world.states[-1:] == [GoToState.NOT_IN_VOCABULARY], "the state")


def test_a_distractor_is_nothing_to_go_to(world):
    reply = world.go_to("wall")
    assert reply.state.value == GoToState.NOT_IN_VOCABULARY
    assert "'wall' is a distractor" in reply.message
    assert world.asked == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class_name": " "}, "blank class name"),
        ({"class_name": "!cup"}, "a name without a mark"),
        ({"which": 7}, "which is 7, expected one of 0 (NEAREST), 1 (MOST_CONFIDENT), 2 (BY_ID)"),
        ({"which": 2}, "id is 0"),
        ({"stand_off_m": -1.0}, "stand_off_m is -1"),
        ({"stand_off_m": 0.1}, "metres from robot_radius_m (0.25)"),
        ({"stand_off_m": math.nan}, "stand_off_m is nan"),
        ({"timeout_s": -2.0}, "timeout_s is -2, expected seconds above 0"),
        ({"timeout_s": math.inf}, "timeout_s is inf"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused_with_a_sentence(world, fields, words):
    reply = world.go_to(**{"class_name": "cup", **fields})
    assert (reply.success, reply.state.value) == (False, GoToState.FAILED)
    assert words in reply.message
    assert world.goals == []


def test_a_bad_request_does_not_end_the_go_to_task_under_way(world):
    world.objects = [tracked(3.0, 0.0)]
    handle = world.send()
    world.wait_for(lambda: world.goals, "goal_pose")
    assert not world.go_to(which=9).success
    world.robot = place_of(world.goals[0])
    assert world.result_of(handle).result.state.value == GoToState.REACHED


def test_a_word_that_is_never_seen_ends_in_time(world):
    world.objects = [tracked(3.0, 0.0, state=TrackedObject.TENTATIVE)]
    reply = world.go_to(timeout_s=0.4)
    assert (reply.success, reply.state.value) == (False, GoToState.NEVER_SEEN)
    assert reply.message == (
        "no goal for 'cup' in 0.4 s: 1 seen, not yet often enough to trust; turn the robot, use another word, or "
        "raise timeout_s"
    )
    assert world.goals == []


def test_an_id_that_is_not_there_is_said(world):
    world.objects = [tracked(3.0, 0.0, number=4)]
    reply = world.go_to(which=2, id=3, timeout_s=0.4)
    assert reply.state.value == GoToState.NEVER_SEEN
    assert "only others are there, with the ids [4]" in reply.message


def test_an_object_without_a_position_is_said(world):
    world.objects = [tracked(3.0, 0.0, has_position=False)]
    reply = world.go_to(timeout_s=0.4)
    assert reply.state.value == GoToState.FAILED
    assert "without a position; give the segmenter depth and camera_info" in reply.message


def test_a_position_that_is_no_number_is_no_position(world):
    world.objects = [tracked(math.nan, 0.0)]
    reply = world.go_to(timeout_s=0.4)
    assert "without a position" in reply.message
    assert world.goals == []


def test_a_segmenter_without_images_is_said(world):
    world.is_shown = False
    time.sleep(0.6)  # what was shown before is older than lost_timeout_s now
    reply = world.go_to(timeout_s=0.4)
    assert reply.state.value == GoToState.FAILED
    assert "no message on the topic of the objects" in reply.message


def test_a_segmenter_that_is_not_configured_is_said(world):
    world.version = 0
    reply = world.go_to()
    assert reply.state.value == GoToState.FAILED
    assert "has no vocabulary yet" in reply.message


def test_the_action_reports_and_ends_when_the_robot_is_there_and_faces_the_object(world):
    handle = world.send(keep_looking=True, stand_off_m=1.0)
    assert handle.accepted
    world.wait_for(lambda: GoToState.SEARCHING in world.feedback_states(), "feedback of the search")
    assert math.isnan(world.feedback[-1].distance_m)
    assert math.isnan(world.feedback[-1].unseen_s)
    world.objects = [tracked(4.0, 0.0)]
    world.wait_for(lambda: GoToState.SEEN in world.feedback_states(), "feedback of the goal")
    assert math.isclose(world.feedback[-1].distance_m, 3.0, abs_tol=1e-5)
    assert 0.0 <= world.feedback[-1].unseen_s < 1.0
    assert place_of(world.feedback[-1].goal)[0] == pytest.approx(3.0)
    world.robot = (2.8, 0.1, 1.0)  # near, and it looks aside
    world.wait_for(lambda: world.feedback and world.feedback[-1].distance_m < 0.3, "the robot on its way")
    assert handle.status == GoalStatus.STATUS_EXECUTING
    world.robot = (2.8, 0.1, 0.2)
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_SUCCEEDED, GoToState.REACHED)
    assert answer.result.id == 1
    course = [GoToState.SEARCHING, GoToState.SEEN, GoToState.REACHED]
    world.wait_for(lambda: world.states[-3:] == course, "the states")
    assert len(world.goals) == 1
    assert world.updates == []


def test_an_object_that_moves_takes_the_goal_along(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(keep_looking=True, stand_off_m=1.0)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(4.1, 0.0)]  # within goal_tolerance_m
    seen = len(world.feedback)
    world.wait_for(lambda: len(world.feedback) > seen + 5, "feedback")
    assert world.updates == []
    world.robot = (0.0, 2.0, 0.0)  # where the robot drives moves no goal
    world.objects = [tracked(6.0, 0.0)]
    world.wait_for(lambda: world.updates, "goal_update")
    assert close(place_of(world.updates[-1]), (5.0, 0.0, 0.0))
    assert stamped_ns(world.updates[-1]) > stamped_ns(world.goals[0])
    assert len(world.goals) == 1
    world.robot = (5.0, 0.0, 0.0)
    assert world.result_of(handle).result.goal == world.updates[-1]


def test_looking_once_keeps_the_goal_although_the_object_moves(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(stand_off_m=1.0)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(6.0, 0.0)]
    seen = len(world.feedback)
    world.wait_for(lambda: len(world.feedback) > seen + 10, "feedback")
    assert world.updates == []
    world.robot = (3.0, 0.0, 0.0)
    assert world.result_of(handle).result.state.value == GoToState.REACHED


def test_an_object_that_vanishes_is_lost_then_seen_again_then_given_up(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(4.0, 0.0, state=TrackedObject.LOST)]
    world.wait_for(lambda: world.is_in(GoToState.LOST), "the loss")
    assert "the last goal stands" in world.feedback[-1].message
    world.objects = [tracked(4.0, 0.0)]
    world.wait_for(lambda: world.is_in(GoToState.SEEN), "the object again")
    world.objects = []
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_ABORTED, GoToState.LOST)
    assert "given up" in answer.result.message
    assert len(world.goals) == 1


def test_another_object_of_the_class_is_taken_where_the_first_has_vanished_for_good(world):
    world.objects = [tracked(4.0, 0.0), tracked(0.0, 7.0, number=2)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(4.0, 0.0, state=TrackedObject.LOST), tracked(0.0, 3.0, number=2)]
    world.wait_for(lambda: world.is_in(GoToState.LOST), "the loss")
    assert world.feedback[-1].id == 1  # it may come back: the nearer one is not taken instead
    world.objects = [tracked(0.0, 3.0, number=2)]
    world.wait_for(lambda: world.feedback and world.feedback[-1].id == 2, "the other object")
    world.wait_for(lambda: world.updates, "goal_update")
    handle.cancel_goal_async()
    world.result_of(handle)


def test_the_client_of_the_action_cancels(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.result(handle.cancel_goal_async(), "the cancelling")
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_CANCELED, GoToState.CANCELLED)
    world.wait_for(lambda: world.states[-1:] == [GoToState.CANCELLED], "the state")


def test_the_service_cancels_also_a_go_to_that_still_waits(world):
    call = world.call_async(GoTo, "goal/go_to", class_name="cup")
    world.wait_for(lambda: world.states and world.states[-1] == GoToState.SEARCHING, "the search")
    assert world.call(Trigger, "goal/cancel").success
    reply = world.result(call, "go_to")
    assert (reply.success, reply.state.value) == (False, GoToState.CANCELLED)
    again = world.call(Trigger, "goal/cancel")
    assert not again.success
    assert again.message == "no go_to is under way"


def test_a_newer_go_to_ends_the_older(world):
    handle = world.send("dog", keep_looking=True)
    world.wait_for(lambda: world.feedback, "feedback")
    world.objects = [tracked(4.0, 0.0)]
    assert world.go_to("cup").success
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_ABORTED, GoToState.CANCELLED)
    assert "another go_to came, to 'cup'" in answer.result.message


def room() -> list[list[int]]:
    """8 m x 8 m of free floor, in cells of 0.1 m; cell (0, 0) belongs at (-1, -4)."""
    return [[FREE] * 80 for _ in range(80)]


def test_costmaps_decide_where_the_robot_may_stand(make_world):
    world = make_world("/mapped", "require_costmap:=true", "robot_radius_m:=0.2", "sight_margin_m:=0.0")
    world.wait_until_heard()
    world.objects = [tracked(4.05, 0.05)]
    reply = world.go_to(timeout_s=0.4)
    assert reply.state.value == GoToState.FAILED
    assert "no costmap has come on /mapped/costmap" in reply.message

    for changes, words in [
        ({"resolution": 0.0}, "resolution is 0"),
        ({"data": [0] * 10}, "has 10 values for 80 x 80 cells, expected 6400"),
        ({"frame": ""}, "no frame_id"),
    ]:
        world.publish_costmap(room(), -1.0, -4.0, **changes)
        world.wait_for(lambda words=words: words in world.process.output, words)
        reply = world.go_to(timeout_s=0.4)
        assert reply.state.value == GoToState.FAILED
        assert words in reply.message
    assert world.goals == []

    walled = room()
    for row in range(80):
        walled[row][40] = WALL  # x 3.0 .. 3.1, where the robot would stand
    world.publish_costmap(walled, -1.0, -4.0)
    world.wait_for(lambda: world.go_to(timeout_s=0.4).success, "the costmap")
    # the middles beyond the wall that keep 0.2 m + half a cell's diagonal from x = 3.05: from 3.35 on
    assert close(place_of(world.goals[-1])[:2], (3.35, 0.05))
    assert abs(place_of(world.goals[-1])[2]) < 1e-5

    world.publish_costmap(room(), -1.0, -4.0, data=[0] * 10)
    world.wait_for(lambda: world.process.output.count("has 10 values") > 1, "the second complaint")
    assert world.go_to(timeout_s=0.4).success  # the good one before stays in use
    assert close(place_of(world.goals[-1])[:2], (3.35, 0.05))

    shifted = [[*row[1:], WALL] for row in walled]
    # odom is at x = 1 of the map: the same wall, one cell further, told in another frame
    world.publish_costmap(shifted, -1.8, -4.0, frame="odom")
    world.wait_for(
        lambda: world.go_to(timeout_s=0.4).success and close(place_of(world.goals[-1])[:2], (3.45, 0.05)),
        "a goal by the costmap in odom",
    )

    world.publish_costmap([[WALL] * 80 for _ in range(80)], -1.0, -4.0)
    world.wait_for(lambda: not world.go_to(timeout_s=0.4).success, "the full costmap")
    reply = world.go_to(timeout_s=0.4)
    assert reply.state.value == GoToState.NO_FREE_POSE
    assert "the costmap has no free cell" in reply.message


def test_missing_future_and_looping_transforms_are_said_and_the_node_goes_on(make_world):
    world = make_world("/tfless")
    world.has_tf = False
    world.wait_until_heard()
    world.frame = "odom"
    world.objects = [tracked(3.0, 0.0)]
    reply = world.go_to(timeout_s=1.0)
    assert reply.state.value == GoToState.FAILED
    assert "No transform from frame 'odom' to frame 'map'" in reply.message

    world.publish_tf(world.now_ns() - 10**9)  # TF that stopped: the objects are in its future
    reply = world.go_to(timeout_s=1.0)
    assert reply.state.value == GoToState.FAILED
    assert "TF is not extrapolated" in reply.message
    assert world.goals == []

    world.has_tf = True
    assert world.go_to(timeout_s=5.0).success
    assert close(place_of(world.goals[-1])[:2], (4.0 - 0.8, 0.0))

    tf_pub = world.node.create_publisher(TFMessage, "/tf", 100)

    def close_the_circle() -> None:
        """Say so for a second before and after: as in tf2 a parent holds between its stamps, and at no other."""
        stamps_ns = (world.now_ns() + seconds * 10**9 for seconds in (-1, 1))
        tf_pub.publish(
            TFMessage(transforms=[frame_at("base_link", "map", (0.0, 0.0, 0.0), each) for each in stamps_ns])
        )

    world.node.create_timer(0.05, close_the_circle)
    world.objects = []
    world.wait_for(lambda: not world.go_to(timeout_s=0.3).success, "an end of what was shown before")
    world.objects = [tracked(3.0, 0.0)]
    goals = len(world.goals)

    def fails_for_the_loop() -> bool:
        reply = world.go_to(timeout_s=1.0)
        return not reply.success and "circle" in reply.message

    world.wait_for(fails_for_the_loop, "the loop", 20.0)
    assert len(world.goals) == goals


def test_a_robot_whose_place_is_not_known_is_said(make_world):
    world = make_world("/chassis", "base_frame:=chassis")
    world.wait_until_heard()
    world.objects = [tracked(3.0, 0.0)]
    reply = world.go_to(timeout_s=0.5)
    assert reply.state.value == GoToState.FAILED
    assert "'chassis'" in reply.message


def test_stamps_that_jump_back_lose_the_object_and_find_it_again(make_world):
    world = make_world("/looped", "lost_timeout_s:=20.0", "give_up_s:=30.0")
    world.wait_until_heard()
    world.objects = [tracked(4.0, 0.0, number=7)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects, world.offset_ns = [], -3600 * 10**9
    world.wait_for(lambda: world.is_in(GoToState.LOST), "the jump")
    assert "the clock went back by 3" in world.feedback[-1].message
    world.objects = [tracked(9.0, 0.0, number=8)]
    world.wait_for(lambda: world.updates, "goal_update")
    assert close(place_of(world.updates[-1])[:2], (8.2, 0.0))
    handle.cancel_goal_async()
    world.result_of(handle)


def test_a_segmenter_that_is_absent_is_said(make_world):
    world = make_world("/alone", "segmenter_timeout_s:=0.5", has_segmenter=False)
    world.wait_until_heard()
    reply = world.go_to()
    assert (reply.success, reply.state.value) == (False, GoToState.FAILED)
    assert reply.message == (
        "the service talk2dino/get_vocabulary is not there after 0.5 s; start the segmenter, or set the "
        "parameter segmenter to the name of its node"
    )


def test_without_add_words_an_unknown_word_is_refused(make_world):
    world = make_world("/fixed", "add_words:=false")
    world.wait_until_heard()
    reply = world.go_to("unicorn")
    assert reply.state.value == GoToState.NOT_IN_VOCABULARY
    assert "'unicorn' is not in the vocabulary (cup, dog, wall), and add_words is false" in reply.message
    assert world.asked == []


def test_whoever_listens_is_told_that_a_go_to_ends_with_the_node(make_world):
    world = make_world("/ending")
    world.objects = []
    world.wait_until_heard()
    world.call_async(GoTo, "goal/go_to", class_name="cup")
    # answered, too: an answer to a node that has ended meanwhile is an error of rclpy's in this world
    world.wait_for(lambda: world.looks and world.states and world.states[-1] == GoToState.SEARCHING, "the search")
    assert world.process.interrupt() == 0
    end_s = time.monotonic() + DEADLINE_S
    while world.states[-1] != GoToState.CANCELLED:
        assert time.monotonic() < end_s, world.states
        world._executor.spin_once(timeout_sec=0.05)


def test_the_node_does_without_the_networks_libraries():
    program = (
        "import sys, talk2dino_ros.goal.goal_node\n"
        "print(sorted({'numba', 'timm', 'torch', 'transformers'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert run.stdout.strip() == "[]"


def change(world, transition: int) -> bool:
    return world.call(ChangeState, "goal/change_state", transition=Transition(id=transition)).success


def test_a_lifecycle_manager_owns_the_node(make_world):
    world = make_world("/managed", "autostart:=false")
    early = world.go_to()
    assert (early.success, early.state.value) == (False, GoToState.FAILED)
    assert "activate it" in early.message
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert "activate it" in world.go_to().message
    assert change(world, Transition.TRANSITION_ACTIVATE)
    world.wait_until_heard()
    handle = world.send(keep_looking=True)
    call = world.call_async(GoTo, "goal/go_to", class_name="cup")
    assert world.result_of(handle).result.state.value == GoToState.CANCELLED  # the service came later
    assert change(world, Transition.TRANSITION_DEACTIVATE)
    reply = world.result(call, "go_to")
    assert reply.state.value == GoToState.CANCELLED
    assert "deactivated" in reply.message
    refused = world.result_of(world.send())
    assert (refused.status, refused.result.state.value) == (GoalStatus.STATUS_ABORTED, GoToState.FAILED)
    assert change(world, Transition.TRANSITION_CLEANUP)
    assert change(world, Transition.TRANSITION_CONFIGURE)
    assert change(world, Transition.TRANSITION_ACTIVATE)
    world.wait_until_heard()
    world.objects = [tracked(4.0, 0.0)]
    assert world.go_to().success


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("stand_off_m:=-1.0", "from 0.05 to 100.0"),
        ("give_up_s:=0.1", "raise give_up_s"),
        ("robot_radius_m:=2.0", "raise stand_off_m"),
        ("occupied_from:=0", "1 to 100"),
    ],
)
def test_a_wrong_start_prints_one_sentence_and_ends_with_1(start_goal, parameter, words):
    process = start_goal(parameter, namespace="/wrong")
    assert process.wait() == 1
    lines = [line for line in process.output.strip().splitlines() if not line.startswith("[INFO]")]
    assert len(lines) == 1, process.output
    (line,) = lines
    assert line.startswith("goal: ")
    assert words in line
