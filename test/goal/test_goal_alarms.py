# SPDX-License-Identifier: Apache-2.0
"""Each watchdog of the goal node, from facts made by hand to what it says."""

from dataclasses import replace

import pytest

from talk2dino_ros.goal.goal_alarms import GoalFacts, goal_alarms
from talk2dino_ros.ros.watch.alarm import AlarmLevel

WELL = GoalFacts("/talk2dino/objects")
CASES = [
    (
        "nobody publishes objects",
        {"silence_s": 11.0, "is_published": False},
        "objects",
        "no objects on /talk2dino/objects for 11 s, expected them with each image: nobody publishes it; start the "
        "segmenter, or remap the topic to that of its camera",
    ),
    (
        "the segmenter is silent",
        {"silence_s": 11.0},
        "objects",
        "expected them with each image: look whether the segmenter is active and segmenting",
    ),
    (
        "no localisation",
        {"no_pose": "No transform from frame 'base_link' to frame 'map'; start it", "no_pose_s": 3.0},
        "robot pose",
        "it is not known where the robot is: No transform from frame 'base_link' to frame 'map'; start it",
    ),
    ("no costmap", {"no_costmap": "no costmap has come on /costmap"}, "costmap", "no costmap has come on /costmap"),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_what_a_go_to_would_fail_by_is_a_warning_and_in_a_go_to_an_error(case):
    _, facts, watchdog, text = case
    (alarm,) = goal_alarms(replace(WELL, **facts))
    assert (alarm.watchdog, alarm.level) == (watchdog, AlarmLevel.WARN)
    assert text in alarm.text
    (alarm,) = goal_alarms(replace(WELL, **facts, is_going=True))
    assert alarm.level == AlarmLevel.ERROR


def test_a_node_that_is_well_has_no_alarm():
    assert goal_alarms(WELL) == ()


@pytest.mark.parametrize("facts", [{"silence_s": 10.0}, {"no_pose": "none", "no_pose_s": 2.0}], ids=str)
def test_at_its_limit_a_watchdog_is_silent(facts):
    assert goal_alarms(replace(WELL, **facts)) == ()


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_an_inactive_node_misses_nothing(case):
    assert goal_alarms(replace(WELL, **case[1], is_active=False)) == ()
