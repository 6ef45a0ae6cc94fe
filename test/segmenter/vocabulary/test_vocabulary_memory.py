# SPDX-License-Identifier: Apache-2.0
"""The ids of questions and of the background, which no class may share with them."""

from types import SimpleNamespace

import numpy as np
import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.vocabulary import UNLABELED_ID, Vocabulary
from talk2dino_ros.segmenter.vocabulary.vocabulary_memory import VocabularyMemory


@pytest.fixture
def memory():
    memory = VocabularyMemory(pytest.fail, lambda: 10**9)
    begin(memory, "nothing")
    return memory


def begin(memory, background):
    memory.begin(
        SimpleNamespace(
            state_file="",
            vocabulary=(),
            vocabulary_file="",
            background_class=background,
            id_quarantine_s=10.0,
            unlabeled_id=255,
        ),
        is_real_time=True,
    )


def accept(memory, *texts, ids=()):
    vocabulary = Vocabulary.from_embeddings(list(texts), np.eye(len(texts)))
    return memory.commit(vocabulary, memory.assign(vocabulary.classes, ids))


def test_the_background_has_an_id_that_it_keeps_and_that_is_in_label_info(memory):
    first = accept(memory, "door", "!wall", "?cat")
    assert (first.ids, first.background_id) == ((1, UNLABELED_ID, 2), 3)
    assert first.mask_labels() == {1: "door", 3: "nothing"}
    assert first.labels() == {1: "door"}
    second = accept(memory, "chair", "dog", "door")
    assert (second.ids, second.background_id) == ((4, 5, 1), 3)  # 2 was the question's, and rests


def test_ids_fixed_for_the_classes_leave_the_background_its_own(memory):
    assert accept(memory, "door", ids=[7]).background_id == 1
    fixed = accept(memory, "door", "chair", ids=[7, 0])
    assert (fixed.ids, fixed.background_id) == ((7, 0), 1)
    with pytest.raises(VocabularyError, match="The id 1 of 'cup' still means 'nothing'"):
        accept(memory, "cup", ids=[1])
    with pytest.raises(VocabularyError, match="1 fixed id came with 2 classes"):
        accept(memory, "cup", "door", ids=[1])


@pytest.mark.parametrize("text", ["Nothing", "!nothing", "?nothing: void"])
def test_no_class_has_the_backgrounds_name(memory, text):
    with pytest.raises(VocabularyError, match="has the name of the background"):
        accept(memory, "door", text)


def test_without_a_background_there_is_none(memory):
    begin(memory, "")
    assert (accept(memory, "door").background_id, accept(memory, "door").mask_labels()) == (None, {1: "door"})


def test_a_background_that_gets_another_name_gets_another_id(memory):
    before = accept(memory, "door").background_id
    begin(memory, "rest")
    assert accept(memory, "door").background_id != before
