# SPDX-License-Identifier: Apache-2.0
"""From what a page asks of its words to the classes of a new vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_class, parse_classes
from talk2dino_ros.engine.text.class_syntax import split_classes


def changed_words(
    shown: Sequence[str], typed: str = "", removed: str = "", thresholds: Mapping[str, float | None] | None = None
) -> list[str]:
    """Return the classes that a page shows with those that were typed, without the one of this name.

    typed: one or several, as `split_classes` reads them; one that has the name of another takes its place.
    thresholds: new ones by name, None for none of its own; the words stay, so that nothing has to be encoded.
    Raises VocabularyError.
    """
    entries = {parse_class(text).name.casefold(): text for text in shown if text}
    entries.pop(removed.casefold(), None)
    for name, threshold in (thresholds or {}).items():
        if name.casefold() in entries:
            entries[name.casefold()] = replace(parse_class(entries[name.casefold()]), threshold=threshold).text
    new = split_classes(typed)
    if typed and not new:
        raise VocabularyError(f"{typed[:60]!r} has no word, expected words such as 'door; sofa: sofa, couch'; type one")
    entries |= {parse_class(text).name.casefold(): text for text in new}
    return [entry.text for entry in parse_classes(list(entries.values()))]
