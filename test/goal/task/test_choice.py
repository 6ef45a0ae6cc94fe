# SPDX-License-Identifier: Apache-2.0
"""Which object a go_to means, and requests that mean none."""

import math
import random

import pytest

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest, Recollection, Which, ranked


def go_to_request(**changes) -> GoToRequest:
    return GoToRequest(**{"words": "cup", "which": 0, "object_id": 0, "stand_off_m": 1.0, "timeout_s": 5.0, **changes})


def at(x: float, y: float, number: int, confidence: float = 0.5, z: float = 0.0) -> Candidate:
    return Candidate(number, confidence, (x, y, z))


OBJECTS = [at(5.0, 0.0, 1, 0.9), at(0.0, 2.0, 2, 0.7), at(-3.0, 0.0, 3, 0.8)]


def ids(candidates) -> list[int]:
    return [candidate.id for candidate in candidates]


def test_the_nearest_comes_first_from_where_the_robot_is():
    assert ids(ranked(OBJECTS, go_to_request(), Pose(0.0, 0.0, 0.0))) == [2, 3, 1]
    assert ids(ranked(OBJECTS, go_to_request(), Pose(4.0, 0.0, 0.0))) == [1, 2, 3]  # 1, sqrt(20), 7 metres


def test_distance_ignores_height():
    objects = [at(2.0, 0.0, 1), at(1.0, 0.0, 2, z=9.0)]
    assert ids(ranked(objects, go_to_request(), Pose(0.0, 0.0, 0.0))) == [2, 1]


def test_the_most_confident_comes_first():
    assert ids(ranked(OBJECTS, go_to_request(which=Which.MOST_CONFIDENT), Pose(0.0, 0.0, 0.0))) == [1, 3, 2]


def test_equally_near_objects_are_ordered_by_id():
    objects = [at(0.0, 1.0, 9), at(1.0, 0.0, 4), at(-1.0, 0.0, 6)]
    assert ids(ranked(objects, go_to_request(), Pose(0.0, 0.0, 0.0))) == [4, 6, 9]
    assert ids(ranked(objects, go_to_request(which=Which.MOST_CONFIDENT), Pose(0.0, 0.0, 0.0))) == [4, 6, 9]


def test_a_request_by_id_means_that_object_only():
    assert ids(ranked(OBJECTS, go_to_request(which=Which.BY_ID, object_id=3), Pose(0.0, 0.0, 0.0))) == [3]
    assert ranked(OBJECTS, go_to_request(which=Which.BY_ID, object_id=4), Pose(0.0, 0.0, 0.0)) == []


@pytest.mark.parametrize("seed", range(20))
def test_the_chosen_object_is_the_best_of_all(seed):
    rng = random.Random(seed)
    objects = [at(rng.uniform(-9, 9), rng.uniform(-9, 9), n, rng.random()) for n in range(1, 12)]
    robot = Pose(rng.uniform(-9, 9), rng.uniform(-9, 9), 0.0)
    nearest = ranked(objects, go_to_request(), robot)[0]
    assert all(math.hypot(t.position[0] - robot.x, t.position[1] - robot.y) >= math.hypot(
        nearest.position[0] - robot.x, nearest.position[1] - robot.y) for t in objects)  # fmt: skip
    surest = ranked(objects, go_to_request(which=Which.MOST_CONFIDENT), robot)[0]
    assert all(t.confidence <= surest.confidence for t in objects)


def test_the_label_is_the_name_before_the_colon():
    assert go_to_request(words=" red  mug: mug, cup").name == "red mug"
    assert go_to_request(words="cup", which=Which.BY_ID, object_id=3).describe() == "'cup' with id 3"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"words": ""}, "blank class name"),
        ({"words": "!wall"}, "a name without a mark"),
        ({"which": 3}, "which is 3, expected one of"),
        ({"which": 2}, "id is 0"),
        ({"memory": 3}, r"memory is 3, expected one of 0 \(ALSO\), 1 \(LIVE\), 2 \(ONLY\); choose one"),
        ({"memory": 2, "which": 2, "object_id": 4}, "memory is ONLY and which is BY_ID"),
        ({"stand_off_m": 0.2, "least_stand_off_m": 0.3}, r"stand_off_m is 0\.2, expected .* \(0\.3\)"),
        ({"stand_off_m": math.inf}, "stand_off_m is inf"),
        ({"stand_off_m": math.nan}, "stand_off_m is nan"),
        ({"stand_off_m": 1e38}, r"stand_off_m is 1e\+38, expected .* to 100;"),
        ({"stand_off_m": 100.5}, "stand_off_m is 100.5"),
        ({"timeout_s": 1e38}, r"timeout_s is 1e\+38, expected seconds above 0 and up to 86400;"),
        ({"timeout_s": 0.0}, "timeout_s is 0"),
        ({"timeout_s": math.nan}, "timeout_s is nan"),
    ],
)
def test_an_invalid_request_is_refused_in_one_sentence(changes, words):
    with pytest.raises(Talk2DinoError, match=words):
        go_to_request(**changes)


@pytest.mark.parametrize("kind", ["srv.GoTo.Request", "action.GoTo.Goal"])
def test_the_values_are_those_of_the_messages(kind):
    module, interface, part = kind.split(".")
    messages = pytest.importorskip(f"talk2dino_msgs.{module}", reason="talk2dino_msgs is not built")
    request = getattr(getattr(messages, interface), part)
    for values in (Which, Recollection):
        assert {each.name: each.value for each in values} == {each.name: getattr(request, each.name) for each in values}
