# SPDX-License-Identifier: Apache-2.0
import numpy as np

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.viz.explain.explained_words import (
    DISTRACTOR_COLOUR,
    fit_table,
    name_block,
    names_block,
    word_colours,
)
from talk2dino_ros.viz.legend import font_for
from talk2dino_ros.viz.overlay import color_of

VOCABULARY = Vocabulary.from_embeddings(["cat", "!wall", "sofa"], np.eye(3))


def has(picture, colour):
    return (picture == colour).all(axis=2)


def test_words_have_the_masks_colours_and_distractors_are_grey():
    assert word_colours(VOCABULARY) == [color_of(1), DISTRACTOR_COLOUR, color_of(2)]


def test_a_long_name_takes_more_lines_and_stays_in_its_block():
    short, long = (name_block(name, (200, 0, 0), 120, 90, 20) for name in ("cat", "fire extinguisher, red"))
    assert short.shape == long.shape == (90, 120, 3)
    rows = [np.flatnonzero((block[:, 30:] < 128).any(axis=(1, 2))) for block in (short, long)]
    assert np.ptp(rows[1]) > 2 * np.ptp(rows[0])
    assert has(short, (200, 0, 0))[45, 10]


def test_shown_classes_are_named_in_as_many_lines_as_it_takes():
    both, one = names_block(VOCABULARY, {1, 2, 255}, 400, 20), names_block(VOCABULARY, {2, 255}, 400, 20)
    assert has(both, color_of(1)).any()
    assert has(both, color_of(2)).any()
    assert not has(one, color_of(1)).any()
    narrow = names_block(VOCABULARY, {1, 2}, 120, 20)
    assert len(narrow) == 2 * len(both)
    assert has(narrow[: len(both)], color_of(1)).any()
    assert has(narrow[len(both) :], color_of(2)).any()
    assert not has(names_block(VOCABULARY, {255}, 400, 20), DISTRACTOR_COLOUR).any()


def test_the_best_head_of_each_word_is_framed_in_its_colour():
    fit = np.array([[0.1, 0.4, 0.2], [0.3, 0.0, 0.1], [0.0, 0.1, 0.9]], np.float32)
    table = fit_table(fit, VOCABULARY, 700, 20)
    label, cell = round(max(font_for(name, 20).getlength(name) for name in VOCABULARY.names)) + 60, 120
    for row, (best, colour) in enumerate(zip((1, 0, 2), word_colours(VOCABULARY), strict=True)):
        line = table[38 * (row + 1) : 38 * (row + 2)]
        framed = [has(line[:, label + head * cell : label + (head + 1) * cell], colour).any() for head in range(3)]
        assert framed == [head == best for head in range(3)]


def test_many_heads_fit_into_the_width():
    assert fit_table(np.zeros((3, 24), np.float32), VOCABULARY, 700, 20).shape[1] == 700
