# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node `goal`: configure, activate, deactivate and clean up; goal_server.py has the go-to tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticStatus

from talk2dino_ros.goal.goal_alarms import goal_alarms
from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.goal_server import GoalServer
from talk2dino_ros.ros.conversions.status_messages import diagnostic_status
from talk2dino_ros.ros.node.managed_node import ManagedNode
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import Value
from talk2dino_ros.ros.parameters.parameter_set import NodeValues

REMOVAL_TIMEOUT_S = 0.5  # for the segmenter's answer: it could not be given to a node that is gone
ANSWER_TIMEOUT_S = 0.4  # for those who wait for a go_to: an action's client asks for its end after it was accepted


class GoalNode(ManagedNode):
    """Lifecycle node that turns object names into goal poses for a planner.

    Parameters: see goal_parameters.py.
    Publishers: goal_pose and goal_update (PoseStamped), ~/state (GoToState), /diagnostics.
    Subscribes <segmenter>/objects (TrackedObjectArray), costmap (OccupancyGrid, optional), /tf and /tf_static.
    Services: ~/go_to, ~/cancel; action: ~/go. They answer that it is too early while the node is not active.
    Raises ParameterError where a parameter's start value is not allowed.
    """

    PARAMETERS: ClassVar[type[NodeValues]] = GoalParameters

    def __init__(self, **node_options: Any) -> None:
        super().__init__("goal", **node_options)
        parameter_set.declare(self, GoalParameters)
        for warning in parameter_set.unknown_names(self, GoalParameters):
            self.get_logger().warning(warning)
        self._settings = parameter_set.read(self, GoalParameters)
        self._timer: Any = None
        self._is_configured = False
        self._server = GoalServer(self, lambda: self._settings)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.start_diagnostics(self._settings.diagnostics_period_s)

    def stop(self) -> None:
        """Free everything, from any state and also after the ROS context has ended."""
        super().stop()
        self._server.destroy()

    def before_exit(self) -> None:
        """Answer the clients that wait for a go_to, as it will not go on."""
        super().before_exit()
        self._server.deactivate()
        self._server.answer(ANSWER_TIMEOUT_S)
        self._server.wait_for_removal(REMOVAL_TIMEOUT_S)
        self._server.destroy()  # else an action's client hears of the end when DDS misses the process, after 20 s

    def _configure(self) -> None:
        self.start_diagnostics(self._settings.diagnostics_period_s)
        self._server.configure()
        self._timer = self.create_timer(self._settings.check_period_s, self._server.tick, clock=self.steady_clock)
        self._is_configured = True

    def _activate(self) -> None:
        self._server.activate()
        self.get_logger().info("call ~/go_to, or send a goal to the action ~/go")

    def _deactivate(self) -> None:
        self._server.deactivate()

    def _tear_down(self) -> None:
        self._is_configured = False
        timer, self._timer = self._timer, None
        if timer is not None:
            self.destroy_timer(timer)
        self._server.tear_down()

    def _statuses(self) -> list[DiagnosticStatus]:
        status = self._server.status()
        if status is None:
            return []
        facts, state = status
        values = {"go_to": state, "objects": facts.objects_topic}
        otherwise = state if facts.is_going else "ready for a go_to" if facts.is_active else "inactive"
        name = f"{self.get_fully_qualified_name().lstrip('/')}: goal"
        return [diagnostic_status(name, goal_alarms(facts), otherwise, values)]

    def _change_parameters(self, values: Mapping[str, Value]) -> None:
        self._settings = parameter_set.check_changes(values, self._settings, configured=self._is_configured)
