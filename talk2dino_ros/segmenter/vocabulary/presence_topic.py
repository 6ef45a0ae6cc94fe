# SPDX-License-Identifier: Apache-2.0
"""Which classes are in view of one camera: a topic while someone listens, and answers to who asks."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from talk2dino_msgs.msg import Presence as PresenceMsg
from talk2dino_msgs.msg import PresenceArray

from talk2dino_ros.perception.presence import not_looked_for, presences_of
from talk2dino_ros.perception.seen_spans import SeenSpan, SeenSpans
from talk2dino_ros.ros.node.qos import RELIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rclpy.node import Node

    from talk2dino_ros.perception.presence import Presence
    from talk2dino_ros.segmenter.frames import Frame, SegmentedFrame
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration


class PresenceAnswer(NamedTuple):
    """How one class stands in one image, and when it was seen before. frame: the image's."""

    frame: Frame
    presence: Presence
    span: SeenSpan


class PresenceQuestion:
    """A question for a class by its name. answer: of the first image that arrived after the question, None till then.

    is_unknown: the vocabulary of that image had no such class.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.since_s = time.monotonic()
        self.answer: PresenceAnswer | None = None
        self.is_unknown = False


class PresenceTopic:
    """`~/<camera>/presence` (reliable, depth 1), and the questions of `~/is_in_view` to this camera.

    Questions come and go in the executor's thread; the worker's answers them.
    """

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._pub = node.create_publisher(PresenceArray, f"{prefix}presence", RELIABLE)
        self._spans = SeenSpans()
        self._questions: tuple[PresenceQuestion, ...] = ()

    @property
    def has_listener(self) -> bool:
        """Whether the cosines of an image are to be kept for it."""
        return bool(self._questions) or bool(self._pub.get_subscription_count() > 0)

    @contextmanager
    def asked(self, name: str) -> Iterator[PresenceQuestion]:
        """Have a class looked for, as long as the block lasts."""
        question = PresenceQuestion(name)
        self._questions = (*self._questions, question)
        try:
            yield question
        finally:
            self._questions = tuple(each for each in self._questions if each is not question)

    def publish(self, frame: SegmentedFrame, active: ActiveConfiguration) -> None:
        """Remember what an image shows; tell it where its cosines were kept and somebody wants to know."""
        vocabulary, seen = active.vocabulary, {point.class_id: point.class_name for point in frame.points}
        self._spans.note(frame.stamp_ns, {*seen.values()}, vocabulary.names)
        if frame.result.scores is None or not self.has_listener:
            return
        segmenter = active.segmenter
        background, scale = segmenter.options.background, segmenter.model.logit_scale
        self._tell(frame, active, presences_of(vocabulary, frame.result.scores, seen, background, scale))

    def publish_unseen(self, frame: Frame, active: ActiveConfiguration) -> None:
        """Tell that an image was not looked at."""
        if self.has_listener:
            self._tell(frame, active, not_looked_for(active.vocabulary, "not looked for: the segmenter is paused"))

    def destroy(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._pub)

    def _tell(self, frame: Frame, active: ActiveConfiguration, presences: Sequence[Presence]) -> None:
        for question in self._questions:
            if question.answer is None and not question.is_unknown and question.since_s <= frame.received_s:
                self._answer(question, frame, presences)
        if self._pub.get_subscription_count() > 0:
            version, classes = active.vocabulary.version, [presence_to_msg(each) for each in presences]
            self._pub.publish(PresenceArray(header=frame.message.header, vocabulary_version=version, classes=classes))

    def _answer(self, question: PresenceQuestion, frame: Frame, presences: Sequence[Presence]) -> None:
        found = [each for each in presences if each.class_name.casefold() == question.name.casefold()]
        question.is_unknown = not found
        if found:
            question.answer = PresenceAnswer(frame, found[0], self._spans.of(found[0].class_name))


def presence_to_msg(presence: Presence) -> PresenceMsg:
    """Make the message of one class."""
    return PresenceMsg(
        state=int(presence.state),
        class_name=presence.class_name,
        class_id=presence.class_id,
        reason=presence.reason,
        best_score=presence.best_score,
        threshold=math.nan if presence.threshold is None else presence.threshold,
        has_own_threshold=presence.has_own_threshold,
        evidence=presence.evidence,
    )
