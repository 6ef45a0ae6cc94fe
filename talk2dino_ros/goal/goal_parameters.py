# SPDX-License-Identifier: Apache-2.0
"""All parameters of the goal node, each declared once: name, type, default, range and text."""

from __future__ import annotations

import dataclasses

from talk2dino_ros.ros.parameters.parameter_field import NODE_NAME, parameter
from talk2dino_ros.ros.parameters.parameter_set import NodeValues, ParameterError

HOUR_S = 3600.0
MOST_STAND_OFF_M = 100.0
MOST_TIMEOUT_S = 24 * HOUR_S  # of one go_to


@dataclasses.dataclass(frozen=True)
class GoalParameters(NodeValues):
    """All parameters of the node, in the order in which the documents list them.

    A go_to that is under way keeps the times and tolerances that it began with.
    """

    segmenter: str = parameter(
        "talk2dino", "Name of the segmenter node, whose topic `objects` and vocabulary services are used."
    )
    add_words: bool = parameter(
        True,
        "Add a word that is missing in the vocabulary for the time of the go_to, as a question ('?name'), which "
        "changes no mask; false: such a go_to ends with NOT_IN_VOCABULARY.",
        live=True,
    )
    goal_frame: str = parameter(
        "map",
        "Frame of the goals: the planner's global frame, so that a goal stays in place while the robot drives.",
    )
    base_frame: str = parameter(
        "base_link",
        "Robot base frame; its pose in goal_frame decides which object is nearest and when the goal is reached.",
    )
    stand_off_m: float = parameter(
        0.8,
        "Default distance in metres between goal and object, for a go_to that says 0: more than the robot's radius "
        "plus half the object's width.",
        low=0.05,
        high=MOST_STAND_OFF_M,
        live=True,
    )
    timeout_s: float = parameter(
        30.0,
        "Default time to find the object, for a go_to that says 0, from when its class is in the vocabulary; long "
        "enough for the robot to turn once, which another node may command meanwhile.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    segmenter_timeout_s: float = parameter(
        15.0,
        "Maximum wait for the segmenter's services and for each response; the first new word may have to load the "
        "text encoder.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    memory: str = parameter(
        "memory", "Name of the memory node, whose service `find` is asked where the class was seen."
    )
    memory_timeout_s: float = parameter(
        20.0,
        "Maximum wait for the memory's response; longer than segmenter_timeout_s, as the memory asks the segmenter.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    live_first_s: float = parameter(
        1.0,
        "Seconds in which an object in sight may be confirmed, before the robot is sent to a remembered place.",
        low=0.0,
        high=HOUR_S,
        live=True,
    )
    min_confidence: float = parameter(
        0.6,
        "Minimum confidence of a confirmed object before a robot is sent to it; 0.5: something else is as likely. If "
        "the memory knows the object, or with BY_ID, any confidence is enough.",
        low=0.0,
        high=1.0,
        live=True,
    )
    verify_s: float = parameter(
        5.0,
        "Seconds at a remembered place without a confirmed object after which the object is gone; longer than the "
        "segmenter takes for the images that confirm one.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    same_place_m: float = parameter(
        1.0,
        "Largest distance in metres between a remembered place and an object that is the one remembered.",
        low=0.01,
        high=100.0,
        live=True,
    )
    transform_timeout_s: float = parameter(
        1.0,
        "Maximum wait for the transform at the stamp of the objects, as odometry and localization come later than "
        "images; after it they are dropped, never transformed at another stamp.",
        low=0.0,
        high=60.0,
        live=True,
    )
    lost_timeout_s: float = parameter(
        2.0,
        "Seconds without a detection after which the object is lost and the last goal stands; longer than the "
        "segmenter takes for a few images.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    give_up_s: float = parameter(
        20.0,
        "Seconds without a detection after which the go_to ends as lost; long enough to drive past what occludes the "
        "object.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    reach_timeout_s: float = parameter(
        300.0,
        "Seconds after the last goal in which the robot has to reach it; then the go_to fails, as nothing may be "
        "driving the robot.",
        low=1.0,
        high=24 * HOUR_S,
        live=True,
    )
    planner_action: str = parameter(
        "navigate_to_pose",
        "Name of the planner's action that follows goal_pose: its status tells what happens to a goal, and a go_to "
        "that ends early cancels its goal through it; empty: only reach_timeout_s ends the wait, and the robot is "
        "not stopped.",
    )
    goal_tolerance_m: float = parameter(
        0.15,
        "Minimum change of the goal's position before it is published again: measurements jitter, and the planner "
        "replans for each goal.",
        low=0.0,
        high=10.0,
        live=True,
    )
    goal_tolerance_rad: float = parameter(
        0.2, "Minimum change of the goal's heading before it is published again.", low=0.0, high=3.15, live=True
    )
    goal_update_rate_hz: float = parameter(
        1.0, "Maximum rate of goal_update; planners replan at about 1 Hz.", low=0.01, high=100.0, live=True
    )
    xy_tolerance_m: float = parameter(
        0.3,
        "Distance to the goal at which it counts as reached; somewhat above the controller's xy_goal_tolerance (0.25 "
        "in Nav2), at which the robot stops.",
        low=0.001,
        high=10.0,
        live=True,
    )
    yaw_tolerance_rad: float = parameter(
        0.3,
        "Heading error at which the goal counts as reached; somewhat above the controller's yaw_goal_tolerance (0.25 "
        "in Nav2).",
        low=0.001,
        high=3.15,
        live=True,
    )
    require_costmap: bool = parameter(
        False,
        "Publish no goal before a costmap has arrived; false: without one all cells count as free.",
        live=True,
    )
    robot_radius_m: float = parameter(
        0.25,
        "Radius around a goal that has to be free of obstacles; 0.0 for an inflated costmap.",
        low=0.0,
        high=10.0,
        live=True,
    )
    occupied_from: int = parameter(
        65,
        "Minimum cost of cells on which the robot cannot stand: 65 for map_server's maps, 99 (inscribed) for an "
        "inflated costmap of Nav2.",
        low=1,
        high=100,
        live=True,
    )
    opaque_from: int = parameter(
        65,
        "Minimum cost of cells that block the line of sight: 65 for map_server's maps, 100 (lethal) for an inflated "
        "costmap, whose other costs are no obstacles.",
        low=1,
        high=100,
        live=True,
    )
    unknown_is_free: bool = parameter(False, "Treat unknown cells of the costmap as free.", live=True)
    search_radius_m: float = parameter(
        1.5,
        "Search radius for a free pose around the one at the stand-off distance, if that is occupied; with a "
        "larger one the robot may no longer stand in front of the object.",
        low=0.0,
        high=20.0,
        live=True,
    )
    sight_margin_m: float = parameter(
        0.3,
        "Obstacles within this distance of the object do not block the line of sight: the object, or what it stands "
        "on, is in the map too.",
        low=0.0,
        high=10.0,
        live=True,
    )
    check_period_s: float = parameter(
        0.1, "Period at which clock, robot pose and pending transforms are polled.", low=0.01, high=10.0
    )
    feedback_period_s: float = parameter(
        0.5,
        "Period of the action's feedback, which also goes out at each change of state.",
        low=0.01,
        high=60.0,
        live=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, what in (("segmenter", "a node's"), ("memory", "a node's"), ("planner_action", "no or an action's")):
            value, default = getattr(self, name), getattr(GoalParameters, name)
            if not NODE_NAME.match(value) and (name != "planner_action" or value):
                raise ParameterError(
                    f"{name} is {value!r}, expected {what} name such as {default!r} or '/robot/{default}'; set it so"
                )
        if self.give_up_s < self.lost_timeout_s:
            raise ParameterError(
                f"give_up_s is {self.give_up_s:g} and lost_timeout_s is {self.lost_timeout_s:g}, expected to give up "
                "no earlier than to lose; raise give_up_s"
            )
        if self.stand_off_m < self.robot_radius_m:
            raise ParameterError(
                f"stand_off_m is {self.stand_off_m:g} and robot_radius_m is {self.robot_radius_m:g}, expected the "
                "robot to have room in front of an object; raise stand_off_m"
            )
