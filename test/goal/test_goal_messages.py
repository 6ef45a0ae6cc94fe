# SPDX-License-Identifier: Apache-2.0
"""Objects as the goal node reads them."""

import math

import pytest

pytest.importorskip("talk2dino_msgs.msg", reason="talk2dino_msgs is not built: run `make setup`")

from talk2dino_msgs.msg import RememberedPlace, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import Find

from talk2dino_ros.goal.goal_messages import objects_to_view, places_to_recalled
from talk2dino_ros.ros.tf.transforms import Transform, TransformError


def tracked(number: int, seen_s: int, state: int = TrackedObject.CONFIRMED) -> TrackedObject:
    made = TrackedObject(id=number, state=state, class_name="cup", has_position=True)
    made.position.x, made.last_seen.sec = float(number), seen_s
    return made


def transform_at(stamp_ns: int) -> Transform:
    """TF knows nothing of before 10 s."""
    if stamp_ns < 10 * 10**9:
        raise TransformError(f"nothing is known of {stamp_ns}")
    return Transform.identity(stamp_ns)


def test_an_object_older_than_tfs_history_does_not_drop_the_others():
    view = objects_to_view(TrackedObjectArray(objects=[tracked(1, 5), tracked(2, 15)]), "Cup", transform_at)
    assert [(each.id, each.point) for each in view.candidates] == [(2, (2.0, 0.0))]
    assert view.ids == {1, 2}


def test_objects_without_any_transform_are_reported():
    with pytest.raises(TransformError, match="nothing is known of 5000000000"):
        objects_to_view(TrackedObjectArray(objects=[tracked(1, 5)]), "cup", transform_at)


def test_tf_is_not_asked_for_objects_that_are_not_confirmed():
    view = objects_to_view(TrackedObjectArray(objects=[tracked(1, 5, TrackedObject.TENTATIVE)]), "cup", transform_at)
    assert (list(view.candidates), view.tentative) == ([], 1)


def test_the_memorys_places_come_in_the_frame_of_the_goals_with_their_age_in_its_order():
    answer = Find.Response(places=[RememberedPlace(id=number) for number in (8, 3)])
    for place, x, seen_s in zip(answer.places, (2.0, 5.0), (40, 130), strict=True):
        place.position.x, place.position.z, place.extent.y, place.last_seen.sec = x, 0.5, 0.6, seen_s
    quarter = math.sqrt(0.5)
    turned = Transform.from_quaternion((0.0, 0.0, quarter, quarter), (1.0, 0.0, 0.0))  # by 90 degrees about z
    places = places_to_recalled(answer, turned, 100 * 10**9, 7.0)
    assert [place.candidate.id for place in places] == [8, 3]
    assert places[0].candidate.position == pytest.approx((1.0, 2.0, 0.5))
    assert places[0].candidate.radius_m == pytest.approx(0.3)
    assert all(place.candidate.is_remembered for place in places)
    assert [place.age_s for place in places] == [60.0, 0.0]  # the clock was set back since the second was seen
    assert places[0].unseen_s(9.0) == 62.0


@pytest.mark.parametrize("x", [math.nan, math.inf, 1e9])
def test_a_place_of_the_memory_that_is_nowhere_is_left_out(x):
    answer = Find.Response(places=[RememberedPlace(id=1), RememberedPlace(id=2)])
    answer.places[0].position.x = x
    places = places_to_recalled(answer, Transform.identity(0), 0, 0.0)
    assert [place.candidate.id for place in places] == [2]
