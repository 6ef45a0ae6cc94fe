# SPDX-License-Identifier: Apache-2.0
"""Topics of the active go-to task: goal_pose, goal_update and ~/state, with its log, and what it hears of its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PoseStamped
from talk2dino_msgs.msg import GoToState, PresenceArray

from talk2dino_ros.goal.goal_messages import goal_message
from talk2dino_ros.goal.task.go_to_states import GoalChange, State
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE

WARN_EVERY_S = 5.0


class GoalTopics:
    """The goal node's publishers, and its log."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._reported: tuple[GoToTask, State] | None = None
        self._goal_pub = node.create_publisher(PoseStamped, "goal_pose", RELIABLE)
        self._update_pub = node.create_publisher(PoseStamped, "goal_update", RELIABLE)
        self._state_pub = node.create_publisher(GoToState, "~/state", LATCHED)

    def publish_goal(self, task: GoToTask, change: GoalChange, frame_id: str) -> None:
        """Publish a new goal: one to another object or place to the planner, else to the behaviour tree."""
        if change == GoalChange.NONE:
            return
        is_first = change == GoalChange.FIRST
        (self._goal_pub if is_first else self._update_pub).publish(goal_message(task, frame_id))
        if is_first and not self._goal_pub.get_subscription_count():
            self.warn(f"nobody listens to {self._goal_pub.topic}, so no robot will move; start the planner")

    def report(self, task: GoToTask | None) -> None:
        """Publish and log the go-to task's state if it has changed."""
        if task is None or (task, task.state) == self._reported or not self._node.context.ok():
            return
        self._reported = (task, task.state)
        self._state_pub.publish(GoToState(value=task.state.value))
        self._node.get_logger().info(f"{task.state.name}: {task.message}")

    def warn(self, sentence: str) -> None:
        """Log a warning, each from the same place at most every WARN_EVERY_S."""
        self._node.get_logger().warning(sentence, throttle_duration_sec=WARN_EVERY_S)


class PresenceListener:
    """Subscription to the segmenter's presence, only while a class is looked for: else it need not be computed."""

    def __init__(self, node: Any, segmenter: str) -> None:
        self._node = node
        self._topic = f"{segmenter}/presence"
        self._task: GoToTask | None = None
        self._sub: Any = None

    def listen_for(self, task: GoToTask | None) -> None:
        """Tell a task how its class stands while it searches and has no goal; None: nobody."""
        self._task = task if task is not None and task.is_searching and task.goal is None else None
        if self._task is not None and self._sub is None:
            self._sub = self._node.create_subscription(PresenceArray, self._topic, self._on_presence, RELIABLE)
        elif self._task is None and self._sub is not None:
            self._node.destroy_subscription(self._sub)
            self._sub = None

    def _on_presence(self, array: PresenceArray) -> None:
        task = self._task
        if task is None:
            return
        for each in array.classes:
            if each.class_name.casefold() == task.go_to_request.name.casefold():
                task.take_presence(each.state, each.evidence, each.reason)


def changed(task: GoToTask) -> Callable[[], bool]:
    """Return the condition that the go-to task is in another state than now."""
    state = task.state
    return lambda: task.is_ended or task.state != state
