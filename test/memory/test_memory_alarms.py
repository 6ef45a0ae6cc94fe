# SPDX-License-Identifier: Apache-2.0
"""Each watchdog of the memory, from facts made by hand to what it says."""

from dataclasses import replace

import pytest

from talk2dino_ros.memory.memory_alarms import MemoryFacts, memory_alarms
from talk2dino_ros.ros.watch.alarm import AlarmLevel

FRONT, REAR = "/talk2dino/front/patch_features", "/talk2dino/rear/patch_features"
WELL = MemoryFacts(silence_s={FRONT: 0.5, REAR: 0.4}, published=frozenset({FRONT, REAR}))
WARN, ERROR = AlarmLevel.WARN, AlarmLevel.ERROR
CASES = [
    (
        "no segmenter",
        {"silence_s": {FRONT: 31.0, REAR: 32.0}, "published": frozenset()},
        (
            "features",
            WARN,
            f"no patch features on {FRONT}, {REAR} for 31 s, expected them each second or so: nobody publishes on "
            f"{FRONT}, {REAR}; start the segmenter, or set the parameters segmenter and cameras as its own",
        ),
    ),
    (
        "one camera is silent",
        {"silence_s": {FRONT: 0.5, REAR: 45.0}},
        ("features", WARN, f"no patch features on {REAR} for 45 s, expected them each second or so: the segmenter is"),
    ),
    (
        "the disk is full",
        {"reason": "cannot be written", "failure": "no space left; make room"},
        ("store", ERROR, "no space left; make room"),
    ),
    (
        "another model's features",
        {"reason": "other features", "failure": "they are of mini; choose another map_id"},
        ("store", ERROR, "they are of mini; choose another map_id"),
    ),
    (
        "lost",
        {"reason": "localisation uncertain", "failure": "the position is uncertain by 2.00 m"},
        ("localisation", WARN, "the position is uncertain by 2.00 m"),
    ),
    ("no depth", {"reason": "no patch", "failure": "no depth; start it"}, ("images", WARN, "no depth; start it")),
    ("mended", {"notice": "keyframe 3 is damaged"}, ("damage", WARN, "keyframe 3 is damaged")),
    (
        "a frame that begins anew with each start",
        {"frame": "robot1/odom"},
        (
            "frame",
            WARN,
            "the places are in 'robot1/odom', which begins anew with each start of the robot, expected the map's "
            "frame; set the segmenter's target_frame to it, and choose another map_id",
        ),
    ),
]


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_watchdog_says_what_is_wrong_and_no_other_does(facts, expected):
    (alarm,) = memory_alarms(replace(WELL, **facts))
    assert (alarm.watchdog, alarm.level) == expected[:2]
    assert expected[2] in alarm.text


def test_a_memory_that_is_well_has_no_alarm():
    assert memory_alarms(WELL) == ()


@pytest.mark.parametrize("frame", ["", "map", "robot1/map", "odom_room"])
def test_any_other_frame_may_be_the_maps(frame):
    assert memory_alarms(replace(WELL, frame=frame)) == ()


def test_an_inactive_memory_misses_no_features():
    assert memory_alarms(replace(WELL, is_active=False, silence_s={FRONT: 99.0})) == ()


def test_without_features_it_is_not_told_where_the_last_image_could_not_be_placed():
    facts = replace(WELL, silence_s={FRONT: 99.0}, reason="localisation jumped", failure="it jumped")
    assert [alarm.watchdog for alarm in memory_alarms(facts)] == ["features"]


def test_a_full_disk_is_told_first_also_without_features():
    facts = replace(WELL, silence_s={FRONT: 99.0}, reason="cannot be written", failure="full", notice="damaged")
    assert [alarm.watchdog for alarm in memory_alarms(facts)] == ["store", "features", "damage"]


def test_every_reason_that_images_are_counted_by_is_known():
    """A reason that is renamed would make an error of the store a warning."""
    pytest.importorskip("talk2dino_msgs.msg")
    from talk2dino_ros.memory import memory_alarms as alarms
    from talk2dino_ros.memory.image_input import REASONS
    from talk2dino_ros.perception.memory import image_gate

    counted = {name for _, name in REASONS}
    assert set(alarms.REFUSED) <= counted
    source = image_gate.__file__
    with open(source, encoding="utf-8") as file:
        text = file.read()
    assert all(reason in counted or f'"{reason}"' in text for reason in alarms.LOCALISATION)
