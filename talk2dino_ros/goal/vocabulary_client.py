# SPDX-License-Identifier: Apache-2.0
"""The segmenter's vocabulary as another node sees it: is a word in it, and if not, may it come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.vocabulary import parse_classes

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.goal.waits import Waits


class NotInVocabularyError(Talk2DinoError):
    """The word is not looked for, and could not be added."""


class NoAnswerError(Talk2DinoError):
    """The segmenter is not there, not configured, or silent."""


class VocabularyClient:
    """Ask a segmenter by its services.

    segmenter: the name of its node, relative or absolute.
    """

    def __init__(self, node: Node, segmenter: str, waits: Waits) -> None:
        self._node = node
        self._segmenter = segmenter
        self._waits = waits
        group = ReentrantCallbackGroup()  # an answer must not wait for the coroutine that waits for it
        self._clients = {
            name: node.create_client(service_type, f"{segmenter}/{name}", callback_group=group)
            for name, service_type in (("get_vocabulary", GetVocabulary), ("set_vocabulary", SetVocabulary))
        }

    async def ensure(self, words: str, *, add: bool, timeout_s: float, is_over: Callable[[], bool]) -> str:
        """Have the class looked for; return its label as the vocabulary spells it.

        The other classes stay as they were asked for. `is_over` ends the waiting early, with NoAnswerError.
        Raises NotInVocabularyError or NoAnswerError.
        """
        (wanted,) = parse_classes([words])
        vocabulary = await self._call("get_vocabulary", GetVocabulary.Request(), timeout_s, is_over)
        if not vocabulary.version:
            raise NoAnswerError(
                f"the node {self._segmenter} has no vocabulary yet, expected it configured; configure and activate it"
            )
        for text in vocabulary.classes:
            (entry,) = parse_classes([text.strip().removeprefix("!")])
            if entry.name.casefold() != wanted.name.casefold():
                continue
            if text.strip().startswith("!"):
                raise NotInVocabularyError(
                    f"'{entry.name}' is a distractor of the vocabulary ('{text}'), expected a class; call "
                    f"{self._segmenter}/set_vocabulary without the '!'"
                )
            return entry.name
        if not add:
            raise NotInVocabularyError(
                f"'{wanted.name}' is not in the vocabulary ({', '.join(vocabulary.names)}), and add_words is false; "
                f"choose one of it, or call {self._segmenter}/set_vocabulary"
            )
        request = SetVocabulary.Request(classes=[*vocabulary.classes, wanted.text])
        reply = await self._call("set_vocabulary", request, timeout_s, is_over)
        if not reply.success:
            raise NotInVocabularyError(f"'{wanted.name}' could not be added to the vocabulary: {reply.message}")
        self._node.get_logger().info(f"'{wanted.name}' is in the vocabulary now: {reply.message}")
        return wanted.name

    async def _call(self, name: str, request: Any, timeout_s: float, is_over: Callable[[], bool]) -> Any:
        client = self._clients[name]
        if not await self._waits.until(lambda: client.service_is_ready() or is_over(), timeout_s) or is_over():
            raise NoAnswerError(
                f"the service {client.srv_name} is not there after {timeout_s:g} s; start the segmenter, or set the "
                "parameter segmenter to the name of its node"
            )
        future = client.call_async(request)
        if not await self._waits.until(lambda: future.done() or is_over(), timeout_s) or is_over():
            client.remove_pending_request(future)
            raise NoAnswerError(
                f"the service {client.srv_name} has not answered in {timeout_s:g} s; look at the segmenter's log, or "
                "raise segmenter_timeout_s"
            )
        return future.result()

    def destroy(self) -> None:
        """Give the clients back."""
        for client in self._clients.values():
            self._node.destroy_client(client)
