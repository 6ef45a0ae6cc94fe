# SPDX-License-Identifier: Apache-2.0
"""What a change of the vocabulary encodes, and what its reply says."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from rclpy.task import Future

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter.vocabulary.vocabulary_change import VocabularyChange
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import VocabularyServer, _summary

ACTIVE = replace(Vocabulary.from_embeddings(["door", "?cup: mug"], np.eye(2)), warnings=("said before",))


class Server(VocabularyServer):
    """One whose text encoder notes what it is given, and never answers."""

    def __init__(self):
        self.encoded = []
        self.encoding = SimpleNamespace(encode=self.encode)
        self._file = None

    def encode(self, _segmenter, texts, _known):
        self.encoded.append(texts)
        return Future()


def answer(server, *texts):
    """What it returns before anything was awaited."""
    change = VocabularyChange(texts)
    active = SimpleNamespace(vocabulary=ACTIVE, segmenter=None)
    try:
        server._encoded(change, parse_classes(texts), active).send(None)
    except StopIteration as end:
        return end.value
    return None


def test_other_thresholds_alone_encode_nothing_and_say_no_warning_again():
    server = Server()
    vocabulary = answer(server, "door >= 0.56", "?cup: mug")
    assert (vocabulary.thresholds(), vocabulary.warnings, server.encoded) == ({1: 0.56}, (), [])
    np.testing.assert_array_equal(vocabulary.embeddings, ACTIVE.embeddings)


@pytest.mark.parametrize("texts", [("door", "?cup"), ("door >= 0.56",), ("?cup: mug", "door")])
def test_other_words_are_encoded(texts):
    server = Server()
    assert answer(server, *texts) is None
    assert server.encoded == [list(texts)]


def test_the_reply_names_the_first_names_that_were_not_there_to_be_removed():
    assert _summary(ACTIVE, [f"?{letter}" for letter in "abcdefg"]) == (
        "not removed, as nothing active is written so: '?a', '?b', '?c', '?d', '?e' and 2 more; "
        "active classes: door = 1; questions: cup = 2; said before"
    )
