# SPDX-License-Identifier: Apache-2.0
"""Answers of encode_text, without ROS around it: in turn, of the model that is there then, and nothing is changed."""

import asyncio
import math
from types import SimpleNamespace

import numpy as np
import pytest
from talk2dino_msgs.srv import EncodeText

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.ros.requests.request_queue import QueueError
from talk2dino_ros.segmenter.vocabulary.text_server import TextServer

ACTIVE = Vocabulary.from_embeddings(["cup"], [[1.0, 0.0]])
FILE = Vocabulary.from_embeddings(["door"], [[0.0, 1.0]])


class StubEncoding:
    """Writes down the steps; `error` is raised in place of a turn, `vocabulary` is what comes of any words."""

    def __init__(self):
        self.steps, self.asked, self.error = [], [], None
        self.requests = self
        self.vocabulary = Vocabulary.from_embeddings(["mug", "!wall"], [[3.0, 4.0], [0.0, 2.0]])

    async def acquire(self, *, replaces):
        assert not replaces, "it replaces nobody's request, and is replaced by none"
        if self.error:
            raise self.error
        self.steps.append("acquire")

    def release(self):
        self.steps.append("release")

    async def encode(self, segmenter, classes, known):
        self.steps.append("encode")
        self.asked.append((segmenter, classes, known))
        if isinstance(self.vocabulary, Exception):
            raise self.vocabulary
        return self.vocabulary


def segmenter_with(background):
    model = SimpleNamespace(name="mini", logit_scale=14.25)
    return SimpleNamespace(
        model=model, feature_space="0123456789abcdef", options=SimpleNamespace(background=background)
    )


class World:
    """The server with its stubs."""

    def __init__(self, background=0.5):
        self.encoding = StubEncoding()
        self.segmenter = segmenter_with(background)
        self.pipeline = SimpleNamespace(active=SimpleNamespace(segmenter=self.segmenter, vocabulary=ACTIVE))
        vocabulary_server = SimpleNamespace(encoding=self.encoding, known=lambda active: [active, FILE])
        node = SimpleNamespace(
            create_service=lambda _kind, name, callback, **_: setattr(self, "service", (name, callback))
        )
        self.server = TextServer(node, lambda: self.pipeline, vocabulary_server)

    def ask(self, *classes):
        return asyncio.run(self.service[1](EncodeText.Request(classes=classes), EncodeText.Response()))


@pytest.fixture
def world():
    return World()


def test_vectors_of_length_1_come_one_after_the_other_with_their_names(world):
    reply = world.ask("mug", "!wall")
    assert world.service[0] == "~/encode_text"
    assert (reply.success, list(reply.names), reply.dimensions) == (True, ["mug", "wall"], 2)
    np.testing.assert_allclose(reply.vectors, [0.6, 0.8, 0, 1], rtol=1e-6)
    assert (reply.model, reply.feature_space) == ("mini", "0123456789abcdef")
    assert (reply.background, reply.logit_scale) == (0.5, 14.25)


def test_active_words_and_those_of_the_file_are_not_encoded_again(world):
    world.ask("mug")
    ((segmenter, classes, known),) = world.encoding.asked
    assert segmenter is world.segmenter
    assert (list(classes), known) == (["mug"], [ACTIVE, FILE])
    assert world.encoding.steps == ["acquire", "encode", "release"]


def test_no_threshold_is_nan():
    assert math.isnan(World(background=None).ask("mug").background)


def test_warnings_are_the_message(world):
    words = world.encoding.vocabulary
    world.encoding.vocabulary = Vocabulary(words.classes, words.embeddings, warnings=("one was cut", "another, too"))
    reply = world.ask("mug")
    assert (reply.success, reply.message) == (True, "one was cut; another, too")


def test_an_impossible_vocabulary_is_refused_without_queueing(world):
    reply = world.ask("cup", "cup")
    assert not reply.success
    assert "occurs twice" in reply.message
    assert world.encoding.steps == []


def test_a_full_queue_is_answered_with_its_reason(world):
    world.encoding.error = QueueError("100 requests wait already, expected fewer; wait for their answers")
    reply = world.ask("mug")
    assert (reply.success, reply.message) == (False, str(world.encoding.error))
    assert world.encoding.steps == []


def test_after_words_that_cannot_be_encoded_the_next_request_is_served(world):
    world.encoding.vocabulary = VocabularyError("new words need a file, which this machine does not have; get it")
    reply = world.ask("mug")
    assert (reply.success, reply.message) == (False, str(world.encoding.vocabulary))
    assert world.encoding.steps == ["acquire", "encode", "release"]


@pytest.mark.parametrize("when", ["before", "in the queue"])
def test_without_a_model_the_answer_says_what_to_do(world, when):
    if when == "before":
        world.pipeline = None
    else:
        acquire = world.encoding.acquire

        async def acquire_and_clean_up(**options):
            await acquire(**options)
            world.pipeline = None

        world.encoding.acquire = acquire_and_clean_up
    reply = world.ask("mug")
    assert not reply.success
    assert reply.message.startswith("the node is not configured, expected it inactive or active; configure it")
    assert world.encoding.steps == ([] if when == "before" else ["acquire", "release"])
