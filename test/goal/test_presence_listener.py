# SPDX-License-Identifier: Apache-2.0
"""What a go_to hears of its class while it searches, and says where it was in vain."""

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.msg")

from talk2dino_msgs.msg import Presence, PresenceArray

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.goal_topics import PresenceListener
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.goal.task.choice import GoToRequest
from talk2dino_ros.goal.task.go_to_states import GoalView, State
from talk2dino_ros.goal.task.go_to_task import GoToTask

FAR, NEAR = "not in view: its best score is 0.470", "not sure: its best score is 0.550"


class World:
    """A node that notes what it listens to, and a go_to that begins at 100 s."""

    def __init__(self):
        self.heard = {}
        self.listener = PresenceListener(self, "/robot/talk2dino")
        request = GoToRequest("Cup", which=0, object_id=0, stand_off_m=1.0, timeout_s=5.0, keep_looking=True)
        self.task = GoToTask(request, GoalParameters())

    def create_subscription(self, kind, topic, callback, _qos):
        assert kind is PresenceArray
        self.heard[topic] = callback
        return topic

    def destroy_subscription(self, topic):
        del self.heard[topic]

    def say(self, state, evidence, reason, name="cup"):
        presence = Presence(class_name=name, state=state, evidence=evidence, reason=reason)
        self.heard["/robot/talk2dino/presence"](PresenceArray(classes=[presence]))


@pytest.fixture
def world():
    return World()


def search(world):
    world.task.start_searching(100.0)
    world.task.update(GoalView(), lambda: None, None, 101.0)
    world.listener.listen_for(world.task)


def test_it_listens_while_a_class_is_looked_for_and_has_no_goal(world):
    world.listener.listen_for(world.task)
    assert world.heard == {}  # it has not begun
    search(world)
    world.listener.listen_for(world.task)
    assert list(world.heard) == ["/robot/talk2dino/presence"]
    world.task.set_goal(Pose(1.0, 0.0, 0.0), 102.0, 1)
    world.listener.listen_for(world.task)
    assert world.heard == {}


def test_the_feedback_tells_the_newest_image_and_the_end_the_one_that_came_nearest(world):
    search(world)
    for state, evidence, reason in (
        (Presence.NOT_LOOKED_FOR, float("nan"), "not looked for: paused"),
        (Presence.NOT_IN_VIEW, -3.0, "not in view at all"),
        (Presence.NOT_SURE, -0.2, NEAR),
        (Presence.NOT_SURE, -0.5, "less"),
        (Presence.NOT_IN_VIEW, -2.0, FAR),
    ):
        world.say(state, evidence, reason)
    world.say(Presence.IN_VIEW, 9.0, "of another class", name="dog")
    assert world.task.message == f"looking for 'Cup'; {FAR}"
    world.task.tick(None, 105.1)
    assert world.task.state == State.NEVER_SEEN
    assert f"in 5 s: nothing like it seen ({NEAR}); turn the robot" in world.task.message


def test_what_prevents_a_goal_is_not_hidden_by_it(world):
    search(world)
    world.task.set_failure_reason("TF is silent")
    world.say(Presence.NOT_SURE, 0.1, NEAR)
    assert world.task.message == "TF is silent"
    world.task.tick(None, 105.1)
    assert world.task.message == "no goal for 'Cup' in 5 s: TF is silent"
    world.say(Presence.NOT_SURE, 0.2, NEAR)  # one that was on its way
    assert "TF is silent" in world.task.message
