# SPDX-License-Identifier: Apache-2.0
"""What a node remembers over a restart, and that nothing in its file can end it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.vocabulary.vocabulary_memory import VocabularyMemory
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import VocabularyServer
from talk2dino_ros.segmenter.vocabulary.vocabulary_state import Moment, StateError, VocabularyState

S = 10**9


class Life:
    """A process's memory, whose clock the test sets; it begins with a configure."""

    def __init__(self, now_s=1000.0, *, is_real_time=True, **parameters):
        self.now_s, self.warnings = now_s, []
        self.memory = VocabularyMemory(self.warnings.append, lambda: round(self.now_s * S))
        self.begin(is_real_time=is_real_time, **parameters)

    def begin(self, *, is_real_time=True, quarantine_s=60.0, words=("cup", "dog"), **parameters):
        """Configure, with the accepted words or else the configured ones, as the node does."""
        parameters = Parameters(vocabulary=words, id_quarantine_s=quarantine_s, **parameters)
        self.memory.begin(parameters, is_real_time=is_real_time)
        self.words = self.memory.accepted or words
        classes = parse_classes(self.words)
        self.commit(*self.words, ids=self.memory.assign_first(classes, ()))

    def commit(self, *words, ids=()):
        vocabulary = Vocabulary.from_embeddings(words, np.eye(len(words), 300))
        ids = ids or self.memory.assign(vocabulary.classes, ())
        self.vocabulary = self.memory.commit(vocabulary, ids)
        return dict(zip(self.vocabulary.names, ids, strict=True))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "deeper" / "state.json"


@pytest.fixture
def boot(monkeypatch):
    """The machine's start and the seconds since, as the test sets them."""
    state = {"boot": "first", "since_boot_s": 500.0}
    monkeypatch.setattr(Moment, "now", classmethod(lambda cls: cls(**state)))
    return state


def test_words_and_ids_are_the_same_after_a_restart_without_a_shutdown(file, boot):
    before = Life(state_file=str(file)).commit("train: red train, tram", "!wall", "boat >= 0.56")
    life = Life(state_file=str(file))
    assert life.words == ("train: red train, tram", "!wall", "boat >= 0.56")
    assert dict(zip(life.vocabulary.names, life.vocabulary.ids, strict=True)) == before
    assert life.warnings == []


def test_an_id_keeps_its_quarantine_over_a_restart_to_the_second(file, boot):
    life = Life(state_file=str(file), words=("stairs", "dog"))  # ids 1 and 2
    life.commit("dog")  # stairs is dropped now
    life.now_s += 20.0
    boot["since_boot_s"] += 20.0
    life.commit("dog", "cat")
    boot["since_boot_s"] += 5.0
    life = Life(state_file=str(file), words=("stairs", "dog"))  # 25 s after the drop
    life.now_s += 34.0
    assert life.memory.assign(parse_classes(["grass"]), ()) == (4,)
    life.now_s += 2.0  # 61 s after it
    assert life.memory.assign(parse_classes(["grass"]), ()) == (1,)


@pytest.mark.parametrize(("boot_s", "rest_s"), [(40.0, 20.0), (5.0, 55.0), (70.0, 0.0)])
def test_after_a_start_of_the_machine_only_the_time_since_it_counts(file, boot, boot_s, rest_s):
    """Its clock may be decades off, before and after."""
    Life(state_file=str(file), words=("stairs", "dog")).commit("dog")
    boot.update(boot="second", since_boot_s=boot_s)
    life = Life(now_s=50 * 365 * 86400.0, state_file=str(file), words=("stairs", "dog"))
    if rest_s:
        life.now_s += rest_s - 1.0
        assert life.memory.assign(parse_classes(["grass"]), ()) == (3,)
    life.now_s += 2.0
    assert life.memory.assign(parse_classes(["grass"]), ()) == (1,)


def test_in_simulated_time_the_time_between_two_processes_does_not_count(file, boot):
    Life(state_file=str(file), words=("stairs", "dog")).commit("dog")
    boot["since_boot_s"] += 1000.0
    life = Life(state_file=str(file), words=("stairs", "dog"), is_real_time=False)
    assert life.memory.assign(parse_classes(["grass"]), ()) == (3,)


def test_names_active_at_the_end_are_in_quarantine_where_other_words_are_configured(file, boot):
    Life(state_file=str(file), words=("stairs",))
    boot["since_boot_s"] += 1000.0
    life = Life(state_file=str(file), words=("grass",))
    assert life.words == ("grass",)
    assert life.vocabulary.ids == (2,)


def test_configured_words_win_once_they_have_changed(file, boot):
    Life(state_file=str(file), words=("cup",)).commit("train")
    assert Life(state_file=str(file), words=("cup", "sofa")).words == ("cup", "sofa")
    assert Life(state_file=str(file), words=("cup",)).words == ("cup",)  # it has changed again


def test_another_vocabulary_file_wins_and_one_of_the_same_content_does_not(file, boot, tmp_path):
    own = tmp_path / "words.safetensors"
    Vocabulary.from_embeddings(["cup"], np.eye(1, 300)).save(own)
    Life(state_file=str(file), vocabulary_file=str(own)).commit("train")
    assert Life(state_file=str(file), vocabulary_file=str(own)).words == ("train",)
    Vocabulary.from_embeddings(["mug"], np.eye(1, 300)).save(own)
    assert Life(state_file=str(file), vocabulary_file=str(own)).words == ("cup", "dog")


def test_a_reconfigure_keeps_words_ids_and_quarantine_without_a_file():
    life = Life()
    life.commit("train")
    life.begin(quarantine_s=30.0)  # another quarantine is no reason to forget
    assert (life.words, life.vocabulary.ids) == (("train",), (3,))
    assert life.memory.assign(parse_classes(["grass"]), ()) == (4,)


def test_versions_grow_over_a_restart_with_the_clock_back(file, boot):
    version = Life(now_s=1000.0, state_file=str(file)).vocabulary.version
    assert Life(now_s=10.0, state_file=str(file)).vocabulary.version > version


def test_an_id_that_now_means_unlabeled_is_not_given_again(file, boot):
    life = Life(state_file=str(file))
    life.commit("cup", ids=(0,))
    assert Life(state_file=str(file), unlabeled_id=0).vocabulary.ids == (3,)


def test_ids_that_are_configured_win_over_those_that_are_remembered(file, boot):
    Life(state_file=str(file), words=("stairs",))
    life = Life(state_file=str(file), words=("grass",))
    assert life.memory.assign_first(parse_classes(["dog"]), (1,)) == (1,)
    (warning,) = life.warnings
    assert "still means 'stairs'" in warning
    assert "What is configured wins" in warning


DAMAGES = {
    "empty": b"",
    "no JSON": b"\x00\xff nonsense",
    "a list": b"[]",
    "a number": b"7",
    "nested": b"[" * 100_000,
    "another format": json.dumps({"format": "talk2dino state 2"}).encode(),
}
WRONG_VALUES = {
    "no classes": {"classes": []},
    "a class that is none": {"classes": [7]},
    "an id too large": {"active": {"cup": 255}},
    "an id that is none": {"active": {"cup": True}},
    "two meanings": {"active": {"cup": 1, "dog": 1}},
    "two meanings in time": {"active": {"cup": 1}, "dropped": {"1": ["dog", 3.0]}},
    "an age before its time": {"dropped": {"9": ["dog", -1.0]}},
    "no age": {"dropped": {"9": ["dog", float("nan")]}},
    "half a drop": {"dropped": {"9": ["dog"]}},
    "a version that is none": {"version": "7"},
    "no moment": {"saved": None},
}


@pytest.mark.parametrize("damage", [*DAMAGES, *WRONG_VALUES])
def test_a_damaged_file_is_said_once_and_written_anew(file, damage):
    VocabularyState(("cup", "dog"), ("train",), {"train": 1}, {}, 5).save(file)
    content = json.loads(file.read_bytes())
    file.write_bytes(DAMAGES.get(damage) or json.dumps({**content, **WRONG_VALUES.get(damage, {})}).encode())
    if damage == "empty":
        file.write_bytes(b"")
    life = Life(state_file=str(file))
    (warning,) = life.warnings
    assert "cannot be read as the node's state" in warning
    assert len(warning) < 500
    assert life.words == ("cup", "dog")
    assert VocabularyState.load(file).classes == ("cup", "dog")


def test_a_state_file_truncated_anywhere_is_refused(file):
    VocabularyState(("cup",), ("train",), {"train": 1}, {2: ("dog", 1.5)}, 5).save(file)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(StateError):
            VocabularyState.load(file)
    file.write_bytes(whole)
    assert VocabularyState.load(file).dropped == {2: ("dog", 1.5)}


def test_a_folder_in_place_of_the_file_is_neither_read_nor_replaced(tmp_path):
    life = Life(state_file=str(tmp_path))
    assert "it is a folder, and only a regular file is read" in life.warnings[0]
    assert "could not be written" in life.vocabulary.warnings[-1]
    assert tmp_path.is_dir()


def server_of(warnings):
    """The services' part of a node that is none, and a segmenter whose vectors say nothing."""
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=S), ros_time_is_active=False)
    logger = SimpleNamespace(warning=warnings.append, info=lambda _sentence: None)
    node = SimpleNamespace(create_service=lambda *_, **__: None, get_logger=lambda: logger, get_clock=lambda: clock)

    def encode(texts, _known=None):
        return Vocabulary.from_embeddings(list(texts), np.eye(len(texts), 300))

    return VocabularyServer(node, lambda: None), SimpleNamespace(encode_vocabulary=encode)


def test_words_that_cannot_be_active_any_more_do_not_keep_the_node_from_starting(file, boot):
    Life(state_file=str(file), words=("cup",)).commit("dog", "sofa")
    warnings: list[str] = []
    server, segmenter = server_of(warnings)
    parameters = Parameters(vocabulary=("cup",), state_file=str(file), background_class="sofa", id_quarantine_s=60.0)
    vocabulary = server.first_vocabulary(segmenter, parameters)
    assert (vocabulary.names, vocabulary.ids) == (("cup",), (1,))
    (warning,) = warnings
    assert "'sofa' has the name of the background" in warning
    assert vocabulary.background_id == 3  # the sofa's own id, as nobody takes it for anything else
