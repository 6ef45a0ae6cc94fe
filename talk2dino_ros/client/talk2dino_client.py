# SPDX-License-Identifier: Apache-2.0
"""Client of the nodes for a program in Python: images, words, places and go_to, on a node of the program's own.

Requests come back at once with a `concurrent.futures.Future`: `.result()` waits, `.done()` looks, and in asyncio
`await asyncio.wrap_future(...)`. It has an error of client_errors.py, a sentence, where the node is not there, ends in
the middle, stays silent or refuses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionClient
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import PointOfInterestArray, PresenceArray, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import Find, GetVocabulary, IsInView, RememberedView, SetVocabulary
from vision_msgs.msg import LabelInfo

from talk2dino_ros.client.client_errors import ClientError, RefusedError, VocabularyConflictError
from talk2dino_ros.client.client_work import ClientWork
from talk2dino_ros.client.feeds import Feed, Feeds, OnMessage
from talk2dino_ros.client.go_to_run import GoToRun
from talk2dino_ros.client.newest_diagnostics import NewestDiagnostics
from talk2dino_ros.client.service_requests import ServiceRequests
from talk2dino_ros.engine.text.class_entries import parse_class, parse_classes
from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE, SENSOR_DATA
from talk2dino_ros.ros.parameters.parameter_field import NODE_NAME

if TYPE_CHECKING:
    from rclpy.node import Node

OBJECT_STATES = {
    TrackedObject.TENTATIVE: "tentative",
    TrackedObject.CONFIRMED: "confirmed",
    TrackedObject.LOST: "lost",
}
IMAGE_S = 15.0  # for an image that is segmented: a large model on a CPU
ENCODING_S = 60.0  # a large vocabulary on a slow machine, with others that wait before it


class CameraTopic(NamedTuple):
    """A topic of a camera. is_input: the camera's own, beside the segmenter, and not one of its results."""

    message_type: type
    qos: QoSProfile
    is_input: bool = False


# Whoever begins to listen to mask, confidence or label_info has the segmenter hold masks back for all readers until the
# new one knows the labels (its parameter new_reader_pause_s): listen to them for long, or not at all.
CAMERA_TOPICS = {
    "image": CameraTopic(Image, SENSOR_DATA, is_input=True),
    "compressed_image": CameraTopic(CompressedImage, SENSOR_DATA, is_input=True),
    "overlay": CameraTopic(Image, SENSOR_DATA),
    "mask": CameraTopic(Image, SENSOR_DATA),
    "confidence": CameraTopic(Image, SENSOR_DATA),
    "label_info": CameraTopic(LabelInfo, LATCHED),
    "points_of_interest": CameraTopic(PointOfInterestArray, RELIABLE),
    "objects": CameraTopic(TrackedObjectArray, RELIABLE),
    "presence": CameraTopic(PresenceArray, RELIABLE),
}
DIAGNOSTICS = QoSProfile(depth=10)  # several nodes publish them at one moment


class Talk2DinoClient:
    """Client of segmenter, goal node and memory; all of it is made when it is first needed.

    node: spun by the program, in one thread; not by the thread that waits for a future. segmenter, goal, memory: the
    names of the nodes, relative to the node's namespace or absolute. timeout_s: for an answer that needs no encoding.
    Raises ClientError for a name that no node can have.
    """

    def __init__(
        self,
        node: Node,
        *,
        segmenter: str = "talk2dino",
        goal: str = "goal",
        memory: str = "memory",
        timeout_s: float = 10.0,
    ) -> None:
        names = (("segmenter", segmenter, "talk2dino"), ("goal", goal, "goal"), ("memory", memory, "memory"))
        for role, name, usual in names:
            if not NODE_NAME.match(name):
                raise ClientError(
                    f"{role} is {name!r}, expected a node's name such as {usual!r} or '/robot/{usual}'; correct it"
                )
        self._node = node
        self._segmenter, self._goal, self._memory = segmenter, goal, memory
        self._timeout_s = timeout_s
        self._work = ClientWork(node)
        self._services = ServiceRequests(node, self._work)
        self._feeds = Feeds(node, self._work)
        self._action: Any = None
        self._run: GoToRun | None = None
        self._going = threading.Lock()  # around both: the newest go_to is the one that was begun last

    def cameras(self) -> list[str]:
        """Return the cameras' names that the segmenter publishes results of; "" is the one without a name."""
        begin, end = f"{self._node.resolve_topic_name(self._segmenter)}/", "points_of_interest"
        names = [name for name, _types in self._node.get_topic_names_and_types() if name.startswith(begin)]
        return sorted(name[len(begin) : -len(end)].rstrip("/") for name in names if name.endswith(end))

    def watch(self, topic: str, camera: str = "", on_message: OnMessage | None = None) -> Feed:
        """Return the feed of one of CAMERA_TOPICS; close it where it is wanted no more."""
        kind = CAMERA_TOPICS[topic]
        prefix = self._segmenter.rpartition("/")[0] if kind.is_input else self._segmenter
        parts = (prefix, camera, "image" if kind.is_input else topic)
        absolute = "/" if self._segmenter.startswith("/") and not prefix else ""
        return self.watch_topic(kind.message_type, absolute + "/".join(filter(None, parts)), kind.qos, on_message)

    def watch_topic(self, message_type: type, name: str, qos: QoSProfile, on_message: OnMessage | None = None) -> Feed:
        """Return the feed of any topic; `on_message` gets each message in the executor's thread: be short."""
        return self._feeds.open(message_type, name, qos, on_message)

    def diagnostics(self) -> NewestDiagnostics:
        """Return the newest statuses of the three nodes, from now on; close it where it is wanted no more."""
        names = tuple(self._node.resolve_topic_name(name) for name in (self._segmenter, self._goal, self._memory))
        newest = NewestDiagnostics(names)
        newest.feed = self.watch_topic(DiagnosticArray, "/diagnostics", DIAGNOSTICS, newest.take)
        return newest

    def get_vocabulary(self) -> Future[GetVocabulary.Response]:
        """Ask for the active vocabulary; its `version` is 0 before there is one."""
        return self._work.start(self._get_vocabulary)

    def set_vocabulary(
        self,
        classes: Sequence[str] = (),
        *,
        ids: Sequence[int] = (),
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        expected_version: int = 0,
        timeout_s: float = ENCODING_S,
    ) -> Future[SetVocabulary.Response]:
        """Replace the classes, or add and remove some; the fields are those of SetVocabulary.

        Raises VocabularyError for words that could be none, before anyone is asked; VocabularyConflictError where
        `expected_version` is given and not the active one; RefusedError.
        """
        request = SetVocabulary.Request(
            classes=list(classes),
            ids=list(ids),
            add=list(add),
            remove=list(remove),
            expected_version=expected_version,
        )
        return self._work.start(lambda: self._set_vocabulary(request, timeout_s))

    def is_in_view(self, word: str, camera: str = "", *, timeout_s: float = IMAGE_S) -> Future[IsInView.Response]:
        """Ask whether a class is in view, not in view, or one cannot be sure; of all cameras for "".

        Raises RefusedError where nobody has looked: it is no class or question, or no image came in `timeout_s`.
        """
        request = IsInView.Request(class_name=word, camera=camera, timeout_s=timeout_s)
        name, wait_s = f"{self._segmenter}/is_in_view", timeout_s + self._timeout_s
        return self._ask_for_success(IsInView, name, request, wait_s, repeatable=True)

    def find(self, word: str, **fields: Any) -> Future[Find.Response]:
        """Ask the memory where a word was seen; further fields are those of Find, such as `against`, `max_results`."""
        request = Find.Request(class_name=word, **fields)
        return self._ask_for_success(Find, f"{self._memory}/find", request, ENCODING_S, repeatable=True)

    def view(self, place_id: int) -> Future[RememberedView.Response]:
        """Ask the memory for the picture of a place that `find` has answered."""
        request = RememberedView.Request(id=place_id)
        return self._ask_for_success(RememberedView, f"{self._memory}/view", request, self._timeout_s, repeatable=True)

    def go_to(self, word: str, on_feedback: Callable[[Any], None] | None = None, **fields: Any) -> GoToRun:
        """Send the robot to an object; a go_to before it ends. Further fields are those of the action GoTo.

        on_feedback: gets each feedback in the executor's thread.
        """
        goal = GoTo.Goal(class_name=word, **fields)
        with self._going:
            self._work.check_open()
            if self._action is None:
                group = ReentrantCallbackGroup()
                self._action = ActionClient(self._node, GoTo, f"{self._goal}/go", callback_group=group)
            run = self._run = GoToRun(self._action, self._work, goal, on_feedback)
        return run

    def ask(
        self, service_type: type, name: str, request: Any, timeout_s: float, *, repeatable: bool = False
    ) -> Future[Any]:
        """Call any service. repeatable: it changes nothing, so that a lost answer may be asked for again."""
        return self._work.start(
            lambda: self._services.ask(service_type, name, request, timeout_s, repeatable=repeatable)
        )

    def close(self) -> None:
        """End everything; what is under way raises ClientError. A go_to goes on: cancel it before.

        It is for the thread that spins the node, or for after its end.
        """
        self._work.close()
        self._feeds.destroy()
        self._services.destroy()
        with self._going:
            if self._action is not None:
                self._action.destroy()

    def drop(self) -> None:
        """Forget what was not begun before `close`, after the end of the executor that would have begun it."""
        self._work.drop()

    @property
    def current_go_to(self) -> GoToRun | None:
        """The newest go_to of this client, where it is under way."""
        run = self._run
        return run if run is not None and not run.result.done() else None

    def _ask_for_success(self, service_type: type, name: str, *request: Any, **options: Any) -> Future[Any]:
        return self._work.start(lambda: self._services.ask_for_success(service_type, name, *request, **options))

    async def _get_vocabulary(self) -> Any:
        # set before get: readers are discovered in their order, so who has answered get can answer set
        self._services.prepare(SetVocabulary, f"{self._segmenter}/set_vocabulary")
        name = f"{self._segmenter}/get_vocabulary"
        return await self._services.ask(GetVocabulary, name, GetVocabulary.Request(), self._timeout_s, repeatable=True)

    async def _set_vocabulary(self, request: Any, timeout_s: float) -> Any:
        if request.classes:
            parse_classes(request.classes)
        for text in request.add:
            parse_class(text)
        await self._get_vocabulary()
        name = f"{self._segmenter}/set_vocabulary"
        try:
            return await self._services.ask_for_success(SetVocabulary, name, request, timeout_s, repeatable=False)
        except RefusedError as error:
            if request.expected_version in (0, error.answer.version):
                raise
            raise VocabularyConflictError(str(error), error.answer) from error
