# SPDX-License-Identifier: Apache-2.0
"""Client of the segmenter's service encode_text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from talk2dino_msgs.srv import EncodeText

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import ClassEntry
from talk2dino_ros.perception.memory.word_query import WordQuery, make_query
from talk2dino_ros.ros.node.first_answer import segmenters_answer
from talk2dino_ros.ros.requests.request_queue import RequestQueue

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.ros.node.waits import Waits


class NoVectorsError(Talk2DinoError):
    """The segmenter has not encoded the words."""


class TextClient:
    """Client of a segmenter's encode_text; one request at a time, the others wait in their order."""

    def __init__(self, node: Node, segmenter: str, waits: Waits) -> None:
        self._node = node
        self._waits = waits
        self._queue = RequestQueue(node)
        # an answer must not wait for the coroutine that waits for it
        self._client = node.create_client(
            EncodeText, f"{segmenter}/encode_text", callback_group=ReentrantCallbackGroup()
        )

    async def encode(
        self, entries: Sequence[ClassEntry], timeout_s: float, is_over: Callable[[], bool]
    ) -> tuple[WordQuery, str]:
        """Return a class and its competitors as a query, and the feature space of its vectors.

        is_over: ends the waiting early, with NoVectorsError.

        Raises NoVectorsError where the segmenter is not there, silent, or refuses; QueueError where too many ask.
        """
        since_s = time.monotonic()  # the turn is waited for too: a hundred finds shall not wait one after the other
        await self._queue.acquire(replaces=False)
        try:
            request = EncodeText.Request(classes=[entry.text for entry in entries])
            response = await segmenters_answer(
                self._client, request, self._waits, timeout_s, is_over, error=NoVectorsError, since_s=since_s
            )
        finally:
            self._queue.release()
        return query_of(entries, response), response.feature_space

    def destroy(self) -> None:
        """Destroy the client."""
        self._node.destroy_client(self._client)


def query_of(entries: Sequence[ClassEntry], response: Any) -> WordQuery:
    """Return the query of an answer of encode_text; raise NoVectorsError where it is refused or makes no sense."""
    if not response.success:
        raise NoVectorsError(f"the segmenter has not encoded {entries[0].name!r}: {response.message}")
    vectors = np.asarray(response.vectors, np.float32)
    if not response.dimensions or len(vectors) != len(entries) * response.dimensions or not np.isfinite(vectors).all():
        raise NoVectorsError(
            f"the segmenter has answered with {len(vectors)} numbers for {len(entries)} words of "
            f"{response.dimensions} dimensions, expected so many finite ones for each; install the same version of "
            "this package for both nodes"
        )
    background = None if math.isnan(response.background) else float(response.background)
    if background is not None and not 0 < background < 1:
        background = None  # every score is above 0, and none above 1
    query = make_query(entries, vectors.reshape(len(entries), -1), background, float(response.logit_scale))
    if background is None and len(query.vectors) == 1:
        raise NoVectorsError(
            f"nothing competes with {entries[0].name!r}, and the model has no background threshold, expected one of "
            "the two; name words in `against` that mean something else"
        )
    return query
