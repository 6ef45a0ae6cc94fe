# SPDX-License-Identifier: Apache-2.0
"""Vocabulary state that is kept over changes and reconfigures and, with a state_file, over restarts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.text.class_entries import check_background, parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary, default_ids
from talk2dino_ros.segmenter.vocabulary.class_ids import ClassIds, check_one_each
from talk2dino_ros.segmenter.vocabulary.vocabulary_state import Moment, StateError, VocabularyState, state_path

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.text.class_entries import ClassEntry
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


class VocabularyMemory:
    """Class ids, version and the last accepted classes.

    warn: gets a sentence for the log. now_ns: returns the node's time, which may be a simulation's.
    """

    def __init__(self, warn: Callable[[str], None], now_ns: Callable[[], int]) -> None:
        self._warn = warn
        self._now_ns = now_ns
        self._ids = ClassIds(0.0)
        self._version = 0
        self._configured: tuple[str, ...] = ()
        self._background = ""  # the label of all that is unlabeled
        self._accepted: VocabularyState | None = None
        self._path: Path | None = None

    def begin(self, parameters: Parameters, *, is_real_time: bool) -> None:
        """Take the parameters of a configure; at the first one load the state file."""
        path = state_path(parameters.state_file)
        if path is not None and path != self._path:
            self._read(path, is_real_time)
        self._path = path
        self._configured = _configured(parameters)
        self._background = parameters.background_class
        self._ids.set_rules(parameters.id_quarantine_s, parameters.unlabeled_id)

    @property
    def accepted(self) -> tuple[str, ...]:
        """The classes that were accepted last, while the parameters ask for what they asked for then; else none."""
        accepted = self._accepted
        return accepted.classes if accepted and accepted.configured == self._configured else ()

    def assign(self, classes: Sequence[ClassEntry], fixed_ids: Sequence[int]) -> tuple[int, ...]:
        """Propose an id for each class, and for the background behind them where it has a label.

        Raises VocabularyError where that cannot be.
        """
        if self._background:
            check_background(self._background, classes)
        if fixed_ids:
            check_one_each(fixed_ids, classes)
        fixed = [*fixed_ids, *[None] * bool(self._background)] if fixed_ids else None
        return self._ids.assign(self._names(classes), fixed, self._now_ns() * 1e-9)

    def assign_first(self, classes: Sequence[ClassEntry], fixed_ids: Sequence[int]) -> tuple[int, ...]:
        """Propose ids for the configured classes, which win over remembered ones."""
        try:
            return self.assign(classes, fixed_ids)
        except VocabularyError as error:
            before = self._ids.meanings()
            self._ids.restore({}, {})
            try:
                ids = self.assign(classes, fixed_ids)
            except VocabularyError:  # not because of what is remembered
                self._ids.restore(*before)
                raise
            self._warn(
                f"{error} What is configured wins: the ids before are forgotten; restart programs that keep past masks."
            )
            return ids

    def commit(self, vocabulary: Vocabulary, ids: tuple[int, ...]) -> Vocabulary:
        """Make ids active and save them; return a version that only grows, also where the clock goes back."""
        self._ids.commit(self._names(vocabulary.classes), ids, self._now_ns() * 1e-9)
        self._version = max(self._version + 1, self._now_ns())
        active, dropped = self._ids.meanings()
        classes = tuple(entry.text for entry in vocabulary.classes)
        self._accepted = VocabularyState(self._configured, classes, active, dropped, self._version, Moment.now())
        identified = vocabulary.with_ids(ids[: len(classes)], self._version)
        if self._background:
            identified = identified.with_background(self._background, ids[-1])
        return self._kept(identified, self._accepted)

    def _names(self, classes: Sequence[ClassEntry]) -> list[str | None]:
        """Return the names that need an id; None for a distractor."""
        names = [None if entry.distractor else entry.name for entry in classes]
        return [*names, self._background] if self._background else names

    def _kept(self, vocabulary: Vocabulary, state: VocabularyState) -> Vocabulary:
        try:
            if self._path is not None:
                state.save(self._path)
        except StateError as error:
            return replace(vocabulary, warnings=(*vocabulary.warnings, str(error)))
        return vocabulary

    def _read(self, path: Path, is_real_time: bool) -> None:
        try:
            state = VocabularyState.load(path)
        except StateError as error:
            self._warn(str(error))
            return
        if state is None:
            return
        # how long a simulation has run since is not known, so there the quarantine goes on from where it was
        gap_s = Moment.now().seconds_since(state.saved) if is_real_time else 0.0
        self._ids.restore(state.active, {each: (name, age + gap_s) for each, (name, age) in state.dropped.items()})
        self._version = max(self._version, state.version)
        self._accepted = state


def check_configured_words(parameters: Parameters) -> None:
    """Raise VocabularyError for words that cannot be meant: a typing error shows before minutes of loading."""
    if parameters.vocabulary_file:
        Vocabulary.load(parameters.vocabulary_file)
    else:
        parse_classes(parameters.vocabulary)


def configured_vocabulary(
    memory: VocabularyMemory, segmenter: Segmenter, parameters: Parameters, file: Vocabulary | None = None
) -> Vocabulary:
    """Read or encode the words that are configured, and commit them under ids of the memory.

    file: what was read of vocabulary_file already. Raises VocabularyError, WeightsError.
    """
    path, words = parameters.vocabulary_file, parameters.vocabulary
    vocabulary = (file or segmenter.load_vocabulary(path)) if path else segmenter.encode_vocabulary(words)
    own_ids = () if vocabulary.ids == default_ids(vocabulary.classes) else vocabulary.ids
    return memory.commit(vocabulary, memory.assign_first(vocabulary.classes, own_ids))


def _configured(parameters: Parameters) -> tuple[str, ...]:
    """Return the configured words, or the file with its checksum."""
    path = parameters.vocabulary_file
    if not path:
        return parameters.vocabulary
    return path, sha256_of(user_path(path))
