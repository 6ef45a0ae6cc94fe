# SPDX-License-Identifier: Apache-2.0
"""Parse and check a class as the user wrote it.

A class is written `name`, or `name: prompt, prompt, ...` (a stable label for costmaps and behaviour trees,
and the words the text encoder reads). `!name` is a distractor: it competes for pixels and is published as
unlabeled. `?name` is a question: it is looked for, and takes no pixel from any class (`Vocabulary.against`).
`name >= 0.56`, before the colon, gives a class or a question a threshold of its own (class_threshold.py).
Standard library only.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_syntax import plain_separators, without_unseen_ends
from talk2dino_ros.engine.text.class_threshold import check_no_threshold, split_threshold
from talk2dino_ros.engine.text.counted import counted

MAX_CLASSES = 254  # ids 1..254: 0 stays free for stacks that use it as unlabeled
MAX_NAME_LENGTH = 100
DISTRACTOR, QUESTION = "!", "?"  # before a name
MAX_PROMPT_LENGTH = 1000  # far beyond what any text encoder reads; keeps a log line readable
MAX_PROMPTS = 100  # of one class: published sets of templates have 80
MAX_PROMPTS_IN_ALL = 1000  # encoding them takes a CPU some seconds, in which nobody else's words are encoded
MAX_CHARACTERS_IN_ALL = 1_000_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's categories Cc and Cs


@dataclass(frozen=True)
class ClassEntry:
    """One class as the user wrote it.

    threshold: the score, sigmoid(cosine), that its pixels reach, in place of the option `background`; None: that one.
    """

    name: str
    prompts: tuple[str, ...]
    distractor: bool = False
    question: bool = False
    threshold: float | None = None

    @property
    def mark(self) -> str:
        """Prefix of the name: "!", "?" or none."""
        return DISTRACTOR if self.distractor else QUESTION if self.question else ""

    @property
    def is_labelled(self) -> bool:
        """Whether it may have pixels of the mask."""
        return not self.mark

    @property
    def text(self) -> str:
        """The entry in the syntax that `parse_classes` reads."""
        name = f"{self.mark}{self.name}" + ("" if self.threshold is None else f" >= {self.threshold:g}")
        return name if self.prompts == (self.name,) else f"{name}: {', '.join(self.prompts)}"

    @property
    def words(self) -> "ClassEntry":
        """The entry without its threshold: what is encoded, and how it competes."""
        return replace(self, threshold=None)


def parse_classes(texts: Sequence[str]) -> tuple[ClassEntry, ...]:
    """Check and parse classes, all or nothing.

    Raises VocabularyError for: no class, more than 254, more than 100 prompts for one or 1000 for all, a blank or
    over-long name or prompt, control characters, a name that occurs twice (upper and lower case are the same name),
    no class that is labelled.
    """
    if not 1 <= len(texts) <= MAX_CLASSES:
        raise VocabularyError(
            f"a vocabulary of {len(texts)} classes was asked for, expected 1 to {MAX_CLASSES}; "
            + ("name at least one class" if not texts else "ask for the classes of the task at hand only")
        )
    _check_amount(texts)
    entries = tuple(parse_class(text) for text in texts)
    _check_unique(entries)
    if not any(entry.is_labelled for entry in entries):
        raise VocabularyError(
            f"the vocabulary of {counted(len(entries), 'class', 'classes')} has only distractors ('!name') and "
            "questions ('?name'), expected at least one to label; write one without '!' and '?'"
        )
    return entries


def parse_class(text: str) -> ClassEntry:
    """Check and parse one class of any kind; raise VocabularyError as `parse_classes` does."""
    _check_amount([text])
    _check_characters(text)
    words = without_unseen_ends(plain_separators(text))
    mark = words[:1] if words[:1] in (DISTRACTOR, QUESTION) else ""
    head, colon, rest = words.removeprefix(mark).partition(":")
    name, threshold = split_threshold(head, shorten(text))
    name = _clean(name)
    check_no_threshold(rest, shorten(text))
    if name.startswith((DISTRACTOR, QUESTION)):
        raise VocabularyError(
            f"the class {shorten(text)} begins with two marks, expected one: '!' for a distractor, '?' for a question, "
            "or none; remove one"
        )
    _check_length(
        "class name",
        name,
        MAX_NAME_LENGTH,
        text,
        "write a short label and the long text as 'label: long text'",
    )
    prompts = tuple(_clean(prompt) for prompt in rest.split(",")) if colon else (name,)
    for prompt in prompts:
        _check_length("prompt", prompt, MAX_PROMPT_LENGTH, text, "shorten it; text encoders read some 70 words at most")
    if threshold is not None and mark == DISTRACTOR:
        raise VocabularyError(
            f"the class {shorten(text)} is a distractor with a threshold, expected none, as what a distractor wins is "
            "unlabeled anyway; leave out '>=' and the number"
        )
    return ClassEntry(name, prompts, mark == DISTRACTOR, mark == QUESTION, threshold)


def _clean(text: str) -> str:
    """Spell the same text in one way: composed accents, single spaces, nothing unseen at its ends."""
    return without_unseen_ends(re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)))


def _check_amount(texts: Sequence[str]) -> None:
    """Refuse too many classes or prompts at once, as they would take minutes."""
    characters = sum(map(len, texts))
    if characters > MAX_CHARACTERS_IN_ALL:
        raise VocabularyError(
            f"{counted(len(texts), 'class', 'classes')} of {characters} characters in all came, expected at most "
            f"{MAX_CHARACTERS_IN_ALL}; ask for fewer classes, or shorter prompts"
        )
    counts = [1 + plain_separators(text).partition(":")[2].count(",") for text in texts]
    for text, count in zip(texts, counts, strict=True):
        if count > MAX_PROMPTS:
            raise VocabularyError(
                f"the class {shorten(text)} has {count} prompts, expected at most {MAX_PROMPTS}; keep those that say "
                "it best, their vectors are averaged"
            )
    if sum(counts) > MAX_PROMPTS_IN_ALL:
        raise VocabularyError(
            f"the {len(texts)} classes have {sum(counts)} prompts, expected at most {MAX_PROMPTS_IN_ALL} in all; "
            "ask for fewer classes, or fewer prompts for each"
        )


def _check_characters(text: str) -> None:
    if found := _CONTROL.search(text):
        raise VocabularyError(
            f"the class {shorten(text)} has the control character U+{ord(found[0]):04X} at position {found.start()}, "
            "expected printable text; remove it"
        )


def _check_length(what: str, value: str, longest: int, text: str, remedy: str) -> None:
    if not value:
        raise VocabularyError(
            f"the class {shorten(text)} has a blank {what}, "
            "expected 'name' or 'name: prompt, prompt'; fill it in or remove it"
        )
    if len(value) > longest:
        raise VocabularyError(
            f"the class {shorten(text)} has a {what} of {len(value)} characters, expected at most {longest}; {remedy}"
        )


def _check_unique(entries: tuple[ClassEntry, ...]) -> None:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        first = seen.setdefault(entry.name.casefold(), index)
        if first != index:
            raise VocabularyError(
                f"the class name {shorten(entry.name)} occurs twice (as number {first + 1} and number {index + 1}), "
                "expected each name once; put its other words behind it as 'name: prompt, prompt'"
            )


def check_background(name: str, classes: Sequence[ClassEntry]) -> None:
    """Raise VocabularyError where a name for all that is unlabeled is no plain name, or one that a class has."""
    entry = parse_class(name)
    if entry.text != name or not entry.is_labelled or entry.threshold is not None:
        raise VocabularyError(
            f"the name of the background is {shorten(name)}, expected a plain name without words behind it; "
            "name it 'background'"
        )
    for each in classes:
        if each.name.casefold() == name.casefold():
            raise VocabularyError(
                f"the class {shorten(each.text)} has the name of the background ({shorten(name)}, the parameter "
                "background_class), expected another; rename the class, or the background"
            )


def shorten(text: str, longest: int = 40) -> str:
    """Quote user text for a message: at most `longest` characters, control characters escaped."""
    return repr(text if len(text) <= longest else text[: longest - 1] + "…")
