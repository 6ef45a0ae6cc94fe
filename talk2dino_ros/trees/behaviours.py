# SPDX-License-Identifier: Apache-2.0
"""Behaviours for py_trees: is a word in view, where is it, go to it. None of them waits in a tick."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PointStamped
from talk2dino_msgs.msg import TrackedObject

from talk2dino_ros.client.client_errors import ClientError

try:
    from py_trees.behaviour import Behaviour
    from py_trees.common import Access, Status
except ImportError as error:
    raise ImportError(
        "the Python package py_trees is missing, expected it for behaviours; install it (pip install py-trees)"
    ) from error

if TYPE_CHECKING:
    from talk2dino_ros.client.feeds import Feed
    from talk2dino_ros.client.go_to_run import GoToRun
    from talk2dino_ros.client.talk2dino_client import Talk2DinoClient

FRESH_S = 2.0  # an older result of an image does not say what is in view


class _Watching(Behaviour):
    """A behaviour that listens to a camera's topic from the tree's setup to its shutdown."""

    def __init__(self, name: str, client: Talk2DinoClient, word: str, topic: str, camera: str) -> None:
        super().__init__(name)
        self.word = word
        self._client, self._topic, self._camera = client, topic, camera
        self._feed: Feed | None = None

    def setup(self, **_: Any) -> None:
        """Subscribe."""
        self._feed = self._client.watch(self._topic, self._camera)

    def shutdown(self) -> None:
        """Subscribe no more."""
        if self._feed is not None:
            self._feed.close()

    def fresh(self) -> Any:
        """Return the newest message, where it is fresh; None with a sentence in feedback_message otherwise."""
        feed = self._feed
        if feed is None or feed.newest is None or feed.age_s > FRESH_S:
            self.feedback_message = f"nothing has come on {self._topic} for {FRESH_S:g} s; look at the segmenter"
            return None
        return feed.newest


class IsVisible(_Watching):
    """SUCCESS while a word is in the newest image, else FAILURE.

    min_confidence: 0 to 1; 0.5: another class is as likely.
    """

    def __init__(
        self, name: str, client: Talk2DinoClient, word: str, *, camera: str = "", min_confidence: float = 0.0
    ) -> None:
        super().__init__(name, client, word, "points_of_interest", camera)
        self._min_confidence = min_confidence

    def update(self) -> Status:
        """Look."""
        message = self.fresh()
        if message is None:
            return Status.FAILURE
        seen = max((point.confidence for point in message.points if point.class_name == self.word), default=0.0)
        is_seen = seen > 0 and seen >= self._min_confidence
        self.feedback_message = (
            f"{self.word!r} is in view, {seen:.2f} sure" if seen else f"no region of {self.word!r} is in view"
        )
        return Status.SUCCESS if is_seen else Status.FAILURE


class Find(_Watching):
    """SUCCESS once a word has a place, which goes to the blackboard under `key` as a PointStamped.

    RUNNING until it is a confirmed object with a position, or the memory knows a place; FAILURE after `timeout_s`.
    memory: whether the memory is asked. What is seen wins.
    """

    def __init__(
        self,
        name: str,
        client: Talk2DinoClient,
        word: str,
        *,
        key: str = "found",
        camera: str = "",
        timeout_s: float = 30.0,
        memory: bool = True,
    ) -> None:
        super().__init__(name, client, word, "objects", camera)
        self._key, self._timeout_s, self._asks_memory = key, timeout_s, memory
        self._blackboard = self.attach_blackboard_client(name=name)
        self._blackboard.register_key(key=key, access=Access.WRITE)
        self._asked: Any = None
        self._began_s = 0.0

    def initialise(self) -> None:
        """Ask the memory."""
        self._began_s = time.monotonic()
        self._asked = self._client.find(self.word) if self._asks_memory else None

    def update(self) -> Status:
        """Look at what is seen, then at what is remembered."""
        place = self._seen() or self._remembered()
        if place is not None:
            self._blackboard.set(self._key, place)
            return Status.SUCCESS
        return Status.FAILURE if time.monotonic() - self._began_s > self._timeout_s else Status.RUNNING

    def _seen(self) -> PointStamped | None:
        message = self.fresh()
        for each in message.objects if message else ():
            if each.class_name == self.word and each.has_position and each.state == TrackedObject.CONFIRMED:
                self.feedback_message = f"{self.word!r} is seen"
                return PointStamped(header=message.header, point=each.position)
        return None

    def _remembered(self) -> PointStamped | None:
        if self._asked is None or not self._asked.done():
            return None
        try:
            answer = self._asked.result()
        except ClientError as error:
            self.feedback_message = str(error)
            return None
        self.feedback_message = answer.message
        return PointStamped(header=answer.header, point=answer.places[0].position) if answer.places else None


class GoTo(Behaviour):
    """Go to an object by its word: RUNNING on the way, SUCCESS before it, else FAILURE with a sentence.

    Interrupted, it cancels the go_to. options: further fields of the action GoTo, such as `stand_off_m`.
    """

    def __init__(self, name: str, client: Talk2DinoClient, word: str, **options: Any) -> None:
        super().__init__(name)
        self.word = word
        self._client, self._options = client, options
        self._run: GoToRun | None = None

    def initialise(self) -> None:
        """Send the robot."""
        self._run = self._client.go_to(self.word, **self._options)

    def update(self) -> Status:
        """Tell how far it is."""
        run = self._run
        if run is None or not run.result.done():
            self.feedback_message = run.feedback.message if run and run.feedback else "the go_to is being sent"
            return Status.RUNNING
        try:
            self.feedback_message = run.result.result().message
        except ClientError as error:
            self.feedback_message = str(error)
        return Status.SUCCESS if run.state == "REACHED" else Status.FAILURE

    def terminate(self, new_status: Status) -> None:
        """Cancel a go_to that is interrupted."""
        if new_status == Status.INVALID and self._run is not None and not self._run.result.done():
            self._run.cancel()


__all__ = ["Find", "GoTo", "IsVisible"]
