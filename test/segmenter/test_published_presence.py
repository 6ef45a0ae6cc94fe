# SPDX-License-Identifier: Apache-2.0
"""Which classes are in view, beside the masks: for those who listen, and nothing of it for nobody."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from scripted_pipeline import Bench, image
from std_msgs.msg import Header
from talk2dino_msgs.msg import Presence, PresenceArray

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.perception.presence import PresenceState
from talk2dino_ros.perception.seen_spans import SeenSpan
from talk2dino_ros.segmenter.vocabulary.presence_topic import PresenceTopic


def whats_of(bench, **images):
    bench.process(**images)
    return [(camera, what) for camera, what, *_ in bench.published if what == "presence"]


def test_cosines_are_kept_while_somebody_listens():
    bench = Bench()
    assert whats_of(bench, front=image()) == []
    bench.front.presence.has_listener = True
    assert whats_of(bench, front=image()) == [("front", "presence")]
    assert bench.published[-1][2] == (1, 1, 1)


def test_while_paused_nothing_is_looked_for():
    bench = Bench()
    bench.rear.presence.has_listener = True
    bench.pipeline.enable(False)
    assert whats_of(bench, front=image(), rear=image()) == [("rear", "presence")]


class Publisher:
    """One that somebody listens to or not."""

    def __init__(self, readers):
        self.readers, self.sent = readers, []

    def get_subscription_count(self):
        return self.readers

    def publish(self, message):
        self.sent.append(message)


def topic_with(publisher):
    node = SimpleNamespace(create_publisher=lambda kind, name, _qos: publisher if kind is PresenceArray else name)
    return PresenceTopic(node, "~/front/")


def test_a_message_has_the_image_s_header_and_each_class_and_question():
    words = Vocabulary.from_embeddings(["cup >= 0.6", "!wall", "?cat"], np.eye(3))
    options = SimpleNamespace(background=0.55)
    segmenter = SimpleNamespace(options=options, model=SimpleNamespace(logit_scale=14.0))
    active = SimpleNamespace(segmenter=segmenter, vocabulary=replace(words, version=7))
    scores = np.array([0.5, 0.1, -0.3], np.float32).reshape(3, 1, 1)
    message = SimpleNamespace(header=Header(frame_id="optical"))
    frame = SimpleNamespace(
        message=message, result=SimpleNamespace(scores=scores), points=[], stamp_ns=1, received_s=0.0
    )
    for readers, scores_of_frame in ((0, scores), (1, None)):
        silent, frame.result.scores = Publisher(readers), scores_of_frame
        topic_with(silent).publish(frame, active)
        assert silent.sent == []
    publisher, frame.result.scores = Publisher(1), scores
    topic_with(publisher).publish(frame, active)
    topic_with(publisher).publish_unseen(frame, active)
    seen, unseen = publisher.sent
    for sent in (seen, unseen):
        assert (sent.header.frame_id, sent.vocabulary_version) == ("optical", 7)
        assert [(each.class_name, each.class_id) for each in sent.classes] == [("cup", 1), ("cat", 2)]
    cup, cat = seen.classes
    assert (cup.state, cup.has_own_threshold, cat.state) == (Presence.NOT_SURE, True, Presence.NOT_IN_VIEW)
    np.testing.assert_allclose([cup.threshold, cat.threshold], [0.6, 0.55], atol=1e-6)
    np.testing.assert_allclose([cup.best_score, cat.best_score], 1 / (1 + np.exp([-0.5, 0.3])), atol=1e-6)
    assert {each.state for each in unseen.classes} == {Presence.NOT_LOOKED_FOR}
    assert np.isnan([each.evidence for each in unseen.classes]).all()


def answered_at(topic, frame, active, seconds, *, seen):
    """Publish one image of these seconds, received then."""
    frame.stamp_ns, frame.received_s = round(seconds * 1e9), seconds
    frame.points = [SimpleNamespace(class_id=1, class_name="cup")] if seen else []
    topic.publish(frame, active)


def test_who_asks_is_answered_by_the_first_image_after_the_question_though_nobody_listens(monkeypatch):
    words = Vocabulary.from_embeddings(["cup >= 0.6", "!wall", "?cat"], np.eye(3))
    segmenter = SimpleNamespace(options=SimpleNamespace(background=0.55), model=SimpleNamespace(logit_scale=14.0))
    active = SimpleNamespace(segmenter=segmenter, vocabulary=words)
    result = SimpleNamespace(scores=None)
    frame = SimpleNamespace(message=SimpleNamespace(header=Header()), result=result)
    publisher = Publisher(0)
    topic = topic_with(publisher)
    answered_at(topic, frame, active, 1.0, seen=True)
    assert not topic.has_listener
    monkeypatch.setattr("time.monotonic", lambda: 2.0)
    with topic.asked("CUP") as cup, topic.asked("dog") as dog:
        assert topic.has_listener
        result.scores = np.array([0.5, 0.1, -0.3], np.float32).reshape(3, 1, 1)
        answered_at(topic, frame, active, 1.9, seen=True)  # received before the question
        assert (cup.answer, dog.is_unknown) == (None, False)
        answered_at(topic, frame, active, 2.5, seen=False)
        assert (dog.answer, dog.is_unknown) == (None, True)
        assert (cup.answer.presence.class_name, cup.answer.presence.state) == ("cup", PresenceState.NOT_SURE)
        assert cup.answer.span == SeenSpan(10**9, 19 * 10**8)
        first = cup.answer
        answered_at(topic, frame, active, 2.6, seen=True)
        assert cup.answer is first
    assert not topic.has_listener
    assert publisher.sent == []
    with topic.asked("cat") as cat:
        frame.received_s = 3.0
        topic.publish_unseen(frame, active)
        assert cat.answer.presence.state == PresenceState.NOT_LOOKED_FOR


def test_the_states_are_the_message_s():
    assert {each.name: each.value for each in PresenceState} == {
        name: getattr(Presence, name) for name in ("NOT_LOOKED_FOR", "NOT_IN_VIEW", "NOT_SURE", "IN_VIEW")
    }
