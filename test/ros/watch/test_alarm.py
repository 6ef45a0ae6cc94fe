# SPDX-License-Identifier: Apache-2.0
"""Several alarms make one status: the worst speaks, and none is lost."""

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, alarm_values, raised, summary

LATE = Alarm("latency", AlarmLevel.WARN, "masks are late; choose a smaller model")
BLIND = Alarm("depth", AlarmLevel.WARN, "no depth; start it")
STUCK = Alarm("stall", AlarmLevel.ERROR, "the model hangs; start it again")


def test_without_an_alarm_the_status_is_well():
    assert summary(raised(None, None), "segmenting") == (0, "segmenting")


def test_one_alarm_is_the_status():
    assert summary(raised(None, LATE), "segmenting") == (1, "masks are late; choose a smaller model")


def test_the_worst_alarm_speaks_and_names_the_others():
    assert summary(raised(LATE, STUCK, BLIND), "") == (2, "the model hangs; start it again (also: latency, depth)")


def test_each_alarm_has_its_own_level_and_text_among_the_values():
    assert alarm_values(raised(LATE, STUCK)) == {
        "alarm: stall": "ERROR: the model hangs; start it again",
        "alarm: latency": "WARN: masks are late; choose a smaller model",
    }


def test_the_levels_are_those_of_the_message():
    assert [int(level) for level in AlarmLevel] == [1, 2]  # diagnostic_msgs/DiagnosticStatus: WARN, ERROR
