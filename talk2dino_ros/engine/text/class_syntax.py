# SPDX-License-Identifier: Apache-2.0
"""Parse words as users type them: separators of other keyboards, characters that show nothing, other languages.

Standard library only, as launch files split words too, on the system's Python.
"""

import unicodedata
from collections.abc import Iterable

# What East Asian and Arabic keyboards type in place of , ; : ! and ?
_SEPARATORS = str.maketrans("，、،；؛：！？", ",,,;;:!?")
# Fillers of Hangul and the empty Braille cell: letters and symbols by their category, and nothing on a screen.
_UNSEEN = "\u115f\u1160\u2800\u3164\uffa0"


def plain_separators(text: str) -> str:
    """Return the text with the separators of ASCII in place of the full-width and Arabic ones."""
    return text.translate(_SEPARATORS)


def split_classes(text: str) -> list[str]:
    """Split one line into classes: at `;` where one occurs (prompts may then hold commas), else at `,`."""
    text = plain_separators(text)
    separator = ";" if ";" in text else ","
    return [part.strip() for part in text.split(separator) if part.strip()]


def is_seen(character: str) -> bool:
    """Whether a character shows anything by itself: a letter, digit, mark or symbol."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _UNSEEN


def without_unseen_ends(text: str) -> str:
    """Return the text without what shows nothing at its ends, such as a byte order mark or a zero-width space.

    Inside of words such characters have a meaning (joiners in Persian and in emoji), so they stay. Marks at the end
    belong to the character before them.
    """
    seen = [index for index, character in enumerate(text) if is_seen(character)]
    if not seen:
        return ""
    end = seen[-1] + 1
    while end < len(text) and unicodedata.category(text[end])[0] == "M":
        end += 1
    return text[seen[0] : end]


def is_foreign(text: str) -> bool:
    """Whether a text has letters that English does not: the models' text encoders read English."""
    return any(character.isalpha() and not character.isascii() for character in text)


def language_warning(prompts: Iterable[str]) -> tuple[str, ...]:
    """Return one sentence where prompts have letters that English does not, else none."""
    foreign = [prompt for prompt in prompts if is_foreign(prompt)]
    if not foreign:
        return ()
    shown = ", ".join(repr(prompt if len(prompt) <= 40 else prompt[:39] + "…") for prompt in foreign[:3])
    more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
    return (
        f"the models know English, and {shown}{more} may find nothing; write the English word behind a label of yours, "
        "as in 'стул: chair'",
    )
