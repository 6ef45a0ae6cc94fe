# SPDX-License-Identifier: Apache-2.0
"""JSON and YAML of any origin: a value, or a ValueError in one line, at once."""

import time

import pytest

from talk2dino_ros.cli.nav2_layer_block import read_vocabulary
from talk2dino_ros.engine.errors import TrainingError, VocabularyError
from talk2dino_ros.engine.files.bounded_parsers import MOST_YAML, parse_json, parse_yaml
from talk2dino_ros.engine.train.recipe import find_recipe, read_recipe, read_yaml

# eight lists of ten of the list before: 10^8 values if the aliases were followed
ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8)
)


def test_plain_values_are_read():
    assert parse_json('{"a": [1, 2.5, null, "ü"]}') == parse_json(b'{"a": [1, 2.5, null, "\xc3\xbc"]}')
    assert parse_json("[1e3]") == [1000.0]
    assert parse_yaml("a: [1, 2.5, null, ü]\n") == {"a": [1, 2.5, None, "ü"]}
    assert parse_yaml("[" * 50 + "]" * 50) == parse_json("[" * 50 + "]" * 50)


def test_many_values_are_read_and_more_are_refused_long_before_they_are():
    assert len(parse_yaml("[" + "a, " * 19_000 + "]")) == 19_000
    begin_s = time.process_time()
    with pytest.raises(ValueError, match="more than 20000"):
        parse_yaml("[" + "{a: b}," * 110_000 + "]")  # took some 10 s
    assert time.process_time() - begin_s < 4.0


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", "Infinity", "NaN", '{"a": -Infinity}'])
def test_numbers_that_are_none_are_refused_unless_they_are_asked_for(text):
    with pytest.raises(ValueError, match="is no number that can be counted with"):
        parse_json(text)
    parse_json(text, finite=False)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "", "\0", b"\xff", b"\xff\xfe", '"\\ud800', "[1,]"]
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"\w") as raised:
        parse_json(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ALIASES, r"'\*a0' is an alias, which is not read"),
        ("a: &a [*a]", r"'\*a' is an alias"),
        ("a: " + "[" * 50_000, "more than 50 lists and tables stand within each other"),
        ("[" * 51 + "]" * 51, "more than 50 lists"),
        ("a: 2001-99-99", "month must be in"),
        ("a: " + "9" * 5000, "4300 digits"),
        ("a: !!int ''", "index out of range"),
        ("? {a: b}\n: c", "unhashable key"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: \0", "special characters are not allowed"),
        ("[" + "{a: b}," * 110_000 + "]", "more than 20000 values stand in it"),
        ("? a\n" * 200_000, "more than 20000 values"),
        ("x" * (MOST_YAML + 1), "it has 1048577 characters, and at most 1048576 are read"),
    ],
)
def test_what_is_no_bounded_yaml_is_a_value_error_of_one_line(text, reason):
    with pytest.raises(ValueError, match=reason) as raised:
        parse_yaml(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [ALIASES, "a: " + "[" * 50_000, "a: 2001-99-99", "a: !!int ''"])
def test_readers_of_yaml_answer_such_texts_with_their_own_error(text, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=r"x\.yaml cannot be read"):
        read_yaml(path)
    with pytest.raises(VocabularyError, match=r"x\.yaml cannot be read as a parameter file"):
        read_vocabulary(str(path))
    with pytest.raises(TrainingError, match="expected key=value"):
        read_recipe(find_recipe("talk2dino_vitb"), [text if "=" in text else f"epochs={text.partition(': ')[2]}"])
