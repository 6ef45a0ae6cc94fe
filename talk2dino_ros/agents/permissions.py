# SPDX-License-Identifier: Apache-2.0
"""What an agent may do without asking a person, with asking, or not at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from talk2dino_ros.engine.text.class_entries import parse_class


class Permission(Enum):
    """Whether something may be done."""

    ALLOWED = 1
    ASK = 2
    FORBIDDEN = 3


@dataclass(frozen=True)
class Permissions:
    """Limits of an agent, from the command line.

    go_to_words: classes, as SetVocabulary has them, that the robot may be sent to without asking. confirm_go_to:
    whether a person may be asked about others. set_words: whether words may be changed without asking a person.
    """

    go_to_words: tuple[str, ...] = ()
    confirm_go_to: bool = False
    set_words: bool = False

    @property
    def has_go_to(self) -> bool:
        """Whether the robot may be sent anywhere at all."""
        return bool(self.go_to_words) or self.confirm_go_to

    def for_go_to(self, word: str) -> Permission:
        """Return whether the robot may be sent to a word; raise VocabularyError where it could be none.

        The prompts count: "cup: person" is a name of the list, and would lead to persons.
        """
        if _spelled(word) in {_spelled(allowed) for allowed in self.go_to_words}:
            return Permission.ALLOWED
        return Permission.ASK if self.confirm_go_to else Permission.FORBIDDEN

    def for_words(self, words: Sequence[str], *, adds: bool) -> Permission:
        """Return whether words may be changed; raise VocabularyError for one that could be none.

        Questions that are added change no mask, and so nothing that a costmap takes from it.
        """
        entries = [parse_class(word) for word in words]
        if self.set_words or (adds and all(entry.question for entry in entries)):
            return Permission.ALLOWED
        return Permission.ASK


def _spelled(word: str) -> str:
    return parse_class(word).text.casefold()
