# SPDX-License-Identifier: Apache-2.0
import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.segmenter.vocabulary.class_ids import ClassIds

QUARANTINE_S = 10.0


@pytest.fixture
def ids():
    return ClassIds(QUARANTINE_S)


def put_into_force(ids, names, now_s, fixed=None):
    assigned = ids.assign(names, fixed, now_s)
    ids.commit(names, assigned, now_s)
    return assigned


def test_fresh_ids_are_1_2_3_in_the_order_of_the_names(ids):
    assert ids.assign(["door", "chair", "person"], None, 0.0) == (1, 2, 3)


def test_a_name_keeps_its_id_whatever_its_place_in_the_next_vocabulary(ids):
    put_into_force(ids, ["door", "chair", "person"], 0.0)
    assert put_into_force(ids, ["person", "dog", "door"], 1.0) == (3, 4, 1)


def test_assigning_changes_nothing_until_it_is_committed(ids):
    put_into_force(ids, ["door"], 0.0)
    assert ids.assign(["chair"], None, 1.0) == (2,)
    assert ids.assign(["table", "door"], None, 2.0) == (2, 1)


def test_a_dropped_id_goes_to_no_other_name_before_the_quarantine_has_passed(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    put_into_force(ids, ["chair"], 5.0)
    assert ids.assign(["chair", "dog"], None, 14.9) == (2, 3)
    assert ids.assign(["chair", "dog"], None, 15.0) == (2, 1)


def test_an_id_that_is_being_dropped_goes_to_no_name_of_the_same_vocabulary(ids):
    put_into_force(ids, ["door"], 0.0)
    assert ids.assign(["chair"], None, 1000.0) == (2,)


def test_the_quarantine_counts_from_the_commit_and_not_from_the_request(ids):
    put_into_force(ids, ["door"], 0.0)
    slowly = ids.assign(["chair"], None, 1.0)
    ids.commit(["chair"], slowly, 8.0)
    assert ids.assign(["dog"], None, 17.0) == (3,)
    assert ids.assign(["dog"], None, 18.0) == (1,)


def test_a_name_that_comes_back_within_the_quarantine_gets_its_old_id(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    put_into_force(ids, ["chair"], 1.0)
    assert put_into_force(ids, ["dog", "door"], 2.0) == (3, 1)


def test_a_name_that_comes_back_late_gets_its_old_id_if_nobody_took_it(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    put_into_force(ids, ["chair"], 1.0)
    assert ids.assign(["dog", "door"], None, 1000.0) == (3, 1)


def test_a_name_that_comes_back_after_another_took_its_id_gets_a_fresh_one(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    put_into_force(ids, ["chair"], 1.0)
    assert put_into_force(ids, ["dog"], 20.0) == (1,)
    assert put_into_force(ids, ["dog", "door"], 40.0) == (1, 2)


def test_without_a_quarantine_a_dropped_id_is_free_at_once():
    ids = ClassIds(0.0)
    put_into_force(ids, ["door", "chair"], 0.0)
    assert put_into_force(ids, ["dog", "chair"], 0.0) == (1, 2)


def test_time_that_jumps_back_releases_no_id_early(ids):
    put_into_force(ids, ["door"], 1000.0)
    put_into_force(ids, ["chair"], 1001.0)
    assert ids.assign(["dog"], None, 0.0) == (3,)
    assert ids.assign(["dog"], None, 9.9) == (3,)


def test_time_that_jumps_back_holds_no_id_for_ever(ids):
    put_into_force(ids, ["door"], 1000.0)
    put_into_force(ids, ["chair"], 1001.0)
    ids.assign(["dog"], None, 0.0)
    assert ids.assign(["dog"], None, 10.0) == (1,)


def test_fixed_ids_are_taken_as_they_are(ids):
    assert put_into_force(ids, ["door", "chair", "person"], 0.0, fixed=[254, 0, 7]) == (254, 0, 7)
    assert put_into_force(ids, ["person", "dog"], 1.0) == (7, 1)


def test_a_name_that_is_moved_to_another_id_leaves_the_old_one_in_quarantine(ids):
    put_into_force(ids, ["door"], 0.0)
    put_into_force(ids, ["door"], 1.0, fixed=[9])
    assert put_into_force(ids, ["door", "dog"], 2.0) == (9, 2)
    assert ids.assign(["door", "dog", "cat"], None, 11.0) == (9, 2, 1)


def test_of_two_ids_a_name_had_it_gets_the_last_one_back(ids):
    put_into_force(ids, ["door"], 0.0)
    put_into_force(ids, ["door"], 1.0, fixed=[9])
    put_into_force(ids, ["chair"], 2.0)
    assert ids.assign(["door"], None, 3.0) == (9,)


@pytest.mark.parametrize("wrong", [-1, 255, 256, 70000])
def test_a_fixed_id_that_a_mask_cannot_carry_is_refused(ids, wrong):
    with pytest.raises(VocabularyError, match=rf"id {wrong} of 'door'.* from 0 to 254"):
        ids.assign(["door"], [wrong], 0.0)


def test_the_same_fixed_id_for_two_names_is_refused(ids):
    with pytest.raises(VocabularyError, match="id 3 was given to 'door' and to 'chair'"):
        ids.assign(["door", "chair"], [3, 3], 0.0)


def test_fixed_ids_must_be_as_many_as_the_names(ids):
    with pytest.raises(VocabularyError, match="1 fixed id came with 2 classes"):
        ids.assign(["door", "chair"], [1], 0.0)


def test_no_fixed_ids_may_be_said_by_an_empty_list(ids):
    assert ids.assign(["door"], [], 0.0) == (1,)


def test_a_fixed_id_in_quarantine_for_another_name_is_refused_until_it_is_free(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    put_into_force(ids, ["chair"], 1.0)
    with pytest.raises(VocabularyError, match=r"id 1 of 'dog' still means 'door'.* 10 s later"):
        ids.assign(["dog"], [1], 10.9)
    assert ids.assign(["dog"], [1], 11.0) == (1,)
    assert ids.assign(["door"], [1], 2.0) == (1,)


def test_two_names_cannot_swap_their_ids(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    with pytest.raises(VocabularyError, match="id 2 of 'door' still means 'chair'"):
        ids.assign(["door", "chair"], [2, 1], 1.0)


def test_a_refused_request_leaves_what_is_active(ids):
    put_into_force(ids, ["door", "chair"], 0.0)
    with pytest.raises(VocabularyError):
        ids.assign(["door", "dog"], [1, 2], 1.0)
    assert ids.assign(["dog", "chair", "door"], None, 2.0) == (3, 2, 1)


def test_a_distractor_gets_no_id_and_its_fixed_one_is_ignored(ids):
    assert put_into_force(ids, [None, "door", None, "chair"], 0.0) == (255, 1, 255, 2)
    assert put_into_force(ids, ["door", None, None], 1.0, fixed=[1, 1, 999]) == (1, 255, 255)


def test_255_names_do_not_fit_and_the_remedy_is_named(ids):
    names = [f"object {number}" for number in range(255)]
    assert ids.assign(names[:254], None, 0.0) == tuple(range(1, 255))
    with pytest.raises(VocabularyError, match=r"No id is free for 'object 254': 0 of 255 .*ask for fewer"):
        ids.assign(names, None, 0.0)


def test_ids_in_quarantine_count_as_used_until_they_are_released(ids):
    put_into_force(ids, [f"old {number}" for number in range(200)], 0.0)
    put_into_force(ids, ["old 0"], 1.0)
    many = [f"new {number}" for number in range(55)]
    with pytest.raises(VocabularyError, match=r"No id is free for 'new 54': 200 of 255 .*less than 10 s ago"):
        ids.assign(many, None, 2.0)
    assert ids.assign(many, None, 11.0) == tuple(range(2, 57))


def test_the_unlabeled_id_is_neither_given_nor_taken():
    ids = ClassIds(QUARANTINE_S, unlabeled_id=2)
    assert ids.assign(["door", "chair"], None, 0.0) == (1, 3)
    with pytest.raises(VocabularyError, match="from 0 to 254, and not 2, which means unlabeled"):
        ids.assign(["door"], [2], 0.0)


def test_a_commit_whose_id_another_one_took_is_refused_and_changes_nothing(ids):
    first, second = ids.assign(["door"], None, 0.0), ids.assign(["chair"], None, 0.0)
    assert first == second == (1,)
    ids.commit(["door"], first, 1.0)
    with pytest.raises(VocabularyError, match="id 1 of 'chair' still means 'door'"):
        ids.commit(["chair"], second, 2.0)
    assert ids.assign(["door"], None, 3.0) == (1,)
