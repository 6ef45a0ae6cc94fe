# SPDX-License-Identifier: Apache-2.0
"""What a client of the nodes is told where it gets no result."""

from __future__ import annotations

from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError


class ClientError(Talk2DinoError):
    """A request to one of the nodes that came to nothing."""


class AbsentNodeError(ClientError):
    """A node that is not there, or that has ended before it answered."""


class SilentNodeError(ClientError):
    """A node that is there, and from which nothing comes in time."""


class RefusedError(ClientError):
    """A node's answer that is a refusal; `answer` is the whole of it."""

    def __init__(self, sentence: str, answer: Any) -> None:
        super().__init__(sentence)
        self.answer = answer


class VocabularyConflictError(RefusedError):
    """Words that were to replace a vocabulary which is not the active one any more; `answer.version` is what is."""
