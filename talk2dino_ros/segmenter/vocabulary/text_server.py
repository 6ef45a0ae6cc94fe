# SPDX-License-Identifier: Apache-2.0
"""The service ~/encode_text: vectors of words, to be compared with patch features; the vocabulary stays as it is."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING

from rclpy.callback_groups import ReentrantCallbackGroup
from talk2dino_msgs.srv import EncodeText

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import configured

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.engine import Segmenter, Vocabulary
    from talk2dino_ros.segmenter.pipeline import Pipeline
    from talk2dino_ros.segmenter.vocabulary.vocabulary_server import VocabularyServer


class TextServer:
    """Server of ~/encode_text, for the node's current pipeline; shares the text encoder with the vocabulary's.

    pipeline: returns the node's pipeline, None while it is not configured.
    """

    def __init__(
        self, node: Node, pipeline: Callable[[], Pipeline | None], vocabulary_server: VocabularyServer
    ) -> None:
        self._pipeline = pipeline
        self._vocabulary_server = vocabulary_server
        self._encoding = vocabulary_server.encoding
        self._srv = node.create_service(
            EncodeText,
            "~/encode_text",
            self._on_encode_text,
            callback_group=ReentrantCallbackGroup(),  # as of ~/set_vocabulary
        )

    async def _on_encode_text(self, request: EncodeText.Request, response: EncodeText.Response) -> EncodeText.Response:
        start_s = time.monotonic()
        try:
            segmenter, vocabulary = await self._encode(request.classes)
        except Talk2DinoError as error:
            response.message = str(error)
        else:
            _fill(response, segmenter, vocabulary)
        response.seconds = time.monotonic() - start_s
        return response

    async def _encode(self, classes: list[str]) -> tuple[Segmenter, Vocabulary]:
        """Encode classes when their turn has come; of the model that is there then."""
        configured(self._pipeline())
        parse_classes(classes)  # before anyone waits
        await self._encoding.requests.acquire(replaces=False)
        try:
            active = configured(self._pipeline()).active
            known = self._vocabulary_server.known(active.vocabulary)
            return active.segmenter, await self._encoding.encode(active.segmenter, classes, known)
        finally:
            self._encoding.requests.release()


def _fill(response: EncodeText.Response, segmenter: Segmenter, vocabulary: Vocabulary) -> None:
    background = segmenter.options.background
    response.success = True
    response.message = "; ".join(vocabulary.warnings)
    response.model, response.feature_space = segmenter.model.name, segmenter.feature_space
    response.names = list(vocabulary.names)
    response.dimensions = vocabulary.embeddings.shape[1]
    response.vectors = array("f", vocabulary.embeddings.tobytes())
    response.background = math.nan if background is None else background
    response.logit_scale = segmenter.model.logit_scale
