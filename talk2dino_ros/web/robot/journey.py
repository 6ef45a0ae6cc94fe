# SPDX-License-Identifier: Apache-2.0
"""The robot's way to an object that a page has asked for, in words."""

from __future__ import annotations

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

    @property
    def is_going(self) -> bool:
        """Whether a go_to is under way."""
        return self._run is not None and not self._run.result.done()

    def begin(self, class_name: str, object_id: int, on_change: Callable[[], None]) -> None:
        """Send the robot to an object; 0: to the nearest of this class. on_change: called where `said` is new."""
        choice = {"which": GoTo.Goal.BY_ID, "id": object_id} if object_id else {}

        def on_feedback(feedback: Any) -> None:
            self.said = f"{class_name}: {feedback.message}"
            on_change()

        def on_end(result: Any) -> None:
            if run is self._run:
                self.said = f"{class_name}: {_end_of(result)}"
                on_change()

        self.said = f"{class_name}: asking the goal node"
        run = self._run = self._client.go_to(class_name, on_feedback, **choice)
        run.result.add_done_callback(on_end)

    def cancel(self) -> None:
        """End it."""
        if self._run is not None:
            self._run.cancel()


def _end_of(result: Any) -> str:
    try:
        return str(result.result().message)
    except Talk2DinoError as error:
        return str(error)
