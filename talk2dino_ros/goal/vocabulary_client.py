# SPDX-License-Identifier: Apache-2.0
"""Client of the segmenter's vocabulary services: look a class up, add it as a question, remove it again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import QUESTION, ClassEntry, parse_class
from talk2dino_ros.ros.node.first_answer import ASK_AGAIN_S, segmenters_answer

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.ros.node.waits import Waits


class NotInVocabularyError(Talk2DinoError):
    """The class is not in the vocabulary and could not be added."""


class NoAnswerError(Talk2DinoError):
    """The segmenter is not there, not configured, or silent."""


class VocabularyClient:
    """Client of a segmenter's vocabulary services; removes the questions that it added.

    segmenter: the name of its node, relative or absolute. removal: the future of the last removal, None before.
    """

    def __init__(self, node: Node, segmenter: str, waits: Waits) -> None:
        self._node = node
        self._segmenter = segmenter
        self._waits = waits
        self._own: dict[str, ClassEntry] = {}  # the questions that this node has made active, by their folded names
        self.removal: Any = None
        group = ReentrantCallbackGroup()  # an answer must not wait for the coroutine that waits for it
        # in this order: readers are discovered as they were made, so who has answered get can answer set
        self._clients = {
            name: node.create_client(service_type, f"{segmenter}/{name}", callback_group=group)
            for name, service_type in (("set_vocabulary", SetVocabulary), ("get_vocabulary", GetVocabulary))
        }

    async def ensure(self, words: str, *, add: bool, timeout_s: float, is_over: Callable[[], bool]) -> str:
        """Make sure that the class is in the vocabulary; return its label there.

        A word that the vocabulary lacks is added as a question, which changes no mask; its threshold is that of the
        question. `is_over` ends the waiting early, with NoAnswerError. Raises NotInVocabularyError or NoAnswerError.
        """
        wanted = parse_class(words)
        await self._waits.until(lambda: self.removal is None or self.removal.done() or is_over(), timeout_s)
        get = GetVocabulary.Request()
        vocabulary = await self._call("get_vocabulary", get, timeout_s, is_over, again_s=ASK_AGAIN_S)
        if not vocabulary.version:
            raise NoAnswerError(
                f"the node {self._segmenter} has no vocabulary yet, expected it configured; configure and activate it"
            )
        for entry in map(parse_class, vocabulary.classes):
            if entry.name.casefold() == wanted.name.casefold():
                self._check_can_be_seen(entry, wanted)
                return entry.name
        if not add:
            raise NotInVocabularyError(
                f"'{wanted.name}' is not in the vocabulary ({', '.join(vocabulary.names)}), and add_words is false; "
                f"choose one of it, or call {self._segmenter}/set_vocabulary"
            )
        await self._ask(replace(wanted, question=True), timeout_s, is_over)
        return wanted.name

    def keep_only(self, name: str) -> None:
        """Remove all questions of this node but this one ('' for none); retry where the segmenter is not available.

        Returns at once, and is cheap where there is nothing to do.
        """
        others = [key for key in self._own if key != name.casefold()]
        client = self._clients["set_vocabulary"]
        if not others or not client.service_is_ready():
            return
        request = SetVocabulary.Request(remove=[f"{QUESTION}{self._own.pop(key).name}" for key in others])
        self.removal = client.call_async(request)
        self.removal.add_done_callback(self._on_removed)

    def _on_removed(self, future: Any) -> None:
        if future.result() is not None and not future.result().success:
            self._node.get_logger().warning(f"a word could not be removed again: {future.result().message}")

    async def _ask(self, question: ClassEntry, timeout_s: float, is_over: Callable[[], bool]) -> None:
        key = question.name.casefold()
        self._own[key] = question  # before it is asked for: who stops waiting does not know whether it came in
        reply = await self._call("set_vocabulary", SetVocabulary.Request(add=[question.text]), timeout_s, is_over)
        if not reply.success or not reply.added:  # refused, or somebody else was first, whose it is
            self._own.pop(key, None)
        if not reply.success:
            raise NotInVocabularyError(f"'{question.name}' could not be added to the vocabulary: {reply.message}")
        self._node.get_logger().info(f"'{question.name}' is looked for now: {reply.message}")

    def _check_can_be_seen(self, entry: ClassEntry, wanted: ClassEntry) -> None:
        if entry.distractor:
            raise NotInVocabularyError(
                f"'{entry.name}' is a distractor of the vocabulary ('{entry.text}'), expected a class; call "
                f"{self._segmenter}/set_vocabulary without the '!'"
            )
        if wanted.threshold not in (None, entry.threshold):
            raise NotInVocabularyError(
                f"'{wanted.text}' was asked for, and the vocabulary has '{entry.text}', expected its threshold or none"
                f"; leave it out, or change it by {self._segmenter}/set_vocabulary"
            )

    async def _call(
        self, name: str, request: Any, timeout_s: float, is_over: Callable[[], bool], *, again_s: float = math.inf
    ) -> Any:
        """Return the first answer; the request is sent again where none comes for `again_s`."""
        client, waits = self._clients[name], self._waits
        return await segmenters_answer(client, request, waits, timeout_s, is_over, error=NoAnswerError, again_s=again_s)

    def wait_for_removal(self, timeout_s: float) -> None:
        """Wait for the segmenter's answer after the node's executor has stopped."""
        if self.removal is not None and not self.removal.done():
            executor = SingleThreadedExecutor(context=self._node.context)
            executor.add_node(self._node)
            executor.spin_until_future_complete(self.removal, timeout_s)

    def destroy(self) -> None:
        """Destroy the clients."""
        for client in self._clients.values():
            self._node.destroy_client(client)
