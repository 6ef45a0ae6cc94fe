# SPDX-License-Identifier: Apache-2.0
"""What becomes of objects over time, with detections and expectations that a person can follow."""

from itertools import permutations

import numpy as np
import pytest
from tracking_story import CONFIRMED, LOST, SECOND, TENTATIVE, Story, at


def tell(pattern, **options):
    """States after each image of a pattern: `x` the cup is seen, `.` it is not; `-` where no object is known."""
    story = Story(**options)
    letters = ""
    for letter in pattern:
        story.see(*[at(1, 2, 3)] * (letter == "x"))
        letters += "".join("tcl"[state] for state in story.states().values()) or "-"
    return letters


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        ("x.....", "tttt--"),  # a false positive seen once; the window of four passes over it
        ("xx....", "ttttt-"),
        ("xxx...", "ttcccl"),  # 3 of the last 4
        ("xx.x", "tttc"),
        ("x.xx", "tttc"),
        ("x..xx", "ttttt"),  # 3 of 5 are not 3 of 4
        ("x.x.x.x.x.x.", "tttttttttttt"),  # half of the images never do
        ("xxx.x..x..x", "ttccccccccc"),  # once believed, single images that miss it do not matter
        ("xxx....x", "ttccclll"),  # and one image does not bring a lost one back
        ("xxx...x.xx", "ttcccllllc"),  # again 3 of the last 4
    ],
)
def test_confirmation_by_n_of_m_images_has_hysteresis(pattern, states):
    assert tell(pattern, confirm_detections=3, confirm_window=4, lost_after=3) == states


def test_a_false_positive_here_and_there_is_never_confirmed():
    story, rng = Story(), np.random.default_rng(0)
    for _ in range(500):
        story.see(at(*rng.uniform(-100, 100, 3)))
        assert CONFIRMED not in story.states().values()
        assert len(story.states()) <= 5


def test_confirming_by_one_of_one_confirms_at_once():
    assert tell("x.x", confirm_detections=1, confirm_window=1, lost_after=2) == "ccc"


def test_a_new_object_needs_more_confidence_than_a_known_one():
    story = Story(new_confidence=0.6, keep_confidence=0.3)
    assert story.see(at(0, 0, 0, confidence=0.59)) == [0]
    assert story.see(at(0, 0, 0, confidence=0.6)) == [1]
    assert story.see(at(0, 0, 0, confidence=0.3)) == [1]
    assert story.see(at(0, 0, 0, confidence=0.29)) == [0]
    assert story.only().detections == 2
    assert story.only().confidence == pytest.approx(0.45)


def test_confidence_is_the_mean_over_the_last_detections_and_not_over_misses():
    story = Story(confirm_window=3, lost_after=9, keep_confidence=0.0)
    for confidence in (1.0, 0.3, 0.6, 0.9):
        story.see(at(0, 0, 0, confidence=confidence))
        story.see()
    assert story.only().confidence == pytest.approx(0.6)  # of 0.3, 0.6, 0.9


def test_an_object_says_when_and_where_it_was_seen():
    story = Story()
    story.see(at(0, 0, 0), after_s=1)
    story.see(at(0, 0, 0, box=(7, 8, 9, 10)), after_s=1)
    story.see(after_s=1)
    tracked = story.only()
    assert (tracked.first_seen_ns, tracked.last_seen_ns) == (101 * SECOND, 102 * SECOND)
    assert (tracked.class_id, tracked.class_name, tracked.detections, tracked.box) == (1, "cup", 2, (7, 8, 9, 10))


def test_an_object_keeps_its_id_if_it_returns_before_it_expires():
    story = Story(expiry_s=20.0)
    for _ in range(3):
        story.see(at(0, 0, 0))
    for _ in range(10):
        story.see(after_s=1.9)
    assert story.states() == {1: LOST}
    assert story.see(at(0.1, 0, 0), after_s=1.0) == [1]  # exactly 20 s after it was seen last
    for _ in range(3):
        story.see(at(0.1, 0, 0))
    assert story.states() == {1: CONFIRMED}
    assert story.see(at(0.1, 0, 0), after_s=20.1) == [2]


def test_a_lost_object_that_expires_is_gone_without_any_detection():
    story = Story(expiry_s=2.0, lost_after=1)
    for _ in range(3):
        story.see(at(0, 0, 0))
    story.see(after_s=2.0)
    assert story.states() == {1: LOST}
    story.see(after_s=0.1)
    assert story.states() == {}


def test_ids_count_up_from_1_and_are_never_given_again():
    story = Story(expiry_s=0.05)
    assert [story.see(at(0, 0, 0), at(9, 0, 0)) for _ in range(3)] == [[1, 2], [3, 4], [5, 6]]


def test_confirmed_objects_stand_first_then_the_lost_then_the_tentative():
    story = Story(lost_after=2)
    for _ in range(3):
        story.see(at(0, 0, 0), at(5, 0, 0, name="chair"), at(9, 0, 0))
    for _ in range(2):
        story.see(at(20, 0, 0), at(5, 0, 0, name="chair"))
    assert list(story.states().items()) == [(3, CONFIRMED), (1, LOST), (2, LOST), (4, TENTATIVE)]


def test_two_classes_at_one_place_are_two_objects():
    story = Story()
    assert story.see(at(0, 0, 0), at(0, 0, 0, name="chair")) == [1, 2]
    assert story.see(at(0, 0, 0, name="chair"), at(0, 0, 0)) == [2, 1]


def test_of_two_detections_in_one_image_the_nearer_one_keeps_the_id():
    story = Story()
    story.see(at(0, 0, 0))
    assert story.see(at(0.3, 0, 0), at(0.1, 0, 0)) == [2, 1]


def nearest_as_a_whole(now, before):
    """The oracle: of all orders the one of the least sum of squares."""
    return min(permutations(range(len(before))), key=lambda order: ((now - before[list(order)]) ** 2).sum())


@pytest.mark.parametrize("seed", range(20))
def test_objects_that_pass_one_another_keep_their_ids(seed):
    """Five cups on straight ways through one square; at each image the oracle tells the whole that fits best."""
    rng = np.random.default_rng(seed)
    start, goal = rng.uniform(-2, 2, (2, 5, 3))
    story, true_ids, before = Story(association_distance_m=10.0), None, start
    for step in range(60):
        now = start + (goal - start) * step / 60
        shuffled = rng.permutation(5)  # in whatever order the image brings them
        ids = np.array(story.see(*[at(*now[number]) for number in shuffled]))[np.argsort(shuffled)]
        if true_ids is None:
            true_ids = ids
        assert nearest_as_a_whole(now, before) == tuple(range(5)), "the story is one where they can be told apart"
        np.testing.assert_array_equal(ids, true_ids)
        before = now


def test_two_that_meet_and_pass_at_a_distance_keep_their_ids_with_noise():
    rng, story = np.random.default_rng(1), Story()
    for step in range(101):
        x = -1 + step * 0.02
        noise = rng.normal(0, 0.01, (2, 3))
        assert story.see(at(*noise[0] + [x, 0, 0]), at(*noise[1] + [-x, 0.2, 0])) == [1, 2]


def test_a_hidden_object_does_not_take_its_neighbours_detection():
    story = Story()
    for _ in range(3):
        story.see(at(0, 0, 0), at(0.4, 0, 0))
    assert story.see(at(0.38, 0, 0)) == [2]


def test_beyond_the_association_distance_it_is_another_object():
    story = Story(association_distance_m=0.5)
    story.see(at(0, 0, 0))
    assert story.see(at(0.3, 0.39, 0)) == [1]  # 0.492 m
    assert story.see(at(0.3, 0.89, 0.1)) == [2]  # 0.51 m
