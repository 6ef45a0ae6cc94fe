# SPDX-License-Identifier: Apache-2.0
"""The newest statuses of the nodes on /diagnostics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from talk2dino_ros.client.feeds import Feed

MOST = 300  # parts of the nodes, whoever publishes there


class HeardStatus(NamedTuple):
    """A status, and when it came, by the steady clock."""

    status: Any
    came_s: float


class NewestDiagnostics:
    """The newest status of each part of the nodes, until it is closed; a context manager.

    names: the nodes' full names. feed: the topic's, which `take` gets.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.feed: Feed
        self._begins = tuple(f"{name.lstrip('/')}:" for name in names)
        self._heard: dict[str, HeardStatus] = {}

    @property
    def statuses(self) -> dict[str, HeardStatus]:
        """By names such as "talk2dino: model", "talk2dino: camera front", "goal: goal"; empty before the first."""
        return dict(self._heard)

    def take(self, message: Any) -> None:
        """Keep what a message says of the nodes."""
        for status in message.status:
            is_known = status.name in self._heard
            if is_known or (status.name.startswith(self._begins) and len(self._heard) < MOST):
                self._heard[status.name] = HeardStatus(status, time.monotonic())

    def close(self) -> None:
        """Listen no more."""
        self.feed.close()

    def __enter__(self) -> NewestDiagnostics:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
