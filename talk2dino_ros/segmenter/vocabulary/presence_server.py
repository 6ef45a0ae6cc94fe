# SPDX-License-Identifier: Apache-2.0
"""The service ~/is_in_view: is there a mug? It waits for an image, which nothing else need listen to."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from talk2dino_msgs.srv import IsInView

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import parse_class, shorten
from talk2dino_ros.perception.presence import Presence, PresenceState, sureness
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp
from talk2dino_ros.ros.node.waits import Waits
from talk2dino_ros.segmenter.vocabulary.presence_topic import presence_to_msg
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import configured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from talk2dino_ros.engine import Vocabulary
    from talk2dino_ros.ros.node.managed_node import ManagedNode
    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.pipeline import Pipeline
    from talk2dino_ros.segmenter.vocabulary.presence_topic import PresenceAnswer, PresenceQuestion

DEFAULT_S, LONGEST_S = 15.0, 600.0  # an image takes a large model on a CPU some seconds
LOOK_S = 0.05
MOST_WAITING = 100  # questions at a time, each with a coroutine of its own
MOST_SHOWN = 10  # names in a sentence
PAUSED = "the segmenter is paused, expected it to segment; resume it (~/enable with data: true) and ask again"


class PresenceError(Talk2DinoError):
    """A question that cannot be answered, or not now."""


class PresenceServer:
    """Server of ~/is_in_view, for the node's current pipeline.

    pipeline: returns the node's pipeline, None while it is not configured.
    """

    def __init__(self, node: ManagedNode, pipeline: Callable[[], Pipeline | None]) -> None:
        self._node = node
        self._pipeline = pipeline
        self._waits = Waits(node)
        self._waiting = 0
        self._timer: Any = None
        self._srv = node.create_service(
            IsInView, "~/is_in_view", self._on_is_in_view, callback_group=ReentrantCallbackGroup()
        )  # as of ~/set_vocabulary

    async def _on_is_in_view(self, request: IsInView.Request, response: IsInView.Response) -> IsInView.Response:
        try:
            camera, answer, missing = await self._answer(request)
        except Talk2DinoError as error:
            nothing = Presence(0, "", PresenceState.NOT_LOOKED_FOR, "")
            response.message, response.presence = str(error), presence_to_msg(nothing)
        else:
            _fill(response, camera, answer, missing)
        return response

    async def _answer(self, request: IsInView.Request) -> tuple[Camera, PresenceAnswer, list[str]]:
        """Return the surest camera with its answer, and the topics of those that had no image."""
        pipeline, name = configured(self._pipeline()), parse_class(request.class_name).name
        timeout_s = _timeout_s(request.timeout_s)
        if self._waiting >= MOST_WAITING:
            raise PresenceError(f"{MOST_WAITING} questions wait for an image already, expected fewer; ask again later")
        check_is_looked_for(name, pipeline.active.vocabulary)
        cameras = _cameras(pipeline, request.camera)
        with ExitStack() as stack:
            asked = [(camera, stack.enter_context(camera.presence.asked(name))) for camera in cameras]
            stack.enter_context(self._looking())
            await self._waits.until(lambda: self._pipeline() is not pipeline or _is_told(asked), timeout_s)
        return self._surest(pipeline, asked, name, timeout_s)

    def _surest(
        self, pipeline: Pipeline, asked: Sequence[tuple[Camera, PresenceQuestion]], name: str, timeout_s: float
    ) -> tuple[Camera, PresenceAnswer, list[str]]:
        if self._pipeline() is not pipeline:
            raise PresenceError("the node was cleaned up before an image came; configure it and ask again")
        answers = [(camera, question.answer) for camera, question in asked if question.answer is not None]
        missing = [camera.topic for camera, question in asked if question.answer is None and not question.is_unknown]
        if not answers:
            check_is_looked_for(name, pipeline.active.vocabulary)
            raise PresenceError(
                f"no image of {', '.join(missing)} was segmented in {timeout_s:g} s, expected one; look at the "
                "camera's status in /diagnostics, or give it more time (timeout_s)"
            )
        camera, answer = max(answers, key=lambda each: sureness(each[1].presence))
        if answer.presence.state == PresenceState.NOT_LOOKED_FOR:
            raise PresenceError(PAUSED)
        return camera, answer, missing

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Look whether somebody's answer is there, on the steady clock, as long as somebody waits."""
        if not self._waiting:
            self._timer = self._node.create_timer(LOOK_S, self._waits.poll, clock=self._node.steady_clock)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._node.destroy_timer(self._timer)


def check_is_looked_for(name: str, vocabulary: Vocabulary) -> None:
    """Raise PresenceError where no class or question has this name."""
    entries = [entry for entry in vocabulary.classes if entry.name.casefold() == name.casefold()]
    if any(not entry.distractor for entry in entries):
        return
    if entries:
        raise PresenceError(
            f"{shorten(name)} is a distractor, which is never told of, expected a class or a question; set it without "
            "the '!' before it (~/set_vocabulary)"
        )
    known = [entry.name for entry in vocabulary.classes if not entry.distractor]
    more = f" and {len(known) - MOST_SHOWN} more" if known[MOST_SHOWN:] else ""
    raise PresenceError(
        f"{shorten(name)} is not looked for, expected one of {', '.join(known[:MOST_SHOWN])}{more}; add it as a "
        f"question, which changes no mask: ~/set_vocabulary with add: ['?{name}']"
    )


def _timeout_s(asked: float) -> float:
    if not 0 <= asked <= LONGEST_S:  # and no NaN
        raise PresenceError(
            f"timeout_s is {asked:g}, expected 0 (which means {DEFAULT_S:g}) to {LONGEST_S:g} seconds; correct it"
        )
    return asked or DEFAULT_S


def _cameras(pipeline: Pipeline, name: str) -> list[Camera]:
    """Return the camera of this name, all of them for "". Raises PresenceError where there is none, or nobody looks."""
    cameras = pipeline.cameras
    if name and name not in cameras:
        known = ", ".join(repr(each) for each in cameras if each)
        expected = f"one of {known}" if known else "'', as the one camera has no name"
        raise PresenceError(f"there is no camera {shorten(name)}, expected {expected}; correct it")
    asked = [cameras[name]] if name else list(cameras.values())
    if not all(camera.is_streaming for camera in asked):
        raise PresenceError(
            "the node is not active, expected it active; activate it (ros2 lifecycle set <node> activate)"
        )
    if not pipeline.is_enabled:
        raise PresenceError(PAUSED)
    return asked


def _is_told(asked: Sequence[tuple[Camera, PresenceQuestion]]) -> bool:
    """Whether nothing more is worth waiting for: one has said that it is there, or all have spoken but silent ones."""
    seen = [question.answer for _, question in asked if question.answer is not None]
    spoken = [question for _, question in asked if question.answer is not None or question.is_unknown]
    awaited = [camera for camera, question in asked if question not in spoken and not camera.transport.is_silent]
    return bool(spoken) and (not awaited or any(each.presence.state == PresenceState.IN_VIEW for each in seen))


def _fill(response: IsInView.Response, camera: Camera, answer: PresenceAnswer, missing: Sequence[str]) -> None:
    presence, span, frame = answer.presence, answer.span, answer.frame
    where = f"'{presence.class_name}'" + (f" on camera {camera.name}" if camera.name else "")
    others = f"; no image of {', '.join(missing)} came meanwhile" if missing else ""
    response.success, response.camera, response.header = True, camera.name, frame.message.header
    response.message = f"{where}: {presence.reason}; {span.sentence(frame.stamp_ns)}{others}"
    response.presence = presence_to_msg(presence)
    response.first_seen, response.last_seen = ns_to_stamp(span.first_ns), ns_to_stamp(span.last_ns)
