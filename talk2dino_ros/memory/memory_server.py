# SPDX-License-Identifier: Apache-2.0
"""The services of the memory: find, view, forget, correct."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from std_msgs.msg import Header
from talk2dino_msgs.srv import Correct, Find, Forget, RememberedView

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.memory.memory_messages import (
    box_to_msg,
    place_to_msg,
    pose_to_sensor_pose,
    view_pose_to_msg,
    view_to_msg,
)
from talk2dino_ros.perception.memory import memory_changes
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.finding_sentence import finding_sentence
from talk2dino_ros.perception.memory.place_finder import Search
from talk2dino_ros.perception.memory.pose_path import PosePath
from talk2dino_ros.perception.memory.word_query import entries_of
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

if TYPE_CHECKING:
    from talk2dino_ros.memory.memory_parameters import MemoryParameters
    from talk2dino_ros.memory.memory_topics import MemoryTopics
    from talk2dino_ros.memory.text_client import TextClient
    from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory

MOST_RESULTS, DEFAULT_RESULTS = 1000, 10


class AskError(Talk2DinoError):
    """A request that cannot be answered as it is, or not now."""


class MemoryServer:
    """Serve a memory while the node is active; say why not while it is not.

    memory, text, images: set at configure, None while there are none. is_active: set by the node.
    """

    def __init__(self, node: Any, topics: MemoryTopics, settings: Callable[[], MemoryParameters]) -> None:
        self._node = node
        self._topics = topics
        self._settings = settings
        self.memory: SpatialMemory | None = None
        self.text: TextClient | None = None
        self.on_forgotten: Callable[[], None] = lambda: None
        self.is_active = False
        group = ReentrantCallbackGroup()  # a find that waits for its vectors must not keep the others out
        for kind, name, answer in (
            (Find, "find", self._find),
            (RememberedView, "view", self._view),
            (Forget, "forget", self._forget),
            (Correct, "correct", self._correct),
        ):
            node.create_service(kind, f"~/{name}", _refusing(answer), callback_group=group)

    async def _find(self, request: Any, response: Any) -> None:
        memory, settings = self._active(), self._settings()
        entries = entries_of(request.class_name, tuple(request.against) or settings.against)
        near = self._near(request, memory)
        if self.text is None:
            raise AskError(NOT_ACTIVE)
        query, space = await self.text.encode(entries, settings.segmenter_timeout_s, lambda: not self.is_active)
        memory = self._active()  # after the wait
        _check_space(memory, space)
        search = Search(
            min_score=settings.min_score,
            min_evidence=settings.min_evidence,
            near=near,
            within_m=request.within_m,
            most=min(request.max_results or DEFAULT_RESULTS, MOST_RESULTS),
        )
        finding = memory.find(query, search, since_ns=stamp_to_ns(request.since))
        frame = memory.store.kind.frame if memory.store.kind else ""
        header = Header(stamp=self._node.get_clock().now().to_msg(), frame_id=frame)
        response.header, response.map_id = header, memory.store.map_id
        response.places = [
            place_to_msg(number, place, query.name, memory.reaches.get(place.view)) for number, place in finding.places
        ]
        response.best_score = math.nan if finding.best_score is None else finding.best_score
        response.best_margin = math.nan if finding.best_margin is None else finding.best_margin
        response.best_evidence = math.nan if finding.best_evidence is None else finding.best_evidence
        response.message = finding_sentence(query, finding, memory)
        self._topics.publish_places(response.places, header, query)

    async def _view(self, request: Any, response: Any) -> None:
        memory = self._active()
        picture, keyframe = memory.view(request.id)
        response.view, response.box = view_to_msg(picture.jpeg, keyframe), box_to_msg(picture.box)
        response.seen_from = view_pose_to_msg(keyframe, memory.store.kind.frame if memory.store.kind else "")

    async def _forget(self, request: Any, response: Any) -> None:
        memory = self._active()
        keyframes, patches = _forgotten(memory, request)
        response.keyframes, response.patches = keyframes, patches
        response.message = (
            f"forgotten: {counted(keyframes, 'image')}, and {counted(patches, 'patch', 'patches')} of others; left: "
            f"{counted(memory.keyframes, 'image')}"
        )
        self.on_forgotten()
        self._node.get_logger().info(response.message)

    async def _correct(self, request: Any, response: Any) -> None:
        memory = self._active()
        self._check_frame(memory, request)
        path = _path(request.corrected)
        before = _path(request.before) if request.before else None
        response.moved, response.unmoved = memory_changes.correct(memory, path, before)
        response.message = f"moved: {counted(response.moved, 'image')}; outside of the poses' time: {response.unmoved}"
        self._node.get_logger().info(response.message)

    def _active(self) -> SpatialMemory:
        if self.memory is None or not self.is_active:
            raise AskError(NOT_ACTIVE)
        return self.memory

    def _near(self, request: Any, memory: SpatialMemory) -> tuple[float, float, float] | None:
        if not request.within_m:
            return None
        point, frame = request.near.point, request.near.header.frame_id
        if not (request.within_m > 0 and math.isfinite(request.within_m + point.x + point.y + point.z)):
            raise AskError(
                f"near is ({point.x}, {point.y}, {point.z}) within {request.within_m} m, expected finite numbers and a "
                "distance above 0; correct it, or leave within_m at 0 for anywhere"
            )
        if frame and memory.store.kind and frame != memory.store.kind.frame:
            raise AskError(
                f"near is in the frame {frame!r}, expected the memory's, {memory.store.kind.frame!r}; transform it, or "
                "leave its frame empty"
            )
        return point.x, point.y, point.z

    @staticmethod
    def _check_frame(memory: SpatialMemory, request: Any) -> None:
        if not request.corrected:
            raise AskError("corrected is empty, expected the body's poses; give them as in nav_msgs/Path")
        frames = {pose.header.frame_id for pose in (*request.corrected, *request.before)} - {""}
        kind = memory.store.kind
        if kind and frames - {kind.frame}:
            raise AskError(
                f"the poses are in {sorted(frames - {kind.frame})[0]!r}, expected the memory's, {kind.frame!r}; "
                "transform them"
            )


NOT_ACTIVE = "the node memory is not active, expected it active; activate it (ros2 lifecycle set <node> activate)"


def _refusing(answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a service's callback, which answers with the sentence of a Talk2DinoError."""

    async def on_request(request: Any, response: Any) -> Any:
        try:
            await answer(request, response)
            response.success = True
        except Talk2DinoError as error:
            response.success, response.message = False, str(error)
        return response

    return on_request


def _check_space(memory: SpatialMemory, space: str) -> None:
    kind = memory.store.kind
    if kind is not None and space != kind.feature_space:
        raise StoreError(
            f"the words are of the feature space {space!r}, but the memory {memory.store.folder} is of "
            f"{kind.feature_space!r}; start the segmenter with the model {kind.model!r} again, or choose another map_id"
        )


def _forgotten(memory: SpatialMemory, request: Any) -> tuple[int, int]:
    if request.what == Forget.Request.PLACE:
        return memory_changes.forget_place(memory, request.id)
    if request.what == Forget.Request.BOX:
        one, other = ((corner.x, corner.y, corner.z) for corner in (request.box_min, request.box_max))
        if not all(math.isfinite(value) for value in (*one, *other)):
            raise AskError(f"the box is from {one} to {other}, expected finite numbers; correct it")
        return memory_changes.forget_box(memory, one, other)
    if request.what == Forget.Request.BEFORE:
        return memory_changes.forget_before(memory, stamp_to_ns(request.before)), 0
    if request.what == Forget.Request.ALL:
        return memory_changes.forget_all(memory), 0
    raise AskError(f"what is {request.what}, expected PLACE (1), BOX (2), BEFORE (3) or ALL (4); nothing was forgotten")


def _path(poses: Any) -> PosePath:
    return PosePath([(stamp_to_ns(pose.header.stamp), pose_to_sensor_pose(pose.pose)) for pose in poses])
