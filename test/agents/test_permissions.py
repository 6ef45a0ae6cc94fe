# SPDX-License-Identifier: Apache-2.0
"""What an agent may do, by the arguments of its server."""

import argparse

import pytest

from talk2dino_ros.agents.mcp_arguments import add_mcp_arguments, permissions_of
from talk2dino_ros.agents.permissions import Permission
from talk2dino_ros.engine.errors import VocabularyError


def permissions(*arguments):
    parser = argparse.ArgumentParser()
    add_mcp_arguments(parser)
    return permissions_of(parser.parse_args(arguments))


def test_nothing_is_allowed_by_itself():
    assert not permissions().has_go_to
    assert permissions().for_go_to("cup") is Permission.FORBIDDEN
    assert permissions().for_words(["cup"], adds=True) is Permission.ASK


@pytest.mark.parametrize(
    ("word", "permission"),
    [
        ("cup", Permission.ALLOWED),
        (" CUP ", Permission.ALLOWED),
        ("mug: red mug, cup", Permission.ALLOWED),
        ("mug", Permission.FORBIDDEN),  # other words behind the label than those that were allowed
        ("cup: person", Permission.FORBIDDEN),
        ("?cup", Permission.FORBIDDEN),
        ("cups", Permission.FORBIDDEN),
    ],
)
def test_an_allow_list_is_taken_to_the_letter(word, permission):
    assert permissions("--allow-go-to", "cup; mug: red mug, cup").for_go_to(word) is permission


def test_a_person_may_be_asked_about_the_rest():
    asking = permissions("--allow-go-to", "cup", "--confirm-go-to")
    assert (asking.for_go_to("cup"), asking.for_go_to("dog")) == (Permission.ALLOWED, Permission.ASK)


@pytest.mark.parametrize(
    ("words", "adds", "permission"),
    [
        (["?mug", "?cup"], True, Permission.ALLOWED),
        (["?mug", "cup"], True, Permission.ASK),
        (["!mug"], True, Permission.ASK),
        (["?mug"], False, Permission.ASK),
    ],
)
def test_only_questions_that_are_added_need_no_person(words, adds, permission):
    assert permissions().for_words(words, adds=adds) is permission
    assert permissions("--allow-set-words").for_words(words, adds=adds) is Permission.ALLOWED


def test_a_word_that_can_be_none_is_refused():
    with pytest.raises(VocabularyError, match="control"):
        permissions("--allow-go-to", "a\x1b[2J")


@pytest.mark.parametrize(("word", "instead"), [("!cup", "cup"), ("?mug >= 0.56: cup", "mug >= 0.56: cup")])
def test_what_no_robot_can_be_sent_to_is_refused(word, instead):
    with pytest.raises(VocabularyError) as error:
        permissions("--allow-go-to", f"door; {word}")
    assert str(error.value) == (
        f"--allow-go-to has the word '{word}', expected one without a mark, as a robot is sent to no distractor and to "
        f"no question; write '{instead}'"
    )
