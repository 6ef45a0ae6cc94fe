# SPDX-License-Identifier: Apache-2.0
"""A ~/set_vocabulary request: replace all classes, or add and remove some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_class, parse_classes

if TYPE_CHECKING:
    from talk2dino_ros.engine import Vocabulary
    from talk2dino_ros.engine.text.class_entries import ClassEntry


@dataclass(frozen=True)
class ChangeOutcome:
    """Result of a change: all classes, the names that it added, and those to be removed that were not there."""

    classes: tuple[ClassEntry, ...]
    added: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()  # as they are written, such as "?cup"


@dataclass(frozen=True)
class VocabularyChange:
    """A request, as talk2dino_msgs/srv/SetVocabulary explains it."""

    classes: tuple[str, ...]
    ids: tuple[int, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    expected_version: int = 0

    @staticmethod
    def of(request: Any) -> VocabularyChange:
        """Read a request."""
        lists = (tuple(request.classes), tuple(request.ids), tuple(request.add), tuple(request.remove))
        return VocabularyChange(*lists, request.expected_version)

    @property
    def replaces(self) -> bool:
        """Whether all classes are replaced."""
        return not self.add and not self.remove

    def check(self) -> None:
        """Raise VocabularyError for what is wrong with any active vocabulary."""
        if self.replaces:
            parse_classes(self.classes)
            return
        for given, name in ((self.classes, "classes"), (self.ids, "ids")):
            if given:
                raise VocabularyError(
                    f"{name} were given together with add or remove, expected either all classes anew or a change of "
                    f"the active ones; leave out the {name}, or add and remove"
                )
        for text in (*self.add, *self.remove):
            parse_class(text)

    def applied_to(self, active: Vocabulary) -> ChangeOutcome:
        """Return the changed classes; raise VocabularyError where they are invalid or another version was expected."""
        if self.expected_version not in (0, active.version):
            raise VocabularyError(
                f"the active vocabulary has the version {active.version}, expected {self.expected_version}: "
                "somebody has changed it; look at ~/get_vocabulary and ask again"
            )
        if self.replaces:
            return ChangeOutcome(parse_classes(self.classes))
        gone = [parse_class(text) for text in self.remove]
        keys = {_key(entry) for entry in gone}
        kept = [entry for entry in active.classes if _key(entry) not in keys]
        wanted = [parse_class(text) for text in self.add]
        new = _not_among(kept, wanted)
        classes = parse_classes([entry.text for entry in (*_with_thresholds(kept, wanted), *new)])
        added = () if classes == active.classes else tuple(entry.name for entry in new)
        return ChangeOutcome(classes, added, _absent(gone, active))


def _absent(gone: Sequence[ClassEntry], active: Vocabulary) -> tuple[str, ...]:
    """Return the names, with their marks, that no active class of their kind has."""
    there = {_key(entry) for entry in active.classes}
    return tuple(dict.fromkeys(f"{entry.mark}{entry.name}" for entry in gone if _key(entry) not in there))


def _not_among(kept: Sequence[ClassEntry], wanted: Sequence[ClassEntry]) -> list[ClassEntry]:
    """Return those that are not there yet; raise VocabularyError where a name has another meaning."""
    there = {entry.name.casefold(): entry for entry in kept}
    new = []
    for entry in wanted:
        known = there.get(entry.name.casefold())
        if known is None:
            new.append(entry)
        elif (known.mark, known.prompts) != (entry.mark, entry.prompts):
            raise VocabularyError(
                f"the class '{entry.text}' was to be added, but the name stands for '{known.text}', expected another "
                "name or the same class; remove that one in the same request, or rename yours"
            )
    return new


def _with_thresholds(kept: Sequence[ClassEntry], wanted: Sequence[ClassEntry]) -> list[ClassEntry]:
    """Give those that are there the thresholds that they are wanted with; without one theirs stays."""
    named = {entry.name.casefold(): entry.threshold for entry in wanted if entry.threshold is not None}
    return [replace(entry, threshold=named.get(entry.name.casefold(), entry.threshold)) for entry in kept]


def _key(entry: ClassEntry) -> tuple[str, str]:
    return entry.mark, entry.name.casefold()
