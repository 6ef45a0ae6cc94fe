# SPDX-License-Identifier: Apache-2.0
"""A robot is where TF says only while TF speaks: a go_to succeeded twelve seconds after its last word."""

from types import SimpleNamespace

import pytest

from talk2dino_ros.goal import surroundings
from talk2dino_ros.goal.pose_age import MOST_POSE_AGE_S, PoseAge
from talk2dino_ros.ros.tf.transforms import Transform, TransformError

S = 10**9


def test_a_pose_whose_stamp_goes_on_is_taken_whatever_the_clocks_say():
    age = PoseAge()
    for second in range(20):
        age.check(1000 * S + second * S, 1000 * S + second * S, 5.0 + second)


def test_a_pose_whose_stamp_stands_still_is_refused_after_a_while_and_taken_when_it_goes_on():
    age = PoseAge()
    for now_s in (0.0, 1.0, MOST_POSE_AGE_S):
        age.check(5 * S, 0, now_s)
    with pytest.raises(TransformError, match=r"pose by TF is 12\.0 s old, expected at most 3 s; look whether odometry"):
        age.check(5 * S, 0, 12.0)
    age.check(5 * S + 1, 0, 12.1)


def test_a_pose_that_is_old_already_when_it_is_asked_for_first_is_told_by_the_images():
    with pytest.raises(TransformError, match=r"is 12\.0 s old"):
        PoseAge().check(5 * S, 17 * S, 100.0)
    PoseAge().check(5 * S, 8 * S, 100.0)


def test_a_robot_of_static_frames_has_no_age():
    age = PoseAge()
    for now_s in (0.0, 100.0):
        age.check(None, 10**18, now_s)


class World:
    """Surroundings whose TF says the same for ever, with the computer's clock and the robot's."""

    def __init__(self, monkeypatch, *, is_simulated: bool) -> None:
        self.computers_s, self.robots_s = 10.0, 50.0
        monkeypatch.setattr(surroundings.time, "monotonic", lambda: self.computers_s)
        transforms = SimpleNamespace(lookup=lambda *_: Transform.identity(stamp_ns=7 * S))
        monkeypatch.setattr(surroundings, "open_transforms", lambda _node: transforms)
        clock = SimpleNamespace(
            ros_time_is_active=is_simulated, now=lambda: SimpleNamespace(nanoseconds=round(self.robots_s * S))
        )
        node = SimpleNamespace(create_subscription=lambda *_: None, get_clock=lambda: clock)
        settings = SimpleNamespace(goal_frame="map", base_frame="base_link")
        self.around = surroundings.Surroundings(node, lambda: settings, lambda _back_s: None)


def test_a_robots_pose_ages_by_a_clock_that_nobody_sets(monkeypatch):
    world = World(monkeypatch, is_simulated=False)
    assert (world.around.robot().x, world.around.robot().y) == (0.0, 0.0)
    world.robots_s += 1e6  # the system's clock was set
    world.around.robot()
    world.computers_s += 12.0
    with pytest.raises(TransformError, match=r"is 12\.0 s old, expected at most"):
        world.around.robot()


def test_a_simulated_robots_pose_ages_as_its_time_passes(monkeypatch):
    world = World(monkeypatch, is_simulated=True)
    world.around.robot()
    world.computers_s += 1000.0  # the simulation is paused, or slow
    world.around.robot()
    world.robots_s += 12.0
    with pytest.raises(TransformError, match=r"is 12\.0 s old, expected at most"):
        world.around.robot()
