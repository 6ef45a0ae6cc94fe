# SPDX-License-Identifier: Apache-2.0
"""Numbers with their nouns."""

import pytest

from talk2dino_ros.engine.text.counted import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (2, ("image",), "2 images"),
        (1, ("class has", "classes have"), "1 class has"),
        (3, ("class has", "classes have"), "3 classes have"),
    ],
)
def test_a_number_has_the_noun_that_english_has(number, words, said):
    assert counted(number, *words) == said
