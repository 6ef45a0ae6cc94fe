# SPDX-License-Identifier: Apache-2.0
"""Texts without end in parameters are refused in a short sentence, and change nothing."""

import pytest

from talk2dino_ros.ros.parameters.parameter_set import MOST_CHARACTERS, ParameterError, check_changes
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


@pytest.mark.parametrize(
    ("name", "value", "characters"),
    [
        ("target_frame", "x" * (MOST_CHARACTERS + 1), MOST_CHARACTERS + 1),
        ("vocabulary", ("cup", "y" * MOST_CHARACTERS), MOST_CHARACTERS + 3),
        ("model", "z" * 10_000_000, 10_000_000),
    ],
)
def test_a_text_without_end_is_refused_in_a_short_sentence(name, value, characters):
    with pytest.raises(ParameterError) as refusal:
        check_changes({name: value}, Parameters(), configured=False)
    assert str(refusal.value) == f"{name} has {characters} characters, expected at most 100000; shorten it"


@pytest.mark.parametrize("name", ["state_file", "text_cache_dir", "vocabulary_file", "onnx_file", "problem_folder"])
def test_a_path_with_a_nul_is_refused(name):
    with pytest.raises(ParameterError, match=f"{name} holds a NUL, which no name and no path has; write it without"):
        check_changes({name: "/tmp/a\0b"}, Parameters(), configured=False)


def test_the_longest_that_is_allowed_is_taken():
    longest = ("cup: " + "c" * (MOST_CHARACTERS - 5),)
    assert check_changes({"vocabulary": longest}, Parameters(), configured=False).vocabulary == longest
