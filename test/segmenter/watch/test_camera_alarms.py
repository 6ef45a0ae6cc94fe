# SPDX-License-Identifier: Apache-2.0
"""Each watchdog of a camera, from facts made by hand to what it says."""

from dataclasses import replace

import pytest

from talk2dino_ros.ros.watch.alarm import AlarmLevel
from talk2dino_ros.segmenter.watch.camera_alarms import CameraFacts, camera_alarms
from talk2dino_ros.segmenter.watch.model_alarms import ModelFacts, model_alarms

WELL = CameraFacts("/front/image", latency_s=0.1, age_s=0.15, silence_s=0.03)
WARN, ERROR = AlarmLevel.WARN, AlarmLevel.ERROR
# name, facts that differ from those of a camera that is well, watchdog, level, what the text says
CASES = [
    (
        "no image",
        {"silence_s": 7.2, "transport": "nobody publishes on /front/image; start the camera"},
        ("image", WARN, "no image on /front/image for 7 s: nobody publishes on /front/image; start the camera"),
    ),
    ("no image yet", {"silence_s": 5.1}, ("image", WARN, "no image on /front/image for 5 s: finding out why")),
    (
        "two cameras",
        {"transport": "/a, /b publish on /front/image, expected one publisher"},
        ("transport", WARN, "/a, /b publish on /front/image, expected one publisher"),
    ),
    ("a bad image", {"failure": "its encoding is odd"}, ("mask", ERROR, "its encoding is odd")),
    (
        "slow",
        {"latency_s": 2.5, "age_s": 2.6},
        ("latency", WARN, "a mask of /front/image takes 2.5 s from its image's reception, expected at most 2 s"),
    ),
    (
        "a batch that takes long, after quick ones",
        {"busy_s": 12.0},
        ("latency", WARN, "a mask of /front/image takes 12.0 s from its image's reception, expected at most 2 s"),
    ),
    (
        "slow at once, before any mask",
        {"busy_s": 3.0, "latency_s": float("nan"), "age_s": None},
        ("latency", WARN, "a mask of /front/image takes 3.0 s"),
    ),
    (
        "a camera whose clock is 3 s behind",
        {"age_s": 3.1},
        (
            "image age",
            WARN,
            "the masks of /front/image are 3.1 s behind their images' stamps, of which this node takes only 0.1 s"
            ", expected at most 2 s (latency_warn_s); compare the camera's clock",
        ),
    ),
    (
        "the parameter",
        {"latency_warn_s": 0.05},
        ("latency", WARN, "expected at most 0.05 s (latency_warn_s); choose preset:=fast"),
    ),
    (
        "a body frame",
        {"frame_doubt": "are in the frame 'camera_link', whose z axis points upwards"},
        ("frame", WARN, "the images on /front/image are in the frame 'camera_link', whose z axis points upwards"),
    ),
    (
        "readers that come and go",
        {"held_back_s": 8.0},
        ("masks dropped", WARN, "the masks of /front/image have been dropped for 8 s, as new subscribers"),
    ),
    (
        "no depth",
        {"depth": "no depth has come yet; start it", "no_depth_s": 4.0},
        ("depth", WARN, "the images on /front/image have had no depth for 4 s: no depth has come yet; start it"),
    ),
    (
        "depth is asked for",
        {"wants_depth_on": "/front/depth"},
        ("depth", WARN, "nobody publishes on /front/depth, expected depth, as target_frame asks for positions"),
    ),
    (
        "no transform",
        {"transform": "No transform from frame 'map'; start it", "no_transform_s": 3.0},
        ("transform", WARN, "the images on /front/image have had no transform for 3 s: No transform from frame 'map'"),
    ),
    (
        "the model hangs",
        {"is_stalled": True, "busy_s": 61.0},
        ("mask", ERROR, "no mask of /front/image, as the model has not returned; look at the status 'model'"),
    ),
]


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_watchdog_says_what_is_wrong_and_no_other_does(facts, expected):
    (alarm,) = camera_alarms(replace(WELL, **facts))
    watchdog, level, text = expected
    assert (alarm.watchdog, alarm.level) == (watchdog, level)
    assert text in alarm.text


def test_a_camera_that_is_well_has_no_alarm():
    assert camera_alarms(WELL) == ()


@pytest.mark.parametrize("facts", [facts for _, facts, _ in CASES])
def test_an_inactive_node_has_no_alarm_of_a_camera(facts):
    assert camera_alarms(replace(WELL, **facts, is_streaming=False)) == ()


WITHOUT_IMAGE = {"silence_s": 9.0}
MANY = {
    "failure": "odd",
    "latency_s": 9.0,
    "held_back_s": 9.0,
    "depth": "none",
    "no_depth_s": 9.0,
    "transform": "none",
    "no_transform_s": 9.0,
}


def watchdogs(**facts):
    return [alarm.watchdog for alarm in camera_alarms(replace(WELL, **facts))]


def test_what_follows_from_no_image_is_not_told():
    assert watchdogs(**MANY, silence_s=9.0) == ["image"]


def test_what_follows_from_a_model_that_hangs_is_not_told():
    assert watchdogs(**MANY, is_stalled=True) == ["mask"]


def test_a_camera_without_images_says_so_also_while_the_model_hangs_at_anothers():
    assert watchdogs(silence_s=9.0, is_stalled=True, failure="") == ["image"]


def test_without_depth_nothing_is_said_of_the_transform():
    assert watchdogs(**MANY) == ["mask", "latency", "masks dropped", "depth"]


@pytest.mark.parametrize(
    "facts",
    [
        {"silence_s": 5.0},
        {"depth": "none", "no_depth_s": 2.0},
        {"transform": "none", "no_transform_s": 2.0},
        {"latency_s": 2.0, "age_s": 2.0},
        {"held_back_s": 5.0},
        {"age_s": None},  # a bag's stamps, of years ago
        {"latency_s": float("nan"), "age_s": None},
    ],
    ids=str,
)
def test_at_its_limit_a_watchdog_is_silent(facts):
    assert camera_alarms(replace(WELL, **facts)) == ()


def test_new_readers_may_pause_masks_as_long_as_they_are_told_to():
    assert camera_alarms(replace(WELL, held_back_s=29.0, new_reader_pause_s=10.0)) == ()
    (alarm,) = camera_alarms(replace(WELL, held_back_s=31.0, new_reader_pause_s=10.0))
    assert "expected a pause of at most 30 s" in alarm.text


def test_a_paused_node_is_neither_slow_nor_dropping():
    assert camera_alarms(replace(WELL, is_enabled=False, latency_s=9.0, age_s=9.0, held_back_s=60.0)) == ()


def test_a_model_that_does_not_return_is_an_error():
    (alarm,) = model_alarms(ModelFacts(busy_s=61.2, stall_timeout_s=60.0))
    assert (alarm.watchdog, alarm.level) == ("stall", ERROR)
    assert "has not returned from an image for 61 s, expected it within 60 s (stall_timeout_s)" in alarm.text
    assert model_alarms(ModelFacts(busy_s=60.0, stall_timeout_s=60.0)) == ()


def test_a_device_that_fails_is_the_models_error_once_it_has_lasted():
    failing = ModelFacts(failure="cuda:0 has failed", failing_s=3.1)
    assert model_alarms(ModelFacts(failure=failing.failure, failing_s=3.0)) == ()
    (alarm,) = model_alarms(failing)
    assert (alarm.watchdog, alarm.level) == ("device", AlarmLevel.ERROR)
    assert alarm.text == "no image has been segmented for 3 s: cuda:0 has failed"


def test_a_thread_that_has_ended_is_an_error():
    (alarm,) = model_alarms(ModelFacts(has_died=True))
    assert (alarm.watchdog, alarm.level) == ("worker", ERROR)
    assert "deactivate and activate the node" in alarm.text
