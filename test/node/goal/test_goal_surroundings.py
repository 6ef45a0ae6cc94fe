# SPDX-License-Identifier: Apache-2.0
"""Costmaps, transforms and stamps, good and bad, and what the goal node makes of them."""

from scripted_world import close, frame_at, place_of, tracked
from talk2dino_msgs.msg import GoToState
from tf2_msgs.msg import TFMessage

FREE, WALL = 0, 100


def room() -> list[list[int]]:
    """8 m x 8 m of free floor, in cells of 0.1 m; cell (0, 0) belongs at (-1, -4)."""
    return [[FREE] * 80 for _ in range(80)]


def test_the_goal_avoids_obstacles_of_the_costmap_and_bad_costmaps_are_refused(make_world):
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
    assert world.go_to().success  # the good one before stays in use
    assert close(place_of(world.goals[-1])[:2], (3.35, 0.05))

    shifted = [[*row[1:], WALL] for row in walled]
    # odom is at x = 1 of the map: the same wall, one cell further, told in another frame
    world.publish_costmap(shifted, -1.8, -4.0, frame="odom")
    world.wait_for(
        lambda: world.go_to().success and close(place_of(world.goals[-1])[:2], (3.45, 0.05)),
        "a goal by the costmap in odom",
    )

    world.publish_costmap([[WALL] * 80 for _ in range(80)], -1.0, -4.0)
    world.wait_for(lambda: not world.go_to().success, "the full costmap")
    reply = world.go_to()
    assert reply.state.value == GoToState.NO_FREE_POSE
    assert "the costmap has no free cell" in reply.message


def test_missing_future_and_looping_transforms_fail_the_go_to_and_the_node_goes_on(make_world):
    world = make_world("/tfless", "lost_timeout_s:=0.5")
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
    assert world.go_to().success
    assert close(place_of(world.goals[-1])[:2], (4.0 - 0.8, 0.0))

    tf_pub = world.node.create_publisher(TFMessage, "/tf", 100)

    def close_the_circle() -> None:
        """Say so for a second before and after: as in tf2 a parent holds between its stamps, and at no other."""
        stamps_ns = (world.now_ns() + seconds * 10**9 for seconds in (-1, 1))
        tf_pub.publish(
            TFMessage(transforms=[frame_at("base_link", "map", (0.0, 0.0, 0.0), each) for each in stamps_ns])
        )

    world.node.create_timer(0.05, close_the_circle)

    def fails_for_the_loop() -> bool:
        reply = world.go_to(timeout_s=1.0)
        return not reply.success and "circle" in reply.message

    world.wait_for(fails_for_the_loop, "the loop, and an end of what was shown before")
    goals = len(world.goals)
    assert fails_for_the_loop()
    assert len(world.goals) == goals


def test_stamps_that_jump_back_lose_the_object_until_it_is_seen_again(make_world):
    world = make_world("/looped")
    world.wait_until_heard()
    world.objects = [tracked(4.0, 0.0, number=7)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects, world.offset_ns, world.is_shown = [], -3600 * 10**9, False
    world.wait_until_shown()  # TF first, of which nothing that was said before may come after the jump
    world.is_shown = True
    world.wait_for(lambda: world.is_in(GoToState.LOST), "the jump")
    assert "the clock went back by 3" in world.feedback[-1].message
    world.objects = [tracked(9.0, 0.0, number=8)]
    world.wait_for(lambda: world.updates, "goal_update")
    assert close(place_of(world.updates[-1])[:2], (8.2, 0.0))
    handle.cancel_goal_async()
    world.result_of(handle)
