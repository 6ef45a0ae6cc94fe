# SPDX-License-Identifier: Apache-2.0
"""However much is seen, an image's time and the memory are bounded, and what is followed stays followed."""

from talk2dino_ros.perception.tracking.tracker import (
    MOST_OF_A_CLASS,
    MOST_TRACKS,
    Detection,
    Tracker,
    TrackerOptions,
    TrackState,
)

S = 10**9


def cups(count, first=0, name="cup", class_id=1):
    """So many cups a metre apart."""
    return [
        Detection(class_id, name, 0.9, (0, 0, 5, 5), (float(place % 100), float(place // 100), 1.0))
        for place in range(first, first + count)
    ]


def test_ten_thousand_detections_make_no_more_than_the_most_objects_and_these_are_followed():
    tracker = Tracker()
    seen = cups(10_000)
    ids = [tracker.update(moment * S, "map", seen, {1: "cup"}) for moment in range(3)]
    assert ids[0] == ids[1] == ids[2] == [*range(1, MOST_OF_A_CLASS + 1), *[0] * (10_000 - MOST_OF_A_CLASS)]
    assert len(tracker.objects()) == MOST_OF_A_CLASS


def test_many_classes_together_have_a_most_too():
    tracker = Tracker()
    labels = {class_id: f"object {class_id}" for class_id in range(1, 101)}
    seen = [each for class_id, name in labels.items() for each in cups(50, 0, name, class_id)]
    ids = tracker.update(0, "map", seen, labels)
    assert len(tracker.objects()) == MOST_TRACKS
    assert sum(each > 0 for each in ids) == MOST_TRACKS


def test_the_longest_lost_gives_way_to_what_is_seen():
    tracker = Tracker(TrackerOptions(confirm_detections=1, confirm_window=1, lost_after=1))
    tracker.update(0, "map", cups(1, 500), {1: "cup"})  # lost first
    tracker.update(1 * S, "map", cups(MOST_OF_A_CLASS - 1, 1000), {1: "cup"})
    assert len(tracker.objects()) == MOST_OF_A_CLASS
    new = tracker.update(2 * S, "map", cups(1, 9000), {1: "cup"})
    objects = {each.id: each.state for each in tracker.objects()}
    assert len(objects) == MOST_OF_A_CLASS
    assert 1 not in objects
    assert objects[new[0]] == TrackState.CONFIRMED
