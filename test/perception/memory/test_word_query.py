# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.perception.memory.word_query import WordQuery, confidence_of, entries_of, make_query, scores_of


def test_a_class_and_its_competitors_are_read_as_a_vocabulary_is():
    entries = entries_of("mug: mug, coffee cup", ["table", "!wall", "Mug: beaker"])
    assert [entry.text for entry in entries] == ["mug: mug, coffee cup", "table", "!wall"]


@pytest.mark.parametrize(
    ("class_name", "against"),
    [("", []), ("!mug", []), ("?mug", []), ("mug", ["?table"]), ("mug", [""]), ("mug", ["a", "a"])],
)
def test_a_search_for_no_name_or_among_impossible_words_is_refused(class_name, against):
    with pytest.raises(VocabularyError):
        entries_of(class_name, against)


def test_kin_do_not_compete_and_distractors_always_do_as_with_a_question():
    """By the rule that the engine has: 'woman' is a kind of 'person', 'cup, mug' shares a prompt with 'mug'."""
    names = ["mug", "cup: cup, Mug", "table", "beaker", "!tankard"]
    near = np.array(
        [[1, 0, 0], [0, 1, 0], [0.5, 0, math.sqrt(0.75)], [0.7, 0.51**0.5, 0], [0.9, 0.19**0.5, 0]], np.float32
    )
    query = make_query(entries_of(names[0], names[1:]), near, 0.55, 10.0)
    np.testing.assert_array_equal(query.vectors, near[[0, 2, 4]])
    questioned = Vocabulary.from_embeddings([f"?{names[0]}", *names[1:]], near)
    assert questioned.against(0) == [2, 4]


def test_scores_and_thresholds_are_the_engines():
    np.testing.assert_allclose(scores_of(np.array([0.0, 0.2, -0.3])), [0.5, 0.549834, 0.425557], rtol=1e-5)
    query = WordQuery("mug", np.zeros((1, 3), np.float32), background=0.55, logit_scale=10.0)
    assert scores_of(np.array([query.nothing])) == pytest.approx(0.55)
    assert WordQuery("mug", query.vectors, None, 10.0).nothing == -1.0


def test_confidence_is_that_of_a_choice_between_two():
    assert confidence_of(0.3, 0.3, 20.0) == 0.5
    assert confidence_of(0.3, 0.2, 20.0) == pytest.approx(1 / (1 + math.exp(-2)))
    assert confidence_of(-1.0, 1.0, 1e4) == pytest.approx(0.0)
