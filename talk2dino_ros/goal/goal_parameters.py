# SPDX-License-Identifier: Apache-2.0
"""The parameters of the node `goal`, each declared once: name, type, default, range, and the reason for it."""

from __future__ import annotations

import dataclasses
import re

from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, Values

HOUR_S = 3600.0
MOST_STAND_OFF_M = 100.0
MOST_TIMEOUT_S = 24 * HOUR_S  # of one go_to
NODE_NAME = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*\Z")


@dataclasses.dataclass(frozen=True)
class GoalParameters(Values):
    """All parameters of the node, in the order in which the documents list them.

    A go_to that is under way keeps the times and tolerances that it began with.
    """

    segmenter: str = parameter(
        "talk2dino", "Name of the segmenter's node: its topic `objects` and its vocabulary services are used."
    )
    add_words: bool = parameter(
        True,
        "Ask for a word that the vocabulary lacks until the go_to ends, as a question ('?name'), which changes no "
        "mask; false: such a go_to ends with NOT_IN_VOCABULARY.",
        live=True,
    )
    goal_frame: str = parameter(
        "map",
        "Frame of the goals; what the planner plans in, so that a goal stays in its place while the robot drives.",
    )
    base_frame: str = parameter(
        "base_link", "Frame of the robot: where it is in goal_frame decides what is near, and when it is there."
    )
    stand_off_m: float = parameter(
        0.8,
        "Metres between goal and object where a go_to says 0: more than the robot's radius and half the object's "
        "width.",
        low=0.05,
        high=MOST_STAND_OFF_M,
        live=True,
    )
    timeout_s: float = parameter(
        30.0,
        "Time to find the object where a go_to says 0, from the moment the word is looked for: long enough for the "
        "robot to turn once, as another part of it may do meanwhile.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    segmenter_timeout_s: float = parameter(
        15.0,
        "Wait so long for the segmenter's services and each answer; the first new word may have to load the text "
        "encoder.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    transform_timeout_s: float = parameter(
        1.0,
        "Keep objects so long until TF knows their stamp, as odometry and localisation come later than images; after "
        "it they are dropped, never placed by another stamp.",
        low=0.0,
        high=60.0,
        live=True,
    )
    lost_timeout_s: float = parameter(
        2.0,
        "Unseen for so long, the object is lost and the last goal stands: longer than the segmenter takes for a few "
        "images.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    give_up_s: float = parameter(
        20.0,
        "Unseen for so long, the go_to ends as lost: long enough to drive past what hides the object.",
        low=0.1,
        high=HOUR_S,
        live=True,
    )
    reach_timeout_s: float = parameter(
        300.0,
        "So long after its last goal the robot has to be there, or the go_to ends as failed: nobody may drive.",
        low=1.0,
        high=24 * HOUR_S,
        live=True,
    )
    goal_tolerance_m: float = parameter(
        0.15,
        "A goal that moves by less is not published anew: what is measured jitters, and each goal is planned for.",
        low=0.0,
        high=10.0,
        live=True,
    )
    goal_tolerance_rad: float = parameter(0.2, "The same for its direction.", low=0.0, high=3.15, live=True)
    goal_update_rate_hz: float = parameter(
        1.0, "At most so many goal_update a second, as a planner plans once a second.", low=0.01, high=100.0, live=True
    )
    xy_tolerance_m: float = parameter(
        0.3,
        "So near to the goal the robot has reached it: somewhat more than the controller's own tolerance (0.25 in "
        "Nav2), which it stops at.",
        low=0.001,
        high=10.0,
        live=True,
    )
    yaw_tolerance_rad: float = parameter(
        0.3, "The same for its direction, 0.25 in Nav2.", low=0.001, high=3.15, live=True
    )
    require_costmap: bool = parameter(
        False,
        "Give no goal before a costmap has come; false: without one each place counts as free.",
        live=True,
    )
    robot_radius_m: float = parameter(
        0.25,
        "Around a goal so much is free of obstacles; 0.0 for a costmap that is inflated already.",
        low=0.0,
        high=10.0,
        live=True,
    )
    occupied_from: int = parameter(
        65,
        "Cells of the costmap with this value or more are no place to stand: 65 as map_server has it, 99 for an "
        "inflated costmap of Nav2 (inscribed).",
        low=1,
        high=100,
        live=True,
    )
    opaque_from: int = parameter(
        65,
        "Cells with this value or more are not looked through; 100 for an inflated costmap, whose lethal cells alone "
        "are real.",
        low=1,
        high=100,
        live=True,
    )
    unknown_is_free: bool = parameter(False, "Whether the robot may stand where the costmap knows nothing.", live=True)
    search_radius_m: float = parameter(
        1.5,
        "Where the place at the stand-off distance is not free, search so far around it: farther away the robot "
        "would no longer stand in front of the object.",
        low=0.0,
        high=20.0,
        live=True,
    )
    sight_margin_m: float = parameter(
        0.3,
        "Obstacles so near to the object hide nothing: it stands on or at something that is in the map too.",
        low=0.0,
        high=10.0,
        live=True,
    )
    check_period_s: float = parameter(
        0.1, "How often clock, robot and late transforms are looked at.", low=0.01, high=10.0
    )
    feedback_period_s: float = parameter(
        0.5, "How often an action gets feedback, and at each new state besides.", low=0.01, high=60.0, live=True
    )
    diagnostics_period_s: float = parameter(1.0, "/diagnostics is published this often.", low=0.1, high=3600.0)
    autostart: bool = parameter(
        True,
        "The node configures and activates itself; false: a lifecycle manager does. Read at the start only.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not NODE_NAME.match(self.segmenter):
            raise ParameterError(
                f"segmenter is {self.segmenter!r}, expected a node's name such as 'talk2dino' or '/robot/talk2dino'; "
                "set it so"
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
