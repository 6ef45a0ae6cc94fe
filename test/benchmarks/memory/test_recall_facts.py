# SPDX-License-Identifier: Apache-2.0
"""The figures of what is found again, by cases counted by hand."""

import pytest

from benchmarks.memory.recall import Answer, Move, move_facts, recall_facts, share

HERE, BESIDE, FAR = (1.0, 2.0, 0.8), (1.3, 2.4, 0.8), (1.4, 2.4, 0.8)  # 0, 0.5 and 0.566 m from HERE


def test_a_place_within_half_a_metre_of_any_of_the_words_objects_is_found():
    assert Answer("cup", (BESIDE,), (HERE,)).errors == pytest.approx([0.5])
    assert Answer("cup", (FAR, BESIDE), ((9.0, 9.0, 9.0), HERE)).errors == pytest.approx([0.5657, 0.5], abs=1e-4)
    assert Answer("cup", ((1.3, 2.0, 0.8),), ((9.0, 9.0, 9.0), HERE)).is_found(1)
    assert not Answer("cup", (FAR,), (HERE,)).is_found(1)
    assert not Answer("cup", (), (HERE,)).is_found(3)


def test_only_the_first_places_count():
    answer = Answer("cup", (FAR, FAR, HERE, FAR), (HERE,))
    assert not answer.is_found(1)
    assert not answer.is_found(2)
    assert answer.is_found(3)
    assert not Answer("cup", (FAR, FAR, FAR, HERE), (HERE,)).is_found(3)


def test_recall_is_of_all_words_and_the_error_of_those_with_a_place():
    answers = [
        Answer("cup", ((1.0, 2.0, 1.0),), (HERE,)),  # 0.2 m
        Answer("dog", ((1.0, 3.0, 0.8), HERE), (HERE,)),  # 1 m, then it
        Answer("hat", ((1.0, 2.0, 3.8),), (HERE,)),  # 3 m
        Answer("fig", (), (HERE,)),
    ]
    assert recall_facts(answers) == {
        "words": 4,
        "recall_at_1_percent": 25.0,
        "recall_at_3_percent": 50.0,
        "words_with_a_place": 3,
        "best_place_error_m_median": 1.0,
        "not_found_at_3": ["fig", "hat"],
    }


def test_a_tracker_that_knows_nothing_has_no_error():
    facts = recall_facts([Answer("cup", (), (HERE,))])
    assert (facts["recall_at_1_percent"], facts["best_place_error_m_median"]) == (0.0, None)
    assert share(0, 0) is None


def test_moved_objects_count_where_they_were_known_before():
    there = (5.0, 5.0, 0.8)
    moves = [
        Move("cup", True, HERE, there, (there,)),  # gone and found
        Move("dog", True, HERE, there, (there, HERE)),  # found, and still where it was
        Move("hat", True, HERE, there, ()),  # gone and not found
        Move("fig", False, HERE, there, (there,)),  # not known before
    ]
    assert move_facts(moves) == {
        "moved_words": 4,
        "known_before": 3,
        "old_place_gone": 2,
        "new_place_first": 2,
        "still_at_the_old_place": ["dog"],
    }
