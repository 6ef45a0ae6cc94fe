# SPDX-License-Identifier: Apache-2.0
"""Objects as the goal node reads them."""

import pytest

pytest.importorskip("talk2dino_msgs.msg", reason="talk2dino_msgs is not built: run `make setup`")

from talk2dino_msgs.msg import TrackedObject, TrackedObjectArray

from talk2dino_ros.goal.goal_messages import objects_to_view
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
