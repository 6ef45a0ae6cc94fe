# SPDX-License-Identifier: Apache-2.0
"""What a set_vocabulary makes of the classes that are active."""

from dataclasses import replace

import numpy as np
import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter.vocabulary.vocabulary_change import VocabularyChange

ACTIVE = replace(Vocabulary.from_embeddings(["door", "pet: dog, cat", "!wall", "?cup"], np.eye(4)), version=7)


def change(expected_version=0, **fields):
    lists = {name: tuple(texts) for name, texts in fields.items()}
    return VocabularyChange(**{"classes": (), "expected_version": expected_version, **lists})


def after(**fields):
    asked = change(**fields)
    asked.check()
    outcome = asked.applied_to(ACTIVE)
    return [entry.text for entry in outcome.classes], list(outcome.added)


def test_classes_alone_replace_all():
    assert after(classes=["chair", "?cat"]) == (["chair", "?cat"], [])


def test_added_classes_come_behind_the_others():
    assert after(add=["?cat", "chair: seat"]) == (
        ["door", "pet: dog, cat", "!wall", "?cup", "?cat", "chair: seat"],
        ["cat", "chair"],
    )


def test_a_class_that_is_active_already_stays_and_is_not_added():
    assert after(add=["?Cup: cup", "pet: dog, cat"]) == (["door", "pet: dog, cat", "!wall", "?cup"], [])
    assert after(remove=["?cup"], add=["?cup"]) == (["door", "pet: dog, cat", "!wall", "?cup"], [])


@pytest.mark.parametrize(
    ("remove", "left"),
    [
        (["?cup"], ["door", "pet: dog, cat", "!wall"]),
        (["?CUP: whatever"], ["door", "pet: dog, cat", "!wall"]),
        (["!wall", "pet"], ["door", "?cup"]),
        (["?door", "cup", "wall", "!pet", "nobody"], ["door", "pet: dog, cat", "!wall", "?cup"]),  # of another kind
    ],
)
def test_only_the_same_kind_and_name_is_removed_and_absent_names_are_no_error(remove, left):
    assert after(remove=remove) == (left, [])


@pytest.mark.parametrize(
    ("remove", "absent"),
    [
        ([], ()),
        (["?CUP: whatever", "!wall"], ()),
        (["?door", "?cup", "cup: mug", "Nobody", "cup"], ("?door", "cup", "Nobody")),
    ],
)
def test_what_was_to_be_removed_and_is_not_there_is_told_once(remove, absent):
    assert change(remove=remove, add=["cat"]).applied_to(ACTIVE).absent == absent


def test_a_class_becomes_another_one_in_one_request():
    assert after(remove=["?cup"], add=["cup: cup, mug"]) == (
        ["door", "pet: dog, cat", "!wall", "cup: cup, mug"],
        ["cup"],
    )


@pytest.mark.parametrize("version", [0, 7])
def test_any_version_and_the_one_active_may_be_changed(version):
    assert after(remove=["?cup"], expected_version=version)[0] == ["door", "pet: dog, cat", "!wall"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"add": ["cat"], "expected_version": 6}, "has the version 7, expected 6: somebody has changed it"),
        ({"classes": ["door"], "expected_version": 6}, "has the version 7, expected 6"),
        ({"add": ["door: gate"]}, "'door: gate' was to be added, but the name stands for 'door'"),
        ({"add": ["?DOOR"]}, "'?DOOR' was to be added, but the name stands for 'door'"),
        ({"add": ["cat", "Cat"]}, "occurs twice"),
        ({"remove": ["door", "pet"]}, "expected at least one to label"),
        ({"add": ["cat: "]}, "blank prompt"),
        ({"remove": ["?"]}, "blank class name"),
        ({"classes": ["cat"], "add": ["dog"]}, "classes were given together with add or remove"),
        ({"ids": [3], "add": ["dog"]}, "ids were given together with add or remove"),
        ({}, "a vocabulary of 0 classes"),
    ],
)
def test_invalid_changes_are_refused_with_the_reason(fields, says):
    with pytest.raises(VocabularyError) as error:
        after(**fields)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_adding_a_class_that_is_there_changes_its_threshold_alone_and_only_where_one_is_written():
    changed = ["door >= 0.56", "pet: dog, cat", "!wall", "?cup >= 0.6"]
    assert after(add=["door >= 0.56", "?Cup >= 0.6: cup"]) == (changed, [])
    outcome = change(add=["door"]).applied_to(ACTIVE.with_classes(change(classes=changed).applied_to(ACTIVE).classes))
    assert [entry.text for entry in outcome.classes] == changed


def test_what_differs_in_thresholds_alone_has_the_same_words():
    for texts, is_same in (
        (["door >= 0.6", "pet: dog, cat", "!wall", "?cup"], True),
        (["door >= 0.6", "pet: dog", "!wall", "?cup"], False),
        (["door", "!wall", "pet: dog, cat", "?cup"], False),
        (["door", "pet: dog, cat", "!wall", "cup"], False),
    ):
        assert ACTIVE.has_words_of(change(classes=texts).applied_to(ACTIVE).classes) == is_same
