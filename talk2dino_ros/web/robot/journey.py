# SPDX-License-Identifier: Apache-2.0
"""The robot's way to an object that a page has asked for, in words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from talk2dino_msgs.action import GoTo

from talk2dino_ros.client.talk2dino_client import Talk2DinoClient
from talk2dino_ros.engine.errors import Talk2DinoError


class Journey:
    """The newest go_to of the pages; a new one ends the one before. said: how far it is, "" before the first."""

    def __init__(self, client: Talk2DinoClient, goal: str) -> None:
        self.said = ""
        self._client = client
        self._goal = goal
        self._run: Any = None
        self._lock = threading.Lock()  # around said and _run: of two that begin at once the later is what `cancel` ends

    @property
    def is_going(self) -> bool:
        """Whether a go_to is under way."""
        return self._run is not None and not self._run.result.done()

    def begin(self, class_name: str, object_id: int, on_change: Callable[[], None]) -> None:
        """Send the robot to an object; 0: to the nearest of this class. on_change: called where `said` is new."""
        choice = {"which": GoTo.Goal.BY_ID, "id": object_id} if object_id else {}

        def tell(sentence: str) -> None:
            with self._lock:
                if run is not self._run:
                    return
                self.said = f"{class_name}: {sentence}"
            on_change()

        with self._lock:
            run = self._run = self._client.go_to(class_name, lambda feedback: tell(feedback.message), **choice)
            self.said = f"{class_name}: asking the goal node"
        run.result.add_done_callback(lambda result: tell(_end_of(result)))

    def cancel(self) -> None:
        """End it."""
        with self._lock:
            run = self._run
        if run is not None:
            run.cancel()


def _end_of(result: Any) -> str:
    try:
        return str(result.result().message)
    except Talk2DinoError as error:
        return str(error)
