# SPDX-License-Identifier: Apache-2.0
"""What a page shows of the topics of a camera, whoever publishes there."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from talk2dino_msgs.msg import PointOfInterest, PointOfInterestArray, TrackedObject, TrackedObjectArray

from talk2dino_ros.web.robot.camera_feeds import MOST_SHOWN, CameraFeeds

NAN = float("nan")


def feeds(points=(), objects=()):
    newest = {
        "points_of_interest": PointOfInterestArray(points=list(points)),
        "objects": TrackedObjectArray(objects=list(objects)),
        "overlay": None,
    }
    watch = lambda topic, name, on_message=None: SimpleNamespace(newest=newest[topic])  # noqa: E731
    return CameraFeeds(SimpleNamespace(watch=watch), "", lambda message: None)


def point(name, **changes):
    return PointOfInterest(class_name=name, confidence=0.5, area_share=0.25, **changes)


def test_points_and_objects_without_finite_numbers_are_left_out():
    nowhere = point("nowhere", has_position=True)
    nowhere.position.x = NAN
    unsure, vast = point("unsure"), point("vast")
    unsure.confidence, vast.area_share = NAN, float("inf")
    unknown = TrackedObject(id=1, state=9, class_name="unknown")
    lost = TrackedObject(id=2, state=TrackedObject.LOST, class_name="lost")
    shown = feeds([point("cup"), nowhere, unsure, vast], [unknown, lost])
    assert [each.class_name for each in shown.points()] == ["cup", "lost"]
    assert [each.class_name for each in shown.seen()] == ["cup"]
    json.dumps([asdict(each) for each in (*shown.points(), *shown.seen())], allow_nan=False)


def test_a_class_in_two_places_has_both_shares_and_their_mean_confidence():
    (seen,) = feeds([point("cup"), PointOfInterest(class_name="cup", confidence=1.0, area_share=0.75)]).seen()
    assert (seen.class_name, seen.share) == ("cup", 1.0)
    assert seen.confidence == pytest.approx(0.25 * 0.5 + 0.75 * 1.0)


def test_of_a_flood_of_points_the_first_are_shown():
    assert len(feeds([point(f"{number}") for number in range(2 * MOST_SHOWN)]).points()) == MOST_SHOWN
