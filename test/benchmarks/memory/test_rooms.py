# SPDX-License-Identifier: Apache-2.0
"""The memory's proof, short: one room with three pictures, seen from in front of each, by `mini`."""

import pytest

from benchmarks.memory.rooms import measure_room, summary
from benchmarks.nav.sim_world import SimulationError, check_drawing
from talk2dino_ros.engine import load_segmenter

try:
    check_drawing()
except SimulationError as missing:
    pytest.skip(str(missing), allow_module_level=True)

PHOTOS = ("chelsea", "coffee", "dogs")


def in_front(room):
    """From in front of each board, from near and from far."""
    return [board.before(distance) for board in room.boards for distance in (1.9, 1.4, 0.9)]


@pytest.mark.slow
def test_what_was_in_no_vocabulary_is_found_again_and_what_moved_is_where_it_is_now(tmp_path):
    facts = measure_room(load_segmenter("mini", device="cpu"), 0, tmp_path, PHOTOS, in_front)
    assert [answer.word for answer in facts.remembered] == ["cat", "cup", "dog"]
    assert all(answer.is_found(1) for answer in facts.remembered)
    assert all(answer.is_found(1) for answer in facts.tracked)  # the same words in the vocabulary
    assert not any(answer.places for answer in facts.door_alone)
    assert any(answer.is_found(1) for answer in facts.questioned)  # each for itself: some are taken for the others
    assert (facts.toured.keyframes, facts.toured.images) == (9, 9)
    assert {move.word for move in facts.moves} <= {"cat", "cup", "dog"}
    assert len(facts.moves) == 2
    assert all(move.was_known and move.new_is_first for move in facts.moves)
    rows = summary([facts, facts])
    assert (rows["remembered"]["words"], rows["recall_at_1_percent_of_upper_bound"]) == (6, 100.0)
    assert rows["absent_words"] == 20
