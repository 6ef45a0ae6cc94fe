# SPDX-License-Identifier: Apache-2.0
"""What a page shows of the topics of a camera, whoever publishes there."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from talk2dino_msgs.msg import (
    PointOfInterest,
    PointOfInterestArray,
    Presence,
    PresenceArray,
    TrackedObject,
    TrackedObjectArray,
)

from talk2dino_ros.web.robot.camera_feeds import MOST_SHOWN, CameraFeeds
from talk2dino_ros.web.web_source import PageCamera, PageState

NAN = float("nan")


def feeds(points=(), objects=(), presences=()):
    newest = {
        "points_of_interest": PointOfInterestArray(points=list(points)),
        "objects": TrackedObjectArray(objects=list(objects)),
        "presence": PresenceArray(classes=list(presences)),
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


def test_how_words_stand_is_told_of_the_surest_camera_whatever_numbers_it_has():
    unknown = Presence(class_name="unknown", state=9)
    near = Presence(class_name="cup", state=Presence.NOT_SURE, best_score=0.52, evidence=-0.2)
    far = Presence(class_name="cup", state=Presence.NOT_IN_VIEW, best_score=0.45, evidence=-3.0)
    paused = Presence(class_name="dog", state=Presence.NOT_LOOKED_FOR, best_score=NAN, evidence=NAN)
    sides = [feeds(presences=[unknown, near, paused]), feeds(presences=[far])]
    cameras = tuple(PageCamera(f"{number}", presences=each.presences()) for number, each in enumerate(sides))
    state = PageState("tiny", 1, (), cameras).to_json()
    assert state["presences"] == {
        "cup": {"state": "not sure", "best_score": pytest.approx(0.52)},
        "dog": {"state": "not looked for", "best_score": None},
    }
    json.dumps(state, allow_nan=False)


def test_of_a_flood_of_points_the_first_are_shown():
    assert len(feeds([point(f"{number}") for number in range(2 * MOST_SHOWN)]).points()) == MOST_SHOWN
