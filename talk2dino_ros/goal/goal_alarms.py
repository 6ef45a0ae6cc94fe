# SPDX-License-Identifier: Apache-2.0
"""Watchdogs of the goal node: from facts to alarms. Pure.

They tell before a go_to is asked for what it would fail by; while one is under way, that is an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, raised

SILENT_S = 10.0  # objects come with each image, on a slow CPU once in some seconds
PATIENCE_S = 2.0  # odometry and localisation speak at 1 Hz and more


@dataclass(frozen=True)
class GoalFacts:
    """What is known around the robot now.

    silence_s: for how long no objects have come on objects_topic, which is_published by somebody or not. no_pose: why
    the robot's pose is not known, "" where it is, with for how long. no_costmap: why there is no costmap, though one
    is required.
    """

    objects_topic: str
    is_active: bool = True
    is_going: bool = False
    silence_s: float = 0.0
    is_published: bool = True
    no_pose: str = ""
    no_pose_s: float = 0.0
    no_costmap: str = ""

    @property
    def level(self) -> AlarmLevel:
        """How bad it is where a go_to cannot be run."""
        return AlarmLevel.ERROR if self.is_going else AlarmLevel.WARN


def goal_alarms(facts: GoalFacts) -> tuple[Alarm, ...]:
    """Return what a go_to would fail by, or fails by; nothing while the node takes none."""
    if not facts.is_active:
        return ()
    return raised(no_objects(facts), no_pose(facts), no_costmap(facts))


def no_objects(facts: GoalFacts) -> Alarm | None:
    """Raise an alarm where the segmenter is silent."""
    if facts.silence_s <= SILENT_S:
        return None
    why = (
        "look whether the segmenter is active and segmenting, and has images (its status in /diagnostics)"
        if facts.is_published
        else "nobody publishes it; start the segmenter, or remap the topic to that of its camera"
    )
    text = f"no objects on {facts.objects_topic} for {facts.silence_s:.0f} s, expected them with each image: {why}"
    return Alarm("objects", facts.level, text)


def no_pose(facts: GoalFacts) -> Alarm | None:
    """Raise an alarm where it is not known where the robot is."""
    if not facts.no_pose or facts.no_pose_s <= PATIENCE_S:
        return None
    return Alarm("robot pose", facts.level, f"it is not known where the robot is: {facts.no_pose}")


def no_costmap(facts: GoalFacts) -> Alarm | None:
    """Raise an alarm where a costmap is required and none can be used."""
    return Alarm("costmap", facts.level, facts.no_costmap) if facts.no_costmap else None
