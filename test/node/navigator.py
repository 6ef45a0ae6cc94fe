# SPDX-License-Identifier: Apache-2.0
"""A planner's action as Nav2's bt_navigator serves it: by goal_pose too, and a new goal aborts the one before."""

from collections.abc import Callable
from typing import Any

from action_msgs.srv import CancelGoal
from geometry_msgs.msg import PoseStamped
from probe import RELIABLE
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from talk2dino_msgs.action import GoTo as AnyAction  # the status of a goal says nothing of its action's type


class Navigator:
    """The action navigate_to_pose in a world's node and namespace; `end` says what becomes of the goal under way.

    goals: each with `handle` and `end`, in the order in which they were taken. is_active: whether it takes any.
    """

    def __init__(self, world: Any) -> None:
        self.world = world
        self.is_active = True
        self.handles: list[Any] = []
        self._ends: list[Future] = []
        node, group = world.node, ReentrantCallbackGroup()
        self._server = ActionServer(
            node,
            AnyAction,
            "navigate_to_pose",
            self._drive,
            callback_group=group,
            goal_callback=lambda _goal: GoalResponse.ACCEPT if self.is_active else GoalResponse.REJECT,
            cancel_callback=lambda _handle: CancelResponse.ACCEPT,
        )
        self._own_client = ActionClient(node, AnyAction, "navigate_to_pose", callback_group=group)
        self.on_pose: Callable[[], None] = lambda: None  # called before a pose's goal is sent
        self._sub = node.create_subscription(PoseStamped, "goal_pose", self._on_pose, RELIABLE)
        self._timer = node.create_timer(0.02, self._look_at_requests)
        world.wait_for(self._own_client.server_is_ready, "the planner's action")
        world.wait_until_known()

    def _on_pose(self, _pose: PoseStamped) -> None:
        self.on_pose()
        self.send()

    def send(self) -> None:
        """Send a goal, as any client of the action."""
        self._own_client.send_goal_async(AnyAction.Goal())

    def end(self, how: str) -> None:
        """End the goal under way: `succeed`, `abort` or `canceled`."""
        self._ends[-1].set_result(how)

    def wait_for_goals(self, number: int) -> None:
        self.world.wait_for(lambda: len(self.handles) == number, f"goal {number} at the planner")

    def cancel_all(self) -> None:
        """Cancel all goals, as a person does in RViz."""
        self.world.call(CancelGoal, "navigate_to_pose/_action/cancel_goal")

    def destroy(self) -> None:
        """End without a word, as a process that is killed, unless it has ended so."""
        node = self.world.node
        if self._sub not in node.subscriptions:
            return
        node.destroy_timer(self._timer)
        node.destroy_subscription(self._sub)
        self._own_client.destroy()
        self._server.destroy()

    async def _drive(self, handle: Any) -> Any:
        if self._ends and not self._ends[-1].done():
            self._ends[-1].set_result("abort")
        end = Future(executor=self.world.node.executor)
        self.handles.append(handle)
        self._ends.append(end)
        getattr(handle, await end)()
        return AnyAction.Result()

    def _look_at_requests(self) -> None:
        for handle, end in zip(self.handles, self._ends, strict=True):
            if handle.is_cancel_requested and not end.done():
                end.set_result("canceled")
