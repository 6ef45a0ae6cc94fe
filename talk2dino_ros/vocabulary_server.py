# SPDX-License-Identifier: Apache-2.0
"""The services ~/set_vocabulary and ~/get_vocabulary: words become a vocabulary while the stream goes on.

Text encoding may take seconds, so it runs in a thread of its own and the service's callback is a coroutine that
awaits it: the one executor thread keeps serving everything else.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import QoSProfile
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

from talk2dino_ros.background import in_thread
from talk2dino_ros.class_ids import ClassIds
from talk2dino_ros.engine.errors import Talk2DinoError, VocabularyError
from talk2dino_ros.engine.vocabulary import default_ids, parse_classes
from talk2dino_ros.give_way import map_giving_way
from talk2dino_ros.turns import Turns

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.task import Future

    from talk2dino_ros.engine import Segmenter, Vocabulary
    from talk2dino_ros.engine.vocabulary import ClassEntry
    from talk2dino_ros.parameters import Parameters
    from talk2dino_ros.stream import InForce, Stream

UNREAD_REQUESTS = 100  # rclpy's default of 10 would lose the eleventh that comes while the model loads
NOT_CONFIGURED = (
    "the node is not configured, expected it inactive or active; configure it (ros2 lifecycle set <node> configure)"
)


class VocabularyServer:
    """Serve the vocabulary of whatever stream the node has at the moment.

    stream: returns the node's stream, None while it is not configured.
    """

    def __init__(self, node: Node, stream: Callable[[], Stream | None]) -> None:
        self._node = node
        self._stream = stream
        self._ids = ClassIds(0.0)
        self._ids_options: tuple[float, int] | None = None
        self._version = 0
        self._file: Vocabulary | None = None
        self._thread: threading.Thread | None = None
        self._turns = Turns(node)
        # A coroutine that waits keeps every other callback of its group out, so this service has its own, in which
        # each request is looked at when it comes: what cannot be is answered at once, whoever else has the turn.
        self._set_srv = node.create_service(
            SetVocabulary,
            "~/set_vocabulary",
            self._on_set_vocabulary,
            qos_profile=QoSProfile(depth=UNREAD_REQUESTS),
            callback_group=ReentrantCallbackGroup(),
        )
        self._get_srv = node.create_service(GetVocabulary, "~/get_vocabulary", self._on_get_vocabulary)

    def first_vocabulary(self, segmenter: Segmenter, parameters: Parameters) -> Vocabulary:
        """Read or encode the vocabulary that a stream starts with; blocks.

        Ids and their quarantine outlive a reconfigure, as the consumers' memory of old masks does.
        """
        options = (parameters.id_quarantine_s, parameters.unlabeled_id)
        if options != self._ids_options:
            self._ids, self._ids_options = ClassIds(*options), options
        path = parameters.vocabulary_file
        self._file = segmenter.load_vocabulary(path) if path else None
        vocabulary = self._file or segmenter.encode_vocabulary(parameters.vocabulary)
        own_ids = () if vocabulary.ids == default_ids(vocabulary.classes) else vocabulary.ids
        return self._identified(vocabulary, self._new_ids(vocabulary.classes, own_ids))

    def join(self, timeout_s: float) -> None:
        """Wait for an encoding that is under way, so that the interpreter does not end beneath it."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    async def _on_set_vocabulary(
        self, request: SetVocabulary.Request, response: SetVocabulary.Response
    ) -> SetVocabulary.Response:
        start_s = time.monotonic()
        try:
            in_force = await self._change(list(request.classes), list(request.ids))
        except Talk2DinoError as error:
            response.message = str(error)
        except Exception as error:
            self._node.get_logger().error(f"set_vocabulary failed\n{traceback.format_exc()}")
            response.message = f"the text could not be encoded ({error!r}); the node's log has the details"
        else:
            response.success = True
            response.message = _summary(in_force.vocabulary)
            response.ids = in_force.published_ids
            for warning in in_force.vocabulary.warnings:
                self._node.get_logger().warning(warning)
        response.version = self._version_in_force()
        response.seconds = time.monotonic() - start_s
        return response

    async def _change(self, classes: list[str], fixed_ids: list[int]) -> InForce:
        """Encode and adopt classes, all or nothing, when their turn has come."""
        self._checked_stream(classes, fixed_ids)
        await self._turns.take(replaces=True)
        try:
            return await self._change_now(classes, fixed_ids)
        finally:
            self._turns.end()

    def _checked_stream(self, classes: list[str], fixed_ids: list[int]) -> Stream:
        """Return the stream that the classes are for; say what is wrong before anything slow is done."""
        stream = self._stream()
        if stream is None:
            raise VocabularyError(NOT_CONFIGURED)
        self._new_ids(parse_classes(classes), fixed_ids)
        return stream

    async def _change_now(self, classes: list[str], fixed_ids: list[int]) -> InForce:
        stream = self._checked_stream(classes, fixed_ids)
        vocabulary = await self._encode(stream.in_force.segmenter, classes)
        if self._stream() is not stream:
            raise VocabularyError("the node was cleaned up while the text was encoded; configure it and ask again")
        ids = self._new_ids(vocabulary.classes, fixed_ids)
        stream.adopt(replace(stream.in_force, vocabulary=self._identified(vocabulary, ids)))
        return stream.in_force

    def _encode(self, segmenter: Segmenter, classes: list[str]) -> Future:
        known = self._file

        def encode() -> Vocabulary:
            return segmenter.encode_vocabulary(classes, known, map_giving_way)

        future, self._thread = in_thread(self._node, encode, "text encoding")
        return future

    def _new_ids(self, classes: Sequence[ClassEntry], fixed_ids: Sequence[int]) -> tuple[int, ...]:
        return self._ids.assign(_labelled(classes), fixed_ids or None, self._now_ns() * 1e-9)

    def _identified(self, vocabulary: Vocabulary, ids: tuple[int, ...]) -> Vocabulary:
        """Put ids into force; the version only ever grows, also where the clock goes back."""
        self._ids.commit(_labelled(vocabulary.classes), ids, self._now_ns() * 1e-9)
        self._version = max(self._version + 1, self._now_ns())
        return vocabulary.with_ids(ids, self._version)

    def _on_get_vocabulary(
        self, _request: GetVocabulary.Request, response: GetVocabulary.Response
    ) -> GetVocabulary.Response:
        stream = self._stream()
        if stream is not None:
            vocabulary = stream.in_force.vocabulary
            response.version = vocabulary.version
            response.classes = [entry.text for entry in vocabulary.classes]
            response.names = list(vocabulary.names)
            response.ids = stream.in_force.published_ids
            response.unlabeled_id = stream.in_force.parameters.unlabeled_id
            response.model = stream.in_force.segmenter.model.name
        return response

    def _version_in_force(self) -> int:
        stream = self._stream()
        return stream.in_force.vocabulary.version if stream else 0

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def _labelled(classes: Sequence[ClassEntry]) -> list[str | None]:
    """The names that need an id; None for a distractor."""
    return [None if entry.distractor else entry.name for entry in classes]


def _summary(vocabulary: Vocabulary) -> str:
    labels = ", ".join(f"{name} = {class_id}" for class_id, name in vocabulary.labels().items())
    distractors = len(vocabulary.classes) - len(vocabulary.labels())
    beside = f" and {distractors} distractors" if distractors else ""
    return "; ".join([f"{len(vocabulary.labels())} classes{beside} in force: {labels}", *vocabulary.warnings])
