# SPDX-License-Identifier: Apache-2.0
"""Who asks without end does not keep others waiting."""

from talk2dino_ros.ros.requests.fair_queue import MOST_WAITING, FairQueue


def test_askers_take_turns_and_keep_their_own_order():
    queue = FairQueue()
    for asker, item in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")):
        assert queue.put(asker.encode(), item)
    taken = []
    while queue:
        taken.append(queue.pop())
    assert taken == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_an_asker_has_so_many_waiting_and_others_have_their_own():
    queue = FairQueue()
    assert all(queue.put(b"stranger", number) for number in range(MOST_WAITING))
    assert not queue.put(b"stranger", MOST_WAITING)
    assert queue.put(b"good", "one")
    assert queue.pop() == 0
    assert queue.pop() == "one"
    assert queue.put(b"stranger", MOST_WAITING)
